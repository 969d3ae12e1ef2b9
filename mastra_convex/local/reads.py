"""Scans of an index and windows around a row."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from mastra_convex.engine.protocol import Neighbours, NeighboursResult, Row, Scan, ScanResult
from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.local.records import Budget, checked_paths, encoded_key, find, values_at
from mastra_convex.local.scan import Plan, plan, window_plan
from mastra_convex.local.schema import Session, field_key
from mastra_convex.rows.conditions import Predicate, predicate
from mastra_convex.rows.values import MAX_SAFE_INTEGER

_EMPTY = ScanResult(rows=(), matched=0, skipped=0, cursor=None, done=True)


@dataclass
class _Consumed:
    """What a scan has taken so far in this step."""

    rows: list[Row] = field(default_factory=list[Row])
    matched: int = 0
    skipped: int = 0
    last: Row | None = None
    done: bool = False


def scan(session: Session, op: Scan, budget: Budget) -> ScanResult:
    layout = session.layout(op.table)
    holds = predicate(layout.table, op.where)
    _check_counts(op.offset, op.limit or 0)
    walk = plan(
        layout,
        op.index,
        op.prefixes,
        lower=op.lower,
        upper=op.upper,
        descending=op.order == "desc",
        after=op.cursor or None,
    )
    return _scan(session.connection, walk, op, holds, budget)


def _scan(connection: sqlite3.Connection, walk: Plan, op: Scan, holds: Predicate | None, budget: Budget) -> ScanResult:
    table = walk.layout.table
    chosen = checked_paths(table, op.paths)
    if not _take_ranges(walk, budget):
        return ScanResult.model_construct(
            rows=[], values=None if chosen is None else [], matched=0, skipped=0, cursor=op.cursor, done=False
        )
    step = _scan_all(connection, walk, op, budget) if holds is None else _scan_if(connection, walk, op, holds, budget)
    values = None if chosen is None else [values_at(table, row, chosen) for row in step.rows]
    return ScanResult.model_construct(
        rows=step.rows if chosen is None else [],
        values=values,
        matched=step.matched,
        skipped=step.skipped,
        cursor=op.cursor if step.last is None else walk.cursor(step.last),
        done=step.done,
    )


def _take_ranges(walk: Plan, budget: Budget) -> bool:
    ranges = sum(map(len, walk.tracks))
    if ranges > budget.ranges:
        if budget.fresh:
            raise TooLargeError("a scan has too many prefixes", details={"limit": budget.ranges, "size": ranges})
        return False
    budget.ranges -= ranges
    return True


def _scan_all(connection: sqlite3.Connection, walk: Plan, op: Scan, budget: Budget) -> _Consumed:
    """Without conditions: the offset and the total are left to SQL and cost nothing of the budget."""
    step = _Consumed()
    if op.limit == 0:
        step.matched = walk.count(connection) if op.total else 0
        step.skipped = min(op.offset, step.matched)
        step.done = True
        return step
    page, step.skipped = walk.page(connection, op.offset, op.limit)
    for stored in page:
        if not budget.take(stored.size):
            step.skipped = step.skipped if step.rows else 0  # nothing was consumed: the next step skips
            step.matched = step.skipped + len(step.rows)
            break
        step.rows.append(stored.row())
    else:
        step.done = True
        if op.total:
            step.matched = walk.count(connection)
        elif not step.rows and op.offset:
            step.matched = min(op.offset, walk.count(connection))
        else:
            step.matched = step.skipped + len(step.rows)
        step.skipped = min(step.skipped, step.matched)
    step.last = step.rows[-1] if step.rows else None
    return step


def _scan_if(connection: sqlite3.Connection, walk: Plan, op: Scan, holds: Predicate, budget: Budget) -> _Consumed:
    step = _Consumed()
    if op.limit == 0 and not op.total:
        step.done = True
        return step
    for stored in walk.rows(connection):
        if not budget.take(stored.size):
            return step
        row = step.last = stored.row()
        if not holds(row):
            continue
        step.matched += 1
        if step.skipped < op.offset:
            step.skipped += 1
        elif op.limit is None or len(step.rows) < op.limit:
            step.rows.append(row)
            if len(step.rows) == op.limit and not op.total:
                break
    step.done = True
    return step


def _check_counts(*counts: int) -> None:
    if not all(0 <= count <= MAX_SAFE_INTEGER for count in counts):
        raise ValidationError("offset, limit, before and after are whole numbers from 0 to 2^53 - 1")


def neighbours(session: Session, op: Neighbours, budget: Budget) -> NeighboursResult:
    connection, layout = session.connection, session.layout(op.table)
    index = layout.index(op.index)
    holds = predicate(layout.table, op.where)
    key = encoded_key(layout, op.key)
    _check_counts(op.before, op.after)
    stored = find(connection, layout, [key]).get(key)
    target = stored and stored.row()
    if stored is None or target is None or (holds is not None and not holds(target)):
        return NeighboursResult.model_construct(target=None, before=_EMPTY, after=_EMPTY)
    budget.take(stored.size)
    budget.ranges -= 1
    keys = [field_key(target, name) for name in index.fields]
    windows: list[ScanResult] = []
    for descending, limit in ((True, op.before), (False, op.after)):
        walk = window_plan(layout, index, keys, stored.seq, descending=descending)
        around = Scan.model_construct(table=op.table, index=op.index, limit=limit, cursor=walk.cursor(target))
        windows.append(_scan(connection, walk, around, holds, budget) if limit else _EMPTY)
    before, after = windows
    before = before.model_copy(update={"rows": before.rows[::-1]})
    return NeighboursResult.model_construct(target=target, before=before, after=after)
