"""Reading by key, and what all reads share: the budget, rows and the values at paths."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mastra_convex.engine.protocol import (
    Describe,
    DescribeResult,
    Get,
    GetResult,
    Neighbours,
    NeighboursResult,
    Scan,
    ScanResult,
)
from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.local.budgets import Budget
from mastra_convex.local.documents import Stored
from mastra_convex.local.scan import Plan, plan, window_plan
from mastra_convex.local.schema import EncodedKey, Layout, Session
from mastra_convex.rows.conditions import Predicate, predicate
from mastra_convex.rows.cursors import position_of
from mastra_convex.rows.keys import Key, encode_key
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import Path, check_path
from mastra_convex.rows.values import MAX_SAFE_INTEGER, Row
from mastra_convex.tables import Table

_KEYS_AT_ONCE = 256


def encoded_key(layout: Layout, key: Key) -> EncodedKey:
    if len(key) != len(layout.key_fields):
        raise ValidationError(f"a key of {layout.table.name} has {len(layout.key_fields)} values, not {len(key)}")
    return tuple(map(encode_key, key))


def find(session: Session, layout: Layout, keys: Sequence[EncodedKey]) -> dict[EncodedKey, Stored]:
    """Returns the rows with the keys, the oldest where several have one. A key is looked up once in a transaction."""
    found = session.found(layout)
    unknown = [key for key in dict.fromkeys(keys) if key not in found]
    found.update(dict.fromkeys(unknown))
    for key, stored in _candidates(session.connection, layout, unknown):
        known = found[key]
        if known is None or stored.seq < known.seq:
            found[key] = stored
    return {key: row for key in keys if (row := found[key]) is not None}


def _candidates(
    connection: sqlite3.Connection, layout: Layout, keys: Sequence[EncodedKey]
) -> Iterator[tuple[EncodedKey, Stored]]:
    if len(layout.key_fields) > 1 or len(keys) == 1:
        for key in keys:
            for _, *columns in connection.execute(layout.by_keys(1), key):
                yield key, layout.stored(*columns)
        return
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        chunk = [key[0] for key in keys[start : start + _KEYS_AT_ONCE]]
        # Few different sizes, so that prepared statements are used again: the first key is repeated.
        size = 1 << (len(chunk) - 1).bit_length()
        chunk += chunk[:1] * (size - len(chunk))
        for name, *columns in connection.execute(layout.by_keys(size), chunk):
            yield (name,), layout.stored(*columns)


def get(session: Session, op: Get, budget: Budget) -> GetResult:
    layout = session.layout(op.table)
    chosen = checked_paths(layout.table, op.paths)
    keys = [encoded_key(layout, key) for key in op.keys]
    read: list[Stored | None] = []
    following: int | None = None
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        chunk = keys[start : start + _KEYS_AT_ONCE]
        found = find(session, layout, chunk)
        for key in chunk:
            stored = found.get(key)
            if budget.ranges < 1 or (stored is not None and not budget.take(stored.size)):
                following = len(read)
                break
            budget.ranges -= 1
            read.append(stored)
        if following is not None:
            break
    return GetResult(
        rows=[stored and stored.row(layout.table) for stored in read] if chosen is None else [],
        values=None if chosen is None else [stored and stored.open(layout.table).texts(chosen) for stored in read],
        fingerprints=[stored and stored.fingerprint() for stored in read] if op.fingerprints else None,
        next=following,
    )


def describe(session: Session, op: Describe) -> DescribeResult:
    """Describes a table as it is declared, as the file has it. There are no vector indexes: each search is exact."""
    layout = session.layouts.get(op.table)
    if layout is None:
        return DescribeResult(deployed=False)
    table = layout.table
    indexes = {index.name: index.fields for index in table.indexes}
    fields = [field.name for field in table.fields]
    return DescribeResult(deployed=True, key=table.key, fields=fields, indexes=indexes)


def checked_paths(table: Table, paths: Sequence[Path] | None) -> Sequence[Path] | None:
    for path in paths or ():
        check_path(table, path, system=True)
    return paths


_EMPTY = ScanResult(rows=(), matched=0, skipped=0, cursor=None, done=True)


@dataclass
class _Consumed:
    """Holds what a scan has taken so far in this step: rows, or the values at the chosen paths, which are less."""

    chosen: Sequence[Path] | None
    rows: list[Row] = field(default_factory=list[Row])
    values: list[list[str | None]] = field(default_factory=list[list[str | None]])
    matched: int = 0
    skipped: int = 0
    last: OpenRow | None = None
    done: bool = False

    @property
    def count(self) -> int:
        """Returns the number of rows that were taken."""
        return len(self.rows) + len(self.values)

    def take(self, row: OpenRow) -> None:
        """Adds a row."""
        if self.chosen is None:
            self.rows.append(row.close())
        else:
            self.values.append(row.texts(self.chosen))


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
        return ScanResult(
            rows=[], values=None if chosen is None else [], matched=0, skipped=0, cursor=op.cursor, done=False
        )
    step = _scan_all(connection, walk, op, budget) if holds is None else _scan_if(connection, walk, op, holds, budget)
    return ScanResult(
        rows=step.rows,
        values=None if chosen is None else step.values,
        matched=step.matched,
        skipped=step.skipped,
        cursor=op.cursor if step.last is None else walk.cursor(step.last.close()),
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
    """Scans without conditions: the offset and the total are left to SQL and cost nothing of the budget."""
    step = _Consumed(op.paths)
    if op.limit == 0:
        step.matched = walk.count(connection) if op.total else 0
        step.skipped = min(op.offset, step.matched)
        step.done = True
        return step
    page, step.skipped = walk.page(connection, op.offset, op.limit)
    for stored in page:
        if not budget.take(stored.size):
            step.skipped = step.skipped if step.count else 0  # nothing was consumed: the next step skips
            step.matched = step.skipped + step.count
            break
        step.last = stored.open(walk.layout.table)
        step.take(step.last)
    else:
        step.done = True
        if op.total:
            step.matched = walk.count(connection)
        elif not step.count and op.offset:
            step.matched = min(op.offset, walk.count(connection))
        else:
            step.matched = step.skipped + step.count
        step.skipped = min(step.skipped, step.matched)
    return step


def _scan_if(connection: sqlite3.Connection, walk: Plan, op: Scan, holds: Predicate, budget: Budget) -> _Consumed:
    step = _Consumed(op.paths)
    if op.limit == 0 and not op.total:
        step.done = True
        return step
    for stored in walk.rows(connection):
        if not budget.take(stored.size):
            return step
        row = step.last = stored.open(walk.layout.table)
        if not holds(row):
            continue
        step.matched += 1
        if step.skipped < op.offset:
            step.skipped += 1
        elif op.limit is None or step.count < op.limit:
            step.take(row)
            if step.count == op.limit and not op.total:
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
    stored = find(session, layout, [key]).get(key)
    if stored is None or (holds is not None and not holds(stored.open(layout.table))):
        return NeighboursResult(target=None, before=_EMPTY, after=_EMPTY)
    target = stored.row(layout.table)
    budget.take(stored.size)
    budget.ranges -= 1
    keys = position_of(target, index.fields)
    windows: list[ScanResult] = []
    for descending, limit in ((True, op.before), (False, op.after)):
        walk = window_plan(layout, index, keys, stored.seq, descending=descending)
        around = Scan(table=op.table, index=op.index, limit=limit, cursor=walk.cursor(target))
        windows.append(_scan(connection, walk, around, holds, budget) if limit else _EMPTY)
    before, after = windows
    before = replace(before, rows=before.rows[::-1])
    return NeighboursResult(target=target, before=before, after=after)
