"""Reads what pages show, each part within one call of the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mastra_convex.domain import (
    Bound,
    Describe,
    Get,
    GetResult,
    Key,
    Row,
    Scan,
    ScanResult,
    Table,
    decode_row,
    from_json,
)
from mastra_convex.engine.protocol import Read
from mastra_convex.errors import MastraConvexError
from mastra_convex.store import ConvexStore

T = TypeVar("T")

Columns = dict[str, Any]
"""The decoded columns of a row, under their names in storage."""

PAGE: Final = 50
"""Rows of a page."""
SEARCHED: Final = 150
"""Rows that one page of a search looks at."""
PROBLEM: Final = "(problem)"
"""The column that tells why a row could not be read as its table declares it."""
TOO_LARGE: Final = "too large for this page; raw JSON has all"
_VALUES: Final = 150_000
"""So many JSON values, numbers and texts, are decoded for a page, as that takes far longer than to read them."""
_KEPT: Final = 5.0
"""Seconds for which it is known which tables have rows."""


@dataclass(frozen=True)
class Listing:
    """Holds one page of rows, where the next one begins, and how many rows were looked at."""

    rows: list[Columns]
    next: str | None
    looked_at: int


@dataclass(frozen=True)
class Asked:
    """Holds the reads of a page, and what they gave."""

    reads: list[Read[Any]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def recorded() -> Generator[Asked]:
    """Keeps what readers are asked for meanwhile."""
    asked = Asked()
    token = _asked.set(asked)
    try:
        yield asked
    finally:
        _asked.reset(token)


class Reader:
    """Reads rows of any table of a store, and never more than one call gives.

    Rows are decoded in a thread, as they may be large.

    Args:
        store: what is read.
    """

    def __init__(self, store: ConvexStore) -> None:
        self.store = store
        self.tables: Mapping[str, Table] = store.records.tables
        self._deployed: frozenset[str] | None = None
        self._filled: frozenset[str] = frozenset()
        self._looked = 0.0

    async def deployed(self) -> frozenset[str]:
        """Returns the names of the tables that there are."""
        if self._deployed is None:
            names = list(self.tables)
            answers = await self.store.records.once([Describe(table=name) for name in names])
            self._deployed = frozenset(name for name, answer in zip(names, answers, strict=True) if answer.deployed)
        return self._deployed

    async def filled(self) -> frozenset[str]:
        """Returns the names of the tables that have rows."""
        if time.monotonic() - self._looked > _KEPT:
            tables = [self.tables[name] for name in await self.deployed()]
            scans = [
                Scan(table=table.name, index=table.key, limit=1, paths=[[table.key_fields[0]]]) for table in tables
            ]
            rows = await self.store.records.once(scans)
            self._filled = frozenset(table.name for table, found in zip(tables, rows, strict=True) if found.values)
            self._looked = time.monotonic()
        return self._filled

    async def has(self, table: str) -> bool:
        """Tells whether the store has a table with rows."""
        return table in await self.filled()

    async def once(self, reads: Sequence[Read[T]]) -> list[T]:
        """Returns as much of several reads as one call gives."""
        answers = await self.store.records.once(reads)
        asked = _asked.get()
        if asked is not None:
            asked.reads.extend(reads)
            asked.answers.extend(answers)
        return answers

    async def get(self, table: str, key: Key) -> Columns | None:
        """Returns the row with a key, or None."""
        [found] = await self.once([Get(table=table, keys=[key])])
        return await self.row(table, found)

    async def row(self, table: str, found: GetResult) -> Columns | None:
        """Returns the one row that a get has found, or None."""
        row = found.rows[0] if found.rows else None
        return None if row is None else await asyncio.to_thread(self._decoded, table, row)

    async def page(
        self,
        scan: Scan,
        *,
        columns: Mapping[str, Sequence[str]] | None = None,
        keep: Callable[[Columns], bool] | None = None,
    ) -> Listing:
        """Returns a page of rows.

        Args:
            scan: the rows, with the cursor of the page; its limit is set here.
            columns: the paths that are read, by the names they get; None reads whole rows.
            keep: which rows are shown; None for all. A page looks at a bounded number of rows, and may have none.
        """
        [found] = await self.once([self.scan(scan, columns, searched=keep is not None)])
        listing = await self.listing(scan.table, found, columns, searched=keep is not None)
        if keep is None:
            return listing
        kept = await asyncio.to_thread(lambda: [row for row in listing.rows if keep(row)])
        return Listing(kept, listing.next, listing.looked_at)

    def scan(self, scan: Scan, columns: Mapping[str, Sequence[str]] | None = None, *, searched: bool = False) -> Scan:
        """Returns a scan for one page."""
        return Scan(
            table=scan.table,
            index=scan.index,
            prefixes=scan.prefixes,
            lower=scan.lower,
            upper=scan.upper,
            order=scan.order,
            cursor=scan.cursor or None,
            limit=scan.limit or (SEARCHED if searched else PAGE),
            paths=None if columns is None else [list(path) for path in columns.values()],
        )

    async def listing(
        self,
        table: str,
        found: ScanResult,
        columns: Mapping[str, Sequence[str]] | None = None,
        *,
        searched: bool = False,
        limit: int | None = None,
    ) -> Listing:
        """Returns the rows that the scan of a page has found."""
        if columns is None:
            rows = await asyncio.to_thread(self._all_decoded, table, found.rows)
        else:
            rows = [_named(columns, values) for values in found.values or ()]
        is_last = found.done and len(rows) < (limit or (SEARCHED if searched else PAGE))
        return Listing(rows, None if is_last else found.cursor, len(rows))

    async def names(self, table: str, index: str, after: str) -> Listing:
        """Returns a page of the different texts that an index begins with, one look-up for each."""
        lower = Bound(value=after, inclusive=False)
        found = await self.store.records.different(Scan(table=table, index=index, lower=lower), PAGE)
        return Listing([{"name": name} for name in found], found[-1] if len(found) == PAGE else None, len(found))

    def _all_decoded(self, table: str, rows: Sequence[Row]) -> list[Columns]:
        """Decodes the rows of a page; a row that would be too much after those before it is shown as it lies there."""
        decoded: list[Columns] = []
        left = _VALUES
        for row in rows:
            values = sum(text.count(",") for text in row.values() if isinstance(text, str))
            if values > left < _VALUES:  # the first of them is always decoded
                decoded.append({PROBLEM: TOO_LARGE, **row})
            else:
                left -= values
                decoded.append(self._decoded(table, row))
        return decoded

    def _decoded(self, table: str, row: Row) -> Columns:
        """Decodes a row; one that other programs have written in another way is shown as it lies there."""
        try:
            return decode_row(self.tables[table], dict(row))
        except (MastraConvexError, ValueError, TypeError) as error:
            return {PROBLEM: str(error), **row}


def _named(columns: Mapping[str, Sequence[str]], values: Sequence[str | None]) -> Columns:
    row: Columns = {}
    for name, value in zip(columns, values, strict=True):
        try:
            row[name] = None if value is None else from_json(value)
        except ValueError:
            row[name] = value
    return row
