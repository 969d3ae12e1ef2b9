"""Deletes and patches of index ranges, with the budget of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mastra_convex.engine.protocol import RANGE_BYTES, IndexRange
from mastra_convex.errors import TooLargeError
from mastra_convex.local.documents import Stored
from mastra_convex.local.scan import plan
from mastra_convex.local.schema import Session
from mastra_convex.rows.conditions import predicate
from mastra_convex.rows.large_values import generations

RANGES_TO_DROP: Final = 2
"""Index ranges that it takes to note of a large value that it is dropped."""


@dataclass
class StepBudget:
    """What the range operations of a step may still consume. `changes` are index ranges: one for each row changed, two
    for each large value that is dropped.

    In a `whole` commit each row that is changed counts twice.
    """

    rows: float
    changes: int
    size: int = RANGE_BYTES
    whole: bool = False
    fresh: bool = True

    def take(self, size: int, *, changes: int) -> bool:
        """Whether a row of this size may be consumed, whose change takes so many index ranges, 0 for one that stays; if
        so, it is charged. The first one always may."""
        if self.whole and changes:
            size *= 2
        if self.rows < 1 or self.changes < changes or (self.size < size and not self.fresh):
            return False
        self.fresh = False
        self.rows -= 1
        self.changes -= changes
        self.size -= size
        return True

    def too_large(self) -> TooLargeError:
        limit = "bytes" if self.changes > RANGES_TO_DROP else "ranges"
        return TooLargeError("the ranges of a commit are larger than one transaction takes", details={"limit": limit})


def rows_of(
    session: Session, target: IndexRange, after: str | None = None
) -> tuple[Iterator[tuple[Stored, bool]], Callable[[Stored], str]]:
    """The rows of a range, each with whether its conditions hold, and a function that makes a cursor of one."""
    layout = session.layout(target.table)
    holds = predicate(layout.table, target.where)
    walk = plan(layout, target.index, [target.prefix], lower=target.lower, upper=target.upper, after=after)

    def rows() -> Iterator[tuple[Stored, bool]]:
        for stored in walk.rows(session.connection):
            yield stored, holds is None or holds(stored.row())

    return rows(), lambda stored: walk.cursor(stored.row())


def change_range(
    session: Session,
    target: IndexRange,
    budget: StepBudget,
    after: str | None,
    change: Callable[[list[Stored]], None],
    *,
    drops: bool,
) -> tuple[int, bool, str | None]:
    """Changes rows of a range; returns how many, whether all are done, and the cursor of the last row consumed.

    The rows are read before the first is changed: a change may move a row within the index. `drops` tells that it may
    drop the large values that they refer to.
    """
    rows, cursor = rows_of(session, target, after)
    chosen: list[Stored] = []
    last: Stored | None = None
    done = True
    for stored, holds in rows:
        dropped = len(generations(stored.doc)) if drops else 0
        if not budget.take(stored.size, changes=1 + RANGES_TO_DROP * dropped if holds else 0):
            done = False
            break
        last = stored
        if holds:
            chosen.append(stored)
    change(chosen)
    return len(chosen), done, after if last is None else cursor(last)
