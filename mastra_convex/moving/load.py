"""Writes rows that came from another database: those that are missing, and others as the caller chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import orjson

from mastra_convex.engine.client import Records, batches, in_parts
from mastra_convex.engine.protocol import Engine, KeyGuard, Put
from mastra_convex.errors import ConflictError, ValidationError
from mastra_convex.moving.stored_rows import StoredRows, content, without_system_fields
from mastra_convex.rows.explain import one_of
from mastra_convex.rows.values import Row, plain_numbers, to_json
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table

IfExists = Literal["keep", "replace", "error"]

_NAMED: Final = 5
"""Rows that an error names."""


@dataclass(slots=True)
class TableReport:
    """Counts the rows of one table: those that came, those that were written, and those that differ and were kept."""

    rows: int = 0
    written: int = 0
    kept: int = 0


@dataclass(slots=True)
class MoveReport:
    """Tells what was moved.

    Attributes:
        tables: what came of each table, by its name; large values are counted in `mastra_chunks`.
        left_out: tables that were left out, with the number of their rows, as no domain of the store has them.
    """

    tables: dict[str, TableReport] = field(default_factory=dict[str, TableReport])
    left_out: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    def of(self, table: Table) -> TableReport:
        """Returns what is known of a table."""
        return self.tables.setdefault(table.name, TableReport())


def checked_if_exists(value: object) -> None:
    """Raises ValidationError for what is none of `IfExists`."""
    if value not in get_args(IfExists):
        raise ValidationError(f"if_exists {one_of(value, get_args(IfExists))}")


class Loader:
    """Writes rows into a database; one that is there and equal is left as it is, so that a repeat changes nothing.

    Args:
        engine: the database, without the layers that hide how rows are stored.
        tables: its tables, by name.
        if_exists: what happens to a row that is there and differs: it is kept or replaced. With "error" the caller
            has found out before, by `refuse_differing`, that there is none; one that came since is kept.
    """

    def __init__(self, engine: Engine, tables: Mapping[str, Table], if_exists: IfExists) -> None:
        self._stored = StoredRows(engine, tables)
        self._records = Records(engine, tables)
        self._if_exists = if_exists
        self.report: MoveReport = MoveReport()

    async def load(self, table: Table, rows: Sequence[Row]) -> None:
        """Writes rows in their order, and counts them."""
        counts = self.report.of(table)
        counts.rows += len(rows)
        left = list(rows)
        while left:
            missing, differing = await self._compared(table, left)
            left = await self._insert(table, missing)
            counts.written += len(missing) - len(left)
            if self._if_exists == "replace":
                await self._put(table, differing)
                counts.written += len(differing)
            else:
                counts.kept += len(differing)

    async def refuse_differing(self, table: Table, rows: Sequence[Row]) -> None:
        """Raises ConflictError, which names them, if some of the rows are there and differ."""
        _, differing = await self._compared(table, rows)
        if differing:
            named = [table.key_of(row) for row in differing[:_NAMED]]
            more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
            raise ConflictError(
                f"{table.name} has other rows with the keys {', '.join(map(to_json, named))}{more}; choose by "
                'if_exists="keep" or "replace" which of them stay',
                details={"table": table.name, "keys": named},
            )

    async def count_differing(self, table: Table, rows: Sequence[Row]) -> int:
        """Counts the rows that the database has not, or not as they are."""
        return sum(map(len, await self._compared(table, rows)))

    async def _compared(self, table: Table, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """Returns the rows that are missing, and those that are there and differ. Of equal keys the last counts."""
        wanted = {_key(table, row): row for row in rows}
        found: dict[bytes, Row] = {}
        async for page in self._stored.found(table, [table.key_of(row) for row in wanted.values()]):
            found.update((_key(table, row), row) for row in page)
        missing = [row for key, row in wanted.items() if key not in found]
        if table in (CHUNKS, LARGE_VALUES):  # of one generation they are the same, but for when they were last seen to
            return missing, []
        differing = [row for key, row in wanted.items() if key in found and content(found[key]) != content(row)]
        return missing, differing

    async def _insert(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """Writes rows that were missing, and returns those of commits that found another one there meanwhile."""
        again: list[Row] = []

        async def insert(part: Sequence[Row]) -> None:
            guards = [KeyGuard(guard="missing", table=table.name, key=table.key_of(row)) for row in part]
            result = await self._records.commit([_put(table, part)], guards=guards)
            if result.status == "conflict":
                again.extend(part)

        for batch in batches(rows):
            await in_parts(batch, insert)
        return again

    async def _put(self, table: Table, rows: Sequence[Row]) -> None:
        async def put(part: Sequence[Row]) -> None:
            await self._records.commit([_put(table, part)])

        for batch in batches(rows):
            await in_parts(batch, put)


def _put(table: Table, rows: Sequence[Row]) -> Put:
    return Put(table=table.name, rows=[without_system_fields(row) for row in rows], extra=True)


def _key(table: Table, row: Row) -> bytes:
    return orjson.dumps(plain_numbers(table.key_of(row)))
