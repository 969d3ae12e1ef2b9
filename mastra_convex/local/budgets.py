"""How much one call may read and write, well inside the limits of Convex (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mastra_convex.engine.protocol import MAX_RANGES, RANGE_BYTES, READ_BYTES, READ_ROWS
from mastra_convex.errors import TooLargeError


class TakesLongError(Exception):
    """What was attempted is too large to be done at once."""


@dataclass
class Budget:
    """What is left to consume in a call. The first row of a call is always granted."""

    rows: int = READ_ROWS
    size: int = READ_BYTES
    ranges: int = MAX_RANGES
    fresh: bool = True

    def take(self, size: int) -> bool:
        """Whether a row of this size may be consumed; if so, it is charged."""
        if not self.fresh and (self.rows < 1 or self.size < size):
            self.rows = 0
            return False
        self.fresh = False
        self.rows -= 1
        self.size -= size
        return True


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
