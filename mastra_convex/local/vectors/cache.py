"""The vectors of the ranges that were searched last, kept in memory and equal to the file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mastra_convex.engine.protocol import Search
from mastra_convex.local.connections import quoted
from mastra_convex.local.documents import FLOAT_BYTES
from mastra_convex.local.scan import Plan
from mastra_convex.local.schema import Session, index_name, vector_column
from mastra_convex.local.vectors import Vectors
from mastra_convex.local.vectors.change_log import changed_since, latest_version
from mastra_convex.rows.keys import encode_key
from mastra_convex.rows.values import setting

VECTOR_CACHE_BYTES: Final = 1 << 30
"""An engine keeps at most so many bytes of vectors, unless it is given another number."""

_ROWS_AT_ONCE = 256
"""So many rows are read by one statement."""
_ROWS_PER_SPARE_ROW = 4
"""There is room for one more row for each so many, so that new rows seldom make all be read anew."""
_MIN_SPARE_ROWS = 256
"""There is room for at least so many more rows, also where there are few."""


@dataclass
class _Entry:
    vectors: Vectors
    version: int


class VectorCache:
    """Keeps vectors of at most `max_bytes` in all; a range that is larger is read for each search of it.

    Searches hold `lock` while their transaction lasts: a later one then never sees an older state.
    """

    def __init__(self, max_bytes: int) -> None:
        self.lock: threading.Lock = threading.Lock()
        self._max_bytes = setting(max_bytes, "vector_cache_bytes", least=0)
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()

    def is_quick(self, op: Search) -> bool:
        """Tells whether the vectors that a search needs are here, and so few that it takes little time."""
        entry = self._entries.get(_key(op))
        return entry is not None and entry.vectors.quick

    def vectors(self, session: Session, walk: Plan, op: Search) -> Vectors:
        """Returns the vectors that a search needs, as the transaction sees them: those of its length in its range."""
        key, dimension = _key(op), len(op.vector)
        # Out of the cache until it is right: what raises on the way leaves nothing half done behind.
        entry = self._entries.pop(key, None)
        version = latest_version(session.connection, walk.layout.table.name)
        source = _Source(session, walk, op.field, dimension)
        if entry is None or not source.refresh(entry, version):
            del entry  # its memory goes first
            rows = source.count()
            rows += rows // _ROWS_PER_SPARE_ROW + _MIN_SPARE_ROWS
            self._make_room(rows * dimension * FLOAT_BYTES)
            entry = _Entry(_kind()(dimension, rows), version)
            source.fill(entry.vectors)
        if entry.vectors.size <= self._max_bytes:
            self._entries[key] = entry
        return entry.vectors

    def clear(self) -> None:
        self._entries.clear()

    def _make_room(self, size: int) -> None:
        while self._entries and size + sum(entry.vectors.size for entry in self._entries.values()) > self._max_bytes:
            self._entries.popitem(last=False)


def _key(op: Search) -> Any:
    """Returns what tells the vectors of a search from others; values that are equal only in Python differ."""
    target = op.range
    bounds = [bound and (encode_key(bound.value), bound.inclusive) for bound in (target.lower, target.upper)]
    return target.table, target.index, *map(encode_key, target.prefix), *bounds, op.field, len(op.vector)


class _Source:
    """Reads the rows of a range that have a vector of one length."""

    def __init__(self, session: Session, walk: Plan, field: str, dimension: int) -> None:
        self._connection = session.connection
        self._walk = walk
        ((self._stretch,),) = walk.tracks
        self._column = quoted(vector_column(field))
        self._is_vector = [f"length({self._column}) = ?", f"typeof({self._column}) = 'blob'"]
        self._bytes = dimension * FLOAT_BYTES

    def count(self) -> int:
        """Counts the rows of the range; some may have vectors of other lengths."""
        return self._walk.count(self._connection)

    def fill(self, vectors: Vectors) -> None:
        layout, index = self._walk.layout, self._walk.index
        span, parameters = self._stretch
        terms = [*layout.terms(index, span), *self._is_vector]
        query = f"SELECT _seq, {self._column} FROM {layout.name} INDEXED BY {index_name(layout.table, index)}"  # noqa: S608
        query += f" WHERE {' AND '.join(terms)}"
        found = self._connection.execute(query, (*parameters, self._bytes))
        while rows := found.fetchmany(_ROWS_AT_ONCE):
            vectors.add(rows)

    def refresh(self, entry: _Entry, version: int) -> bool:
        """Reads what has changed up to `version`; False when that is not known, or more than there is room for."""
        if version == entry.version:
            return True
        layout = self._walk.layout
        changed = changed_since(self._connection, layout.table.name, entry.version)
        if changed is None:
            return False
        span, parameters = self._stretch
        terms = [*layout.terms(self._walk.index, span), *self._is_vector]
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
        entry.version = version
        return True


@cache
def _kind() -> Callable[[int, int], Vectors]:
    """Returns the class that holds vectors: with numpy, which is imported when it is first needed, or without."""
    try:
        from mastra_convex.local.vectors.numpy_search import ExactVectors  # noqa: PLC0415
    except ModuleNotFoundError:
        from mastra_convex.local.vectors.python_search import PlainVectors  # noqa: PLC0415

        return PlainVectors
    return ExactVectors
