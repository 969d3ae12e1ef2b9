"""Guards: what must hold before a commit writes anything."""

from __future__ import annotations

from collections.abc import Sequence

from mastra_convex.engine.protocol import READ_ROWS, EmptyGuard, Guard, HoldsGuard, KeyGuard, UnchangedGuard
from mastra_convex.local.budgets import StepBudget
from mastra_convex.local.reads import encoded_key, find
from mastra_convex.local.schema import Session
from mastra_convex.local.writes import rows_of
from mastra_convex.rows.conditions import predicate


def failing_guards(session: Session, guards: Sequence[Guard]) -> list[int]:
    """Returns the positions of the guards that fail."""
    return [n for n, guard in enumerate(guards) if not _holds(session, guard)]


def _holds(session: Session, guard: Guard) -> bool:
    if isinstance(guard, EmptyGuard):
        budget = StepBudget(rows=READ_ROWS, changes=0)
        rows, _ = rows_of(session, guard.range)
        for stored, holds in rows:
            if holds:
                return False
            if not budget.take(stored.size, changes=0):
                raise budget.too_large()
        return True
    layout = session.layout(guard.table)
    key = encoded_key(layout, guard.key)
    row = find(session, layout, [key]).get(key)
    match guard:
        case KeyGuard():
            return (row is not None) is (guard.guard == "exists")
        case HoldsGuard():
            test = predicate(layout.table, guard.where)
            return row is not None and (test is None or test(row.open(layout.table)))
        case UnchangedGuard():
            return row is not None and row.fingerprint() == guard.fingerprint
