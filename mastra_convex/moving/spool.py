"""Puts the rows of a file in the order they were made in, on disk, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from mastra_convex.rows.values import Row

_PAGE_BYTES: Final = 4 << 20


class Spool:
    """Keeps rows in a temporary database that SQLite deletes by itself. Call its methods in one thread at a time."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("CREATE TABLE rows (name TEXT, made REAL, row BLOB)")
        self._rows.execute("CREATE INDEX in_order ON rows (name, made)")

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows; one without `_creationTime` is made after those before it."""
        self._rows.execute("BEGIN")
        self._rows.executemany(
            "INSERT INTO rows VALUES (?, ?, ?)",
            [(table, row.get("_creationTime", float("inf")), orjson.dumps(row)) for row in rows],
        )
        self._rows.execute("COMMIT")

    def pages(self, table: str) -> Iterator[list[Row]]:
        """Yields the rows of a table in pages, in the order they were made in; of equal times, as they were added."""
        page: list[Row] = []
        size = 0
        query = "SELECT row FROM rows WHERE name = ? ORDER BY made, rowid"
        for (text,) in self._rows.execute(query, (table,)):
            page.append(orjson.loads(text))
            size += len(text)
            if size > _PAGE_BYTES:
                yield page
                page, size = [], 0
        if page:
            yield page

    def close(self) -> None:
        """Deletes the rows."""
        self._rows.close()
