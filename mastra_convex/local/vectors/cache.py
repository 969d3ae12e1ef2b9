"""The vectors of the ranges that were searched last, kept in memory and equal to the file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from mastra_convex.local.connections import quoted
from mastra_convex.local.documents import FLOAT_BYTES
from mastra_convex.local.scan import Plan
from mastra_convex.local.schema import Session, index_name, vector_column
from mastra_convex.local.vectors.change_log import changed_since, latest_version
from mastra_convex.local.vectors.scores import Vectors

_MAX_BYTES = 1 << 30
"""Of all vectors that are kept; the range of the last search is kept whatever its size."""
_ROWS_AT_ONCE = 256
_SPARE = 4
"""There is room for one more row for each so many."""
_LEAST_ROOM = 256


@dataclass
class _Entry:
    vectors: Vectors
    version: int


class VectorCache:
    """Searches hold `lock` while their transaction lasts: a later one then never sees an older state."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()

    def vectors(self, session: Session, walk: Plan, field: str, dimension: int) -> Vectors:
        """The vectors of one length in a column of a range, as the transaction sees them."""
        table = walk.layout.table.name
        ((stretch,),) = walk.tracks
        key = (table, walk.index.fields, stretch, field, dimension)
        # Out of the cache until it is right: what raises on the way leaves nothing half done behind.
        entry = self._entries.pop(key, None)
        version = latest_version(session.connection, table)
        source = _Source(session, walk, field, dimension)
        if entry is None or not source.refresh(entry):
            del entry  # its memory goes first
            rows = source.count()
            rows += rows // _SPARE + _LEAST_ROOM
            self._make_room(rows * dimension * FLOAT_BYTES)
            entry = _Entry(_kind()(dimension, rows), version)
            source.fill(entry.vectors)
        entry.version = version
        self._entries[key] = entry
        return entry.vectors

    def clear(self) -> None:
        self._entries.clear()

    def _make_room(self, size: int) -> None:
        while self._entries and size + sum(entry.vectors.size for entry in self._entries.values()) > _MAX_BYTES:
            self._entries.popitem(last=False)


class _Source:
    """The rows of a range that have a vector of one length."""

    def __init__(self, session: Session, walk: Plan, field: str, dimension: int) -> None:
        self._connection = session.connection
        self._walk = walk
        ((self._stretch,),) = walk.tracks
        self._column = quoted(vector_column(field))
        self._bytes = dimension * FLOAT_BYTES

    def count(self) -> int:
        """The rows of the range; some may have vectors of other lengths."""
        return self._walk.count(self._connection)

    def fill(self, vectors: Vectors) -> None:
        layout, index = self._walk.layout, self._walk.index
        span, parameters = self._stretch
        terms = [*layout.terms(index, span), f"length({self._column}) = ?"]
        query = f"SELECT _seq, {self._column} FROM {layout.name} INDEXED BY {index_name(layout.table, index)}"  # noqa: S608
        query += f" WHERE {' AND '.join(terms)}"
        found = self._connection.execute(query, (*parameters, self._bytes))
        while rows := found.fetchmany(_ROWS_AT_ONCE):
            vectors.add(rows)

    def refresh(self, entry: _Entry) -> bool:
        """Reads what has changed since; False when that is not known, or more than there is room for."""
        layout = self._walk.layout
        changed = changed_since(self._connection, layout.table.name, entry.version)
        if changed is None:
            return False
        span, parameters = self._stretch
        terms = [*layout.terms(self._walk.index, span), f"length({self._column}) = ?"]
        for start in range(0, len(changed), _ROWS_AT_ONCE):
            seqs = changed[start : start + _ROWS_AT_ONCE]
            marks = ", ".join("?" * len(seqs))
            query = f"SELECT _seq, {self._column} FROM {layout.name} WHERE {' AND '.join(terms)} AND _seq IN ({marks})"  # noqa: S608
            rows = self._connection.execute(query, (*parameters, self._bytes, *seqs)).fetchall()
            entry.vectors.discard(seqs)
            if len(rows) > entry.vectors.room:
                return False
            if rows:
                entry.vectors.add(rows)
        return True


@cache
def _kind() -> Callable[[int, int], Vectors]:
    """With numpy, which is imported when it is first needed, or without."""
    try:
        from mastra_convex.local.vectors.numpy_search import ExactVectors  # noqa: PLC0415
    except ModuleNotFoundError:
        from mastra_convex.local.vectors.python_search import PlainVectors  # noqa: PLC0415

        return PlainVectors
    return ExactVectors
