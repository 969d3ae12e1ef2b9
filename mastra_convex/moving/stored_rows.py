"""Reads rows as they lie in a database, with references in place of large values, in the order they were made in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from mastra_convex.engine.protocol import Engine, Get, Scan
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.large_values import generations
from mastra_convex.rows.sizes import value_size
from mastra_convex.rows.times import now
from mastra_convex.rows.values import Row, plain_numbers
from mastra_convex.tables import BY_CREATION, CHUNKS, LARGE_VALUES, Table, deployed

_FIRST_PAGE: Final = 50
_PAGE: Final = 500
"""Most rows of a page."""
_PAGE_BYTES: Final = 1 << 20
"""Bytes of a page as values. In memory that is up to four times as much, and several pages are there at once."""
_CHUNKS_PAGE: Final = 2
"""Most rows of a page of chunks, which are of almost 1 MiB."""

_SYSTEM: Final = ("_id", "_creationTime")


def stored_tables(tables: Iterable[Table]) -> dict[str, Table]:
    """Returns the tables of a database that have data, by name: those of domains, hosts and large values."""
    return deployed([*tables, LARGE_VALUES, CHUNKS])


def without_system_fields(row: Row) -> Row:
    """Returns the columns of a row that a program wrote."""
    return {name: value for name, value in row.items() if name not in _SYSTEM}


def referred(rows: Sequence[Row]) -> set[str]:
    """Returns the generations of large values that rows refer to."""
    return generations(orjson.dumps(rows))


def content(row: Row) -> bytes:
    """Returns a text that rows have in common whose columns are equal, in whatever database they lie."""
    return orjson.dumps(plain_numbers(without_system_fields(row)), option=orjson.OPT_SORT_KEYS)


def _fitting(rows: Sequence[Row]) -> int:
    """Returns how many rows like these fit a page."""
    size = sum(map(value_size, rows))
    return min(max(_PAGE_BYTES * len(rows) // size, 1), _PAGE)


class StoredRows:
    """Reads the rows of a database.

    Args:
        engine: the database, without the layers that hide how rows are stored.
        tables: its tables, by name.
    """

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self._engine = engine

    async def pages(self, table: Table, where: Sequence[Condition] = ()) -> AsyncIterator[list[Row]]:
        """Yields the rows of a table for which the conditions hold, in pages, in the order they were made in."""
        cursor, done, limit = None, False, _FIRST_PAGE
        while not done:
            scan = Scan(table=table.name, index=BY_CREATION.name, where=where, cursor=cursor, limit=limit)
            [result] = await self._engine.read([scan])
            cursor, done = result.cursor, result.done and len(result.rows) < limit
            if result.rows:
                limit = _fitting(result.rows)
                yield list(result.rows)

    async def found(self, table: Table, keys: Sequence[Sequence[Any]]) -> AsyncIterator[list[Row]]:
        """Yields the rows with these keys, in pages, in the order of the keys; keys without a row are left out."""
        rest = list(keys)
        while rest:
            [result] = await self._engine.read([Get(table=table.name, keys=rest[:_PAGE])])
            rest = rest[_PAGE if result.next is None else result.next :]
            rows = [row for row in result.rows if row is not None]
            if rows:
                yield rows

    async def chunks(self, generations: Iterable[str]) -> AsyncIterator[list[Row]]:
        """Yields the chunks of large values, in pages."""
        for generation in sorted(generations):
            cursor, done = None, False
            while not done:
                scan = Scan(
                    table=CHUNKS.name, index=CHUNKS.key, prefixes=[[generation]], cursor=cursor, limit=_CHUNKS_PAGE
                )
                [result] = await self._engine.read([scan])
                cursor, done = result.cursor, result.done and len(result.rows) < _CHUNKS_PAGE
                if result.rows:
                    yield list(result.rows)

    async def large_values(self, generations: Iterable[str]) -> AsyncIterator[list[Row]]:
        """Yields the rows that tell of large values, in pages, as those of values to which a row refers."""
        async for rows in self.found(LARGE_VALUES, [[generation] for generation in sorted(generations)]):
            since = int(now().timestamp() * 1000)  # a value of which no row tells within the hour is swept
            yield [{**row, "state": "live", "since": since} for row in rows]
