"""Turns a scan into ranges of an index, and reads the rows of these in order. Internal."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mastra_convex.engine.protocol import Bound, limits
from mastra_convex.errors import ValidationError
from mastra_convex.local.connections import quoted
from mastra_convex.local.documents import Stored, UnreadableError
from mastra_convex.local.schema import Layout, Span, key_column
from mastra_convex.rows.cursors import Limit, Position, decode_cursor, encode_cursor, position_of, within
from mastra_convex.rows.keys import Key, encode_key
from mastra_convex.rows.values import Row
from mastra_convex.tables import Index

Stretch = tuple[Span, tuple[bytes | int, ...]]
"""A span of an index with its parameters."""


@dataclass(frozen=True)
class Plan:
    """The stretches of an index that a scan walks, in order for each prefix; the prefixes are merged."""

    layout: Layout
    index: Index
    fixed: int
    descending: bool
    tracks: Sequence[Sequence[Stretch]]

    def count(self, connection: sqlite3.Connection) -> int:
        """The number of rows, by the index alone."""
        total = 0
        for span, parameters in (stretch for track in self.tracks for stretch in track):
            (number,) = connection.execute(self.layout.count(self.index, span), parameters).fetchone()
            total += number
        return total

    def rows(self, connection: sqlite3.Connection) -> Iterator[Stored]:
        """All rows in order, read as they are consumed."""
        if len(self.tracks) == 1:
            for span, parameters in self.tracks[0]:
                query = self.layout.select(self.index, span, self.descending, self.layout.columns)
                for columns in connection.execute(query, (*parameters, -1, 0)):
                    yield self.layout.stored(*columns)
            return
        for columns in self._merged(connection, self.layout.columns):
            yield self.layout.stored(*columns[self._width :])

    def page(self, connection: sqlite3.Connection, offset: int, limit: int | None) -> tuple[Iterator[Stored], int]:
        """Up to `limit` rows after the first `offset`, and how many of those there were: they are counted, not read."""
        if len(self.tracks) > 1:
            return self._merged_page(connection, offset, limit)
        skipped = 0
        for n, (span, parameters) in enumerate(self.tracks[0] if self.tracks else ()):
            rest = offset - skipped
            if rest and len(self.tracks[0]) > 1:
                (number,) = connection.execute(self.layout.count(self.index, span), parameters).fetchone()
                if number <= rest:
                    skipped += number
                    continue
            return self._page(connection, n, rest, limit), offset
        return iter(()), skipped

    def _page(self, connection: sqlite3.Connection, first: int, offset: int, limit: int | None) -> Iterator[Stored]:
        left = -1 if limit is None else limit
        for span, parameters in self.tracks[0][first:]:
            query = self.layout.select(self.index, span, self.descending, self.layout.columns)
            for columns in connection.execute(query, (*parameters, left, offset)):
                left -= left > 0
                yield self.layout.stored(*columns)
            if left == 0:
                return
            offset = 0

    def _merged_page(
        self, connection: sqlite3.Connection, offset: int, limit: int | None
    ) -> tuple[Iterator[Stored], int]:
        positions = self._merged(connection)
        skipped = 0
        for _ in zip(range(offset), positions):  # noqa: B905  # the shorter ends it
            skipped += 1
        return self._documents(connection, positions, limit), skipped

    def _documents(
        self, connection: sqlite3.Connection, positions: Iterator[tuple[Any, ...]], limit: int | None
    ) -> Iterator[Stored]:
        query = f"SELECT {self.layout.columns} FROM {self.layout.name} WHERE _seq = ?"  # noqa: S608
        for n, position in enumerate(positions):
            if limit is not None and n >= limit:
                return
            yield self.layout.stored(*connection.execute(query, position[-1:]).fetchone())

    @property
    def _width(self) -> int:
        """The number of values in a position: keys after the prefix, and `_seq`."""
        return len(self.index.fields) - self.fixed + 1

    def _merged(self, connection: sqlite3.Connection, *columns: str) -> Iterator[tuple[Any, ...]]:
        """The position and the columns of all rows in order."""
        width = self._width
        tracks = [self._positions(connection, track, columns) for track in self.tracks]
        try:
            yield from heapq.merge(*tracks, key=lambda found: found[:width], reverse=self.descending)
        except TypeError as error:
            raise self._without_position(connection) from error
        finally:
            for track in tracks:
                track.close()

    def _without_position(self, connection: sqlite3.Connection) -> UnreadableError:
        """Finds a row whose key columns cannot be compared, as they are damaged."""
        columns = [quoted(key_column(name)) for name in self.index.fields[self.fixed :]]
        damaged = " OR ".join(f"typeof({column}) NOT IN ('blob', 'text')" for column in columns)
        for span, parameters in (stretch for track in self.tracks for stretch in track):
            terms = [*self.layout.terms(self.index, span), f"({damaged})"]
            query = f"SELECT _seq FROM {self.layout.name} WHERE {' AND '.join(terms)}"  # noqa: S608  # quoted names
            found = connection.execute(query, parameters).fetchone()
            if found is not None:
                return UnreadableError(self.layout.table, found[0], "its key columns are damaged")
        raise AssertionError("only damaged keys cannot be compared")

    def _positions(
        self, connection: sqlite3.Connection, track: Sequence[Stretch], columns: Sequence[str]
    ) -> Generator[tuple[Any, ...]]:
        names = [quoted(key_column(name)) for name in self.index.fields[self.fixed :]]
        chosen = ", ".join([*names, "_seq", *columns])
        for span, parameters in track:
            query = self.layout.select(self.index, span, self.descending, chosen)
            yield from connection.execute(query, (*parameters, -1, 0))

    def cursor_at(self, connection: sqlite3.Connection, seq: int) -> str:
        """The position of a row by its key columns, so that a row that cannot be read has one too."""
        names = ", ".join(quoted(key_column(name)) for name in self.index.fields[self.fixed :]) or "NULL"
        query = f"SELECT {names} FROM {self.layout.name} WHERE _seq = ?"  # noqa: S608  # quoted names
        keys = connection.execute(query, (seq,)).fetchone()
        return encode_cursor((keys[: len(self.index.fields) - self.fixed], seq))

    def cursor(self, row: Row) -> str:
        """The position of a row that was read."""
        return encode_cursor((position_of(row, self.index.fields[self.fixed :]), row["_creationTime"]))


def plan(
    layout: Layout,
    index_name: str,
    prefixes: Sequence[Key],
    *,
    lower: Bound | None = None,
    upper: Bound | None = None,
    descending: bool = False,
    after: Position | str | None = None,
) -> Plan:
    """Plans a scan. Raises ValidationError when prefixes, bounds or cursor do not fit the index."""
    index = layout.index(index_name)
    fixed = len(prefixes[0]) if prefixes else 0
    if any(len(prefix) != fixed for prefix in prefixes):
        raise ValidationError("the prefixes of a scan must have equal lengths")
    free = len(index.fields) - fixed
    if free < 0 or (free == 0 and (lower or upper)):
        raise ValidationError(f"{layout.table.name}.{index.name} has only {len(index.fields)} fields")
    if isinstance(after, str):
        after = decode_cursor(after, free)
    low, high = limits(lower, upper)
    encoded = dict.fromkeys(tuple(map(encode_key, prefix)) for prefix in prefixes)
    tracks = [_stretches(prefix, low, high, descending, after) for prefix in encoded]
    return Plan(layout, index, fixed, descending, tracks)


def window_plan(layout: Layout, index: Index, keys: Sequence[bytes], seq: int, *, descending: bool) -> Plan:
    """Plans the rows before or after one, among those that equal it in all index fields but the last."""
    *prefix, last = keys
    track = _stretches(tuple(prefix), None, None, descending, ((last,), seq))
    return Plan(layout, index, len(prefix), descending, [track])


def _stretches(
    prefix: tuple[bytes, ...], low: Limit, high: Limit, descending: bool, after: Position | None
) -> list[Stretch]:
    """The stretches of one prefix. After a position: the rest of its ties, then of those a field less deep, ..."""
    if after is None:
        return [_stretch(prefix, low, high)]
    keys, seq = after
    beyond = "<" if descending else ">"
    stretches: list[Stretch] = []
    if not keys:
        return [(Span(len(prefix), seq=beyond), (*prefix, seq))]
    if within(keys[0], low, high):
        stretches.append((Span(len(prefix) + len(keys), seq=beyond), (*prefix, *keys, seq)))
        for depth in range(len(keys) - 1, 0, -1):
            edge = (beyond, keys[depth])
            equal = (*prefix, *keys[:depth])
            stretches.append(_stretch(equal, None, edge) if descending else _stretch(equal, edge, None))
    edge = (beyond, keys[0])
    if descending:
        stretches.append(_stretch(prefix, low, edge if high is None or keys[0] <= high[1] else high))
    else:
        stretches.append(_stretch(prefix, edge if low is None or keys[0] >= low[1] else low, high))
    return stretches


def _stretch(equal: tuple[bytes, ...], low: Limit, high: Limit) -> Stretch:
    bounds = [limit[1] for limit in (low, high) if limit is not None]
    return Span(len(equal), low[0] if low else "", high[0] if high else ""), (*equal, *bounds)
