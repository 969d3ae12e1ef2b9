"""Reading by key, and what all reads share: the budget, rows and the values at paths."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mastra_convex.engine.protocol import (
    MAX_RANGES,
    READ_BYTES,
    READ_ROWS,
    Describe,
    DescribeResult,
    Get,
    GetResult,
    Key,
    Path,
    Row,
)
from mastra_convex.errors import ValidationError
from mastra_convex.local.documents import Stored
from mastra_convex.local.schema import Layout, Session
from mastra_convex.rows.keys import encode_key
from mastra_convex.rows.paths import MISSING, check_path, value_at
from mastra_convex.tables import Table

_KEYS_AT_ONCE = 256


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


def encoded_key(layout: Layout, key: Key) -> tuple[bytes, ...]:
    if len(key) != len(layout.key_fields):
        raise ValidationError(f"a key of {layout.table.name} has {len(layout.key_fields)} values, not {len(key)}")
    return tuple(map(encode_key, key))


def find(
    connection: sqlite3.Connection, layout: Layout, keys: Sequence[tuple[bytes, ...]]
) -> dict[tuple[bytes, ...], Stored]:
    """The rows with the keys, the oldest where several have one key."""
    found: dict[tuple[bytes, ...], Stored] = {}
    for names, stored in _candidates(connection, layout, keys):
        known = found.get(names)
        if known is None or stored.seq < known.seq:
            found[names] = stored
    return found


def _candidates(
    connection: sqlite3.Connection, layout: Layout, keys: Sequence[tuple[bytes, ...]]
) -> Iterator[tuple[tuple[bytes, ...], Stored]]:
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
    rows: list[Row | None] = []
    fingerprints: list[str | None] = []
    following: int | None = None
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        chunk = keys[start : start + _KEYS_AT_ONCE]
        found = find(session.connection, layout, chunk)
        for key in chunk:
            stored = found.get(key)
            if budget.ranges < 1 or (stored is not None and not budget.take(stored.size)):
                following = len(rows)
                break
            budget.ranges -= 1
            rows.append(stored and stored.row())
            if op.fingerprints:
                fingerprints.append(stored and stored.fingerprint())
        if following is not None:
            break
    values = None
    if chosen is not None:
        values = [None if row is None else values_at(layout.table, row, chosen) for row in rows]
        rows = []
    return GetResult.model_construct(
        rows=rows, values=values, fingerprints=fingerprints if op.fingerprints else None, next=following
    )


def describe(session: Session, op: Describe) -> DescribeResult:
    """What is declared, which is what the file has. There are no vector indexes: every search is exact."""
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


def values_at(table: Table, row: Row, paths: Sequence[Path]) -> list[str | None]:
    """The JSON text of the value at each path, None where there is none.

    LargeValueError where one is inside a value that is kept in chunks.
    """
    texts: list[str | None] = []
    for path in paths:
        value: Any = value_at(table, row, path, visible=True)
        texts.append(None if value is MISSING else orjson.dumps(value).decode())
    return texts
