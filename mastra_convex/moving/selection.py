"""Chooses rows of a database: those of some domains, or all that belongs to one resource."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Scan
from mastra_convex.moving.stored_rows import StoredRows
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.paths import Path
from mastra_convex.rows.values import Row, from_json, to_json
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table

_OWNERS: Final = 100
"""Ids of owners in one scan."""

Key = Sequence[Any]


class DomainRows:
    """Chooses the rows of some tables, also those that lie as records in a host table.

    Args:
        chosen: the tables.
        all_tables: all tables of the store.
    """

    def __init__(self, chosen: Iterable[Table], all_tables: Iterable[Table]) -> None:
        self._chosen = {table.name for table in chosen}
        self._hosts = {table.name: table.stored_in.name for table in all_tables if table.stored_in is not None}

    async def pages(self, stored: StoredRows) -> AsyncIterator[tuple[Table, list[Row]]]:
        """Yields the rows, in pages, one table after the other, each in the order they were made in."""
        for table in stored.tables.values():
            if table in (CHUNKS, LARGE_VALUES):
                continue
            hosted = {name for name, host in self._hosts.items() if host == table.name}
            if self._chosen.isdisjoint({table.name, *hosted}):
                continue
            async for rows in stored.pages(table):
                yield table, self.of(table, rows)

    def of(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """Returns those of the rows of a table that are chosen; of a host the records of chosen tables."""
        hosted = {name for name, host in self._hosts.items() if host == table.name}
        if not hosted:
            return list(rows) if table.name in self._chosen else []
        by = table.key_fields[0]
        return [row for row in rows if (row[by] if row[by] in hosted else table.name) in self._chosen]


@dataclass(frozen=True, slots=True)
class FoundRow:
    """Names a row: by its key, by the id by which rows of other tables belong to it, and by when it was made."""

    key: Key
    id: Any
    made: float


class ResourceRows:
    """Finds all rows that belong to one resource: those that name it, and those that belong to one of these.

    Args:
        records: the database, through the layers of a store.
        tables: the tables of the store, by name.
        resource_id: the resource.
    """

    def __init__(self, records: Records, tables: Mapping[str, Table], resource_id: str) -> None:
        self._records = records
        self._tables = tables
        self._resource_id = resource_id

    async def pages(self, stored: StoredRows) -> AsyncIterator[tuple[Table, list[Row]]]:
        """Yields the rows as they are stored, in pages, one table after the other."""
        keys: dict[str, list[Key]] = {}
        for table, rows in await self.found():
            if table.stored_in is None:
                keys[table.name] = [row.key for row in rows]
            else:
                keys.setdefault(table.stored_in.name, []).extend([table.name, *row.key] for row in rows)
        for name, some in keys.items():
            async for page in stored.found(stored.tables[name], some):
                yield stored.tables[name], page

    async def found(self) -> list[tuple[Table, list[FoundRow]]]:
        """Returns the rows by table, in the order they were made in; rows that belong to others come before these."""
        naming = [table for table in self._tables.values() if table.resource is not None]
        found = {table.name: await self._naming(table) for table in naming}
        for table in self._tables.values():
            if table.owner is not None and table.owner.table in found:
                ids = [[row.id] for row in found[table.owner.table].values()]
                owned = await self._of_ids(table, table.owner.index, ids)
                found[table.name] = {**found.get(table.name, {}), **owned}
            if table.beside in found:
                keys = [row.key for row in found[table.beside].values()]
                found[table.name] = await self._of_ids(table, table.key, keys)
        in_order = sorted(found, key=lambda name: (self._tables[name].owner or self._tables[name].beside) is None)
        return [
            (self._tables[name], sorted(found[name].values(), key=lambda row: row.made))
            for name in in_order
            if found[name]
        ]

    async def _naming(self, table: Table) -> dict[bytes, FoundRow]:
        """Returns the rows that name the resource, by the texts of their keys."""
        first = {index.fields[0]: index.name for index in table.indexes}
        if table.resource in first:
            scan = Scan(table=table.name, index=first[table.resource], prefixes=[[self._resource_id]])
        else:
            path = _path(table.resource or "")
            where = [Condition(path=path, operator="eq", value=to_json(self._resource_id))]
            scan = Scan(table=table.name, index=table.key, where=where)
        return await self._scanned(table, scan)

    async def _of_ids(self, table: Table, index: str, ids: Sequence[Key]) -> dict[bytes, FoundRow]:
        """Returns the rows that begin so in an index, but for those that name another resource."""
        found: dict[bytes, FoundRow] = {}
        for start in range(0, len(ids), _OWNERS):
            scan = Scan(table=table.name, index=index, prefixes=[list(id) for id in ids[start : start + _OWNERS]])
            found.update(await self._scanned(table, scan))
        return found

    async def _scanned(self, table: Table, scan: Scan) -> dict[bytes, FoundRow]:
        keys = [[name] for name in table.key_fields]
        resource = _path(table.resource or table.owner_field)
        paths: list[Path] = [["_creationTime"], [table.owner_field], resource, *keys]
        found: dict[bytes, FoundRow] = {}
        cursor, done = None, False
        while not done:
            step = await self._records.step(replace(scan, paths=paths, cursor=cursor))
            cursor, done = step.cursor, step.done
            for texts in step.values or ():
                made, id, named, *key = (from_json(text or "null") for text in texts)
                if table.resource is None or named is None or named == self._resource_id:
                    found[orjson.dumps(key)] = FoundRow(key, id, made)
        return found


def _path(name: str) -> list[str]:
    return name.split(".", 1)
