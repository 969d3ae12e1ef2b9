"""Upserts and patches of rows, checked as Convex would check them and written with few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from mastra_convex.engine import Change, Edit, Row
from mastra_convex.errors import ValidationError
from mastra_convex.local.checks import check_columns, check_complete, dump
from mastra_convex.local.conditions import parse_json
from mastra_convex.local.layout import Layout
from mastra_convex.local.paths import apply_edit, check_path
from mastra_convex.local.records import find
from mastra_convex.local.stored import Stored, charged


class Written(NamedTuple):
    """How many rows were put, the positions of new ones, the bytes of all, and those of the rows that they replaced."""

    rows: int
    new: list[int]
    size: int
    replaced: int


def put_rows(connection: sqlite3.Connection, layout: Layout, rows: Sequence[Row], keep: Sequence[str]) -> Written:
    """Inserts rows or updates those with their keys."""
    table = layout.table
    for name in keep:
        _check_column(layout, name)
    wanted: dict[tuple[bytes, ...], Row] = {}
    keys: list[tuple[bytes, ...]] = []
    for row in rows:
        check_columns(table, row, row)
        check_complete(table, row)
        key = layout.key(row)
        keys.append(key)
        wanted[key] = row
    found = find(connection, layout, list(wanted))
    size = 0
    inserts: list[tuple[Any, ...]] = []
    for key, row in wanted.items():
        stored = found.get(key)
        if stored is None:
            doc, vectors = dump(layout, row)
            size += len(doc) + sum(map(charged, filter(None, vectors)))
            inserts.append((doc.decode(), *layout.keys(row), *vectors))
        else:
            old = stored.columns()
            kept = {name: value for name, value in old.items() if name in keep or name not in table.field_by_name}
            size += _update(connection, layout, stored, old, {**row, **kept})
    if len(inserts) == 1:
        connection.execute(layout.insert, inserts[0])
    elif inserts:
        connection.executemany(layout.insert, inserts)
    new = [n for n, key in enumerate(keys) if key not in found]
    return Written(len(wanted), new, size, sum(stored.size for stored in found.values()))


class Patcher:
    """A change that was checked once and applies to many rows."""

    def __init__(self, layout: Layout, change: Change) -> None:
        self._layout = layout
        self._set = dict(change.set)
        self._unset = list(change.unset)
        self._edits: list[tuple[Edit, Any]] = []
        check_columns(layout.table, self._set, self._set)
        for name in self._unset:
            _check_column(layout, name)
        for edit in change.edits:
            check_path(layout.table, edit.path, system=False)
            self._edits.append((edit, parse_json(edit.value, "an edit")))
        self._edited = list(dict.fromkeys(edit.path[0] for edit in change.edits))

    def apply(self, connection: sqlite3.Connection, stored: Stored) -> None:
        old = stored.columns()
        new = {**old, **self._set}
        for name in self._unset:
            new.pop(name, None)
        for edit, value in self._edits:
            apply_edit(self._layout.table, new, edit, value)
        check_columns(self._layout.table, new, self._edited)
        if self._unset:
            check_complete(self._layout.table, new)
        _update(connection, self._layout, stored, old, new)


def _check_column(layout: Layout, name: str) -> None:
    if name not in layout.table.field_by_name:
        raise ValidationError(f"{layout.table.name} has no column {name!r}")


def _update(connection: sqlite3.Connection, layout: Layout, stored: Stored, old: Row, new: Row) -> int:
    """Writes a row that exists, and of its key columns those that changed, so that other indexes stay untouched.

    Returns the size of the row.
    """
    doc, vectors = dump(layout, new)
    known = dict(stored.vectors)
    stored_vectors = [known.get(name) for name in layout.vectors]
    if doc != stored.doc or vectors != stored_vectors:
        before = [*layout.keys(old), *stored_vectors]
        after = [*layout.keys(new), *vectors]
        changed = [n for n, value in enumerate(after) if value != before[n]]
        values = [after[n] for n in changed]
        connection.execute(layout.update(tuple(changed)), (doc.decode(), *values, stored.seq))
    return len(doc) + sum(map(charged, filter(None, vectors)))
