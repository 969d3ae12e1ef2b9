"""Exports, imports, copies and erases rows, a page at a time: memory does not grow with the data."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from mastra_convex.engine.client import MAX_KEYS, Records
from mastra_convex.engine.protocol import Delete, Engine
from mastra_convex.engine.threads import in_thread_to_its_end
from mastra_convex.errors import ConflictError, ValidationError
from mastra_convex.moving.checks import check_row
from mastra_convex.moving.load import IfExists, Loader, MoveReport
from mastra_convex.moving.selection import DomainRows, ResourceRows
from mastra_convex.moving.snapshot import SnapshotReader, SnapshotWriter
from mastra_convex.moving.spool import Spool
from mastra_convex.moving.stored_rows import StoredRows, referred, stored_tables
from mastra_convex.rows.values import Row
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table, by_name

Progress = Callable[[str, int], None]
"""Is called with the name of a table and the number of its rows that were moved so far."""

_RECEIPTS: Final = "mastra_receipts"


class Selection(Protocol):
    """Chooses rows of a database."""

    def pages(self, stored: StoredRows) -> AsyncIterator[tuple[Table, list[Row]]]: ...


@dataclass(frozen=True)
class Database:
    """Is one end of a transfer.

    Attributes:
        engine: the database itself.
        records: the database through the layers of a store.
        tables: the tables of the store.
    """

    engine: Engine
    records: Records
    tables: Sequence[Table]

    @property
    def stored(self) -> StoredRows:
        """Reads the rows as they lie in the database."""
        return StoredRows(self.engine, stored_tables(self.tables))

    def resource(self, id: str) -> ResourceRows:
        """Chooses all rows that belong to one resource."""
        return ResourceRows(self.records, by_name(self.tables), id)


async def export(source: Database, path: Path, selection: Selection, progress: Progress) -> MoveReport:
    """Writes chosen rows into a snapshot file, which is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    writer = await in_thread_to_its_end(SnapshotWriter, part)
    report = MoveReport()
    try:
        async for table, rows in _whole(source.stored, selection):
            await in_thread_to_its_end(writer.write, table.name, rows)
            counts = report.of(table)
            counts.rows = counts.written = counts.rows + len(rows)
            progress(table.name, counts.rows)
        await in_thread_to_its_end(writer.finish)
        os.replace(part, path)
    except BaseException:
        with suppress(Exception):
            writer.abandon()
        with suppress(OSError):
            os.remove(part)
        raise
    return report


async def _whole(stored: StoredRows, selection: Selection) -> AsyncIterator[tuple[Table, list[Row]]]:
    """Yields chosen rows, then the large values that they refer to."""
    generations: set[str] = set()
    async for table, rows in selection.pages(stored):
        if rows:
            generations |= referred(rows)
            yield table, rows
    async for rows in stored.chunks(generations):
        yield CHUNKS, rows
    async for rows in stored.large_values(generations):
        yield LARGE_VALUES, rows


async def import_(
    target: Database, path: Path, selection: DomainRows, if_exists: IfExists, progress: Progress
) -> MoveReport:
    """Reads a snapshot file into a database. The whole file is checked before the first row is written."""
    reader = await in_thread_to_its_end(SnapshotReader, path)
    spool = Spool()
    try:
        tables = stored_tables(target.tables)
        left_out = await in_thread_to_its_end(_spooled, reader, spool, tables, selection)
        loader = Loader(target.engine, tables, if_exists)
        loader.report.left_out.update(left_out)
        # Large values come first, so that no row refers to one that is not there.
        in_order = sorted(tables.values(), key=lambda table: table not in (CHUNKS, LARGE_VALUES))
        if if_exists == "error":
            for table in in_order:
                async for rows in _in_thread(spool.pages(table.name)):
                    await loader.refuse_differing(table, rows)
        for table in in_order:
            async for rows in _in_thread(spool.pages(table.name)):
                await loader.load(table, rows)
                progress(table.name, loader.report.of(table).rows)
        return loader.report
    finally:
        spool.close()
        reader.close()


def _spooled(reader: SnapshotReader, spool: Spool, tables: dict[str, Table], selection: DomainRows) -> dict[str, int]:
    """Checks the rows of a file and spools them; returns the number of rows of each table that was left out."""
    left_out: dict[str, int] = {}
    for name in reader.tables:
        table = tables.get(name)
        for rows in reader.pages(name):
            if table is None:
                if name != _RECEIPTS:
                    left_out[name] = left_out.get(name, 0) + len(rows)
                continue
            for row in rows:
                check_row(table, row)
            spool.add(name, rows if table in (CHUNKS, LARGE_VALUES) else selection.of(table, rows))
    return left_out


async def _in_thread(pages: Iterator[list[Row]]) -> AsyncIterator[list[Row]]:
    def following() -> list[Row] | None:
        return next(pages, None)

    while (page := await in_thread_to_its_end(following)) is not None:
        yield page


async def copy(
    source: Database, target: Database, selection: Selection, if_exists: IfExists, progress: Progress
) -> MoveReport:
    """Copies chosen rows to another database, and reads them there again.

    Raises ConflictError when a row is not there as it was copied, as another program changed it meanwhile.
    """
    stored, tables = source.stored, stored_tables(target.tables)
    missing = sorted(set(stored.tables) - set(tables))
    if missing:
        raise ValidationError(f"the target has no tables {', '.join(missing)}; open it with the same domains")
    loader = Loader(target.engine, tables, if_exists)
    if if_exists == "error":
        async for table, rows in selection.pages(stored):
            await loader.refuse_differing(table, rows)
    async for table, rows in selection.pages(stored):
        generations = referred(rows)
        async for chunks in stored.chunks(generations):
            await loader.load(CHUNKS, chunks)
        async for values in stored.large_values(generations):
            await loader.load(LARGE_VALUES, values)
        await loader.load(table, rows)
        progress(table.name, loader.report.of(table).rows)
    await _verify(stored, selection, loader)
    return loader.report


async def _verify(stored: StoredRows, selection: Selection, loader: Loader) -> None:
    differing: dict[str, int] = {}
    async for table, rows in selection.pages(stored):
        count = await loader.count_differing(table, rows)
        if count:
            differing[table.name] = differing.get(table.name, 0) + count
    wrong = {name: count for name, count in differing.items() if count > loader.report.tables[name].kept}
    if wrong:
        counts = ", ".join(f"{count} of {name}" for name, count in sorted(wrong.items()))
        raise ConflictError(
            f"rows differ from the source after the copy, as somebody wrote meanwhile: {counts}; copy again",
            retryable=True,
            details={"tables": wrong},
        )


async def erase(database: Database, resource_id: str, progress: Progress) -> dict[str, int]:
    """Deletes all rows that belong to a resource, those that belong to others first; returns their numbers by table."""
    erased: dict[str, int] = {}
    while found := await database.resource(resource_id).found():
        for table, rows in found:
            for start in range(0, len(rows), MAX_KEYS):
                keys = [row.key for row in rows[start : start + MAX_KEYS]]
                result = await database.records.commit([Delete(table=table.name, keys=keys)])
                erased[table.name] = erased.get(table.name, 0) + result.outcomes[0].changed
                progress(table.name, erased[table.name])
    return erased
