"""Upserts and patches of rows, checked as Convex would check them and written with few statements."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from mastra_convex.engine.protocol import IndexRange, Put
from mastra_convex.local.budgets import RANGES_TO_DROP, StepBudget
from mastra_convex.local.documents import Stored, UnreadableError, charged, check_columns, check_complete, dump
from mastra_convex.local.reads import find
from mastra_convex.local.scan import plan
from mastra_convex.local.schema import Layout, Session
from mastra_convex.rows.changes import Change, RowChange
from mastra_convex.rows.conditions import predicate
from mastra_convex.rows.keys import encode_key
from mastra_convex.rows.large_values import generations, owner_of
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import check_column
from mastra_convex.rows.values import Row
from mastra_convex.tables import LARGE_VALUES


class Written(NamedTuple):
    """Counts rows that were put, their bytes and those of replaced rows; `new` has the positions of new ones."""

    rows: int
    new: list[int]
    size: int
    replaced: int


def put_rows(session: Session, layout: Layout, op: Put) -> Written:
    """Inserts rows or updates those with their keys."""
    table, keep = layout.table, op.keep
    for name in keep:
        check_column(table, name)
    wanted: dict[tuple[bytes, ...], tuple[Row, list[bytes]]] = {}
    keys: list[tuple[bytes, ...]] = []
    for row in op.rows:
        check_columns(table, row, row, extra=bool(op.extra))
        check_complete(table, row)
        columns = layout.keys(row)
        key = layout.key(columns)
        keys.append(key)
        wanted[key] = row, columns
    found = find(session, layout, list(wanted))
    size = 0
    inserts: list[tuple[Any, ...]] = []
    for key, (row, columns) in wanted.items():
        stored = found.get(key)
        if stored is None:
            doc, vectors = dump(table, layout.vectors, row)
            size += len(doc) + sum(map(charged, filter(None, vectors)))
            inserts.append((doc.decode(), *columns, *vectors))
            if session.is_watched:
                session.written.append((layout, columns))
        else:
            old = stored.open(table).close()
            kept = {name: value for name, value in old.items() if name in keep}
            foreign = {name: value for name, value in old.items() if name not in table.field_by_name}
            size += _update(session, layout, stored, OpenRow(table, {**foreign, **row, **kept})).size
    if len(inserts) == 1:
        session.connection.execute(layout.insert, inserts[0])
    elif inserts:
        session.connection.executemany(layout.insert, inserts)
    session.found(layout).clear()
    new = [n for n, key in enumerate(keys) if key not in found]
    return Written(len(wanted), new, size, sum(stored.size for stored in found.values()))


class Patcher:
    """Applies a change to stored rows, checked as Convex would check it. It `may_drop` large values."""

    def __init__(self, layout: Layout, change: Change) -> None:
        self._layout = layout
        self._change = RowChange(layout.table, change)
        self._edited = list(dict.fromkeys(edit.path[0] for edit in change.edits))
        changed = {*change.set, *change.unset, *self._edited}
        self.may_drop: bool = any(field.name in changed for field in layout.table.large_columns)
        self._moves = not changed.isdisjoint(layout.key_fields)
        self._unsets = bool(change.unset)
        check_columns(layout.table, change.set, change.set)

    def apply(self, session: Session, stored: Stored) -> None:
        """Changes a row in the database."""
        layout = self._layout
        new = self._change.of(stored.open(layout.table))
        row = new.close()
        check_columns(layout.table, row, self._edited)
        if self._unsets:
            check_complete(layout.table, row)
        changed = _update(session, layout, stored, new)
        found = session.found(layout)
        if self._moves:
            found.clear()
        elif found:
            key = layout.key(layout.keys(row))
            known = found.get(key)
            if known is not None and known.seq == stored.seq:
                found[key] = changed


def delete_rows(session: Session, layout: Layout, rows: Iterable[Stored]) -> None:
    """Deletes rows; large values of theirs are dropped."""
    deleted = list(rows)
    session.connection.executemany(layout.delete, [(stored.seq,) for stored in deleted])
    session.found(layout).clear()
    for stored in deleted:
        _drop(session, layout, stored)
        if session.is_watched:
            session.written.append((layout, _key_columns(layout, stored)))


def _key_columns(layout: Layout, stored: Stored) -> list[bytes] | None:
    """The bytes of all key columns; None for a row that cannot be read."""
    try:
        return layout.keys(stored.open(layout.table).close())
    except UnreadableError:
        return None


def _drop(session: Session, layout: Layout, stored: Stored, doc: bytes = b"") -> None:
    """Marks large values that the row no longer references as dropped; a sweep deletes them later."""
    if not layout.table.large_columns:
        return
    dropped = generations(stored.doc) - generations(doc)
    if not dropped:
        return
    session.dropped += len(dropped)
    try:
        owner = owner_of(layout.table.name, layout.table.key_of(stored.open(layout.table).close()))
    except UnreadableError:  # a sweep finds out that no row refers to the values
        return
    values = session.layouts[LARGE_VALUES.name]
    change = Patcher(values, Change(set={"state": "dropped", "since": int(time.time() * 1000)}))
    for value in find(session, values, [(encode_key(generation),) for generation in dropped]).values():
        if value.open(values.table).get(["owner"]) == owner:
            change.apply(session, value)


def _update(session: Session, layout: Layout, stored: Stored, row: OpenRow) -> Stored:
    """Writes a row that exists, and of its key columns those that changed, so that other indexes stay untouched.

    Returns the row as it is stored now.
    """
    old = stored.open(layout.table).close()
    new = {name: value for name, value in row.close().items() if name != "_creationTime"}
    doc, vectors = dump(layout.table, layout.vectors, new)
    known = dict(stored.vectors)
    stored_vectors = [known.get(name) for name in layout.vectors]
    if doc == stored.doc and vectors == stored_vectors:
        return stored
    columns = layout.keys(old), layout.keys(new)
    if session.is_watched:
        session.written += [(layout, each) for each in columns]
    before, after = [*columns[0], *stored_vectors], [*columns[1], *vectors]
    changed = [n for n, value in enumerate(after) if value != before[n]]
    values = [after[n] for n in changed]
    session.connection.execute(layout.update(tuple(changed)), (doc.decode(), *values, stored.seq))
    _drop(session, layout, stored, doc)
    written = layout.stored(stored.seq, doc, *vectors)
    if vectors == stored_vectors:  # others are rounded to float32
        written.opened = row
    return written


def rows_of(
    session: Session, target: IndexRange, after: str | None = None
) -> tuple[Iterator[tuple[Stored, bool]], Callable[[Stored], str]]:
    """The rows of a range, each with whether its conditions hold, and a function that makes a cursor of one."""
    layout = session.layout(target.table)
    holds = predicate(layout.table, target.where)
    walk = plan(layout, target.index, [target.prefix], lower=target.lower, upper=target.upper, after=after)

    def rows() -> Iterator[tuple[Stored, bool]]:
        for stored in walk.rows(session.connection):
            yield stored, holds is None or holds(stored.open(layout.table))

    return rows(), lambda stored: walk.cursor_at(session.connection, stored.seq)


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
    position = after if done or last is None else cursor(last)
    change(chosen)
    return len(chosen), done, position
