"""Hosted tables: tables that are not deployed, whose rows are records of another table (`Table.stored_in`).

A layer turns operations on a hosted table into operations on its host, and leaves others as they are. Keys, conditions,
guards, edits and ranges are translated one by one and stay atomic. The host does not have the indexes of the hosted
table: a scan reads all rows that the conditions leave, and puts them in order here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from mastra_convex.engine.client import Records, check_whole
from mastra_convex.engine.layer import Layer
from mastra_convex.engine.protocol import (
    Bound,
    Commit,
    CommitResult,
    Describe,
    Engine,
    Get,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Put,
    Read,
    Scan,
    ScanResult,
    Search,
    SearchResult,
    limits,
)
from mastra_convex.errors import ConfigurationError, ValidationError, damaged_row
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.cursors import decode_cursor, encode_cursor, position_of, within
from mastra_convex.rows.keys import Key, encode_key
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import Path, check_path
from mastra_convex.rows.values import Row, carried, to_json, unescape_keys
from mastra_convex.tables import Field, Table

T = TypeVar("T")

_LAST_FIELDS = ("_creationTime", "id")
"""Rows that an index does not tell apart are in the order of these."""


def with_hosted_tables(engine: Engine, tables: Iterable[Table]) -> Engine:
    """Returns the engine as the tables need it: itself when none of them is hosted."""
    hosted = {table.name: _HostedTable(table, table.stored_in) for table in tables if table.stored_in is not None}
    return _HostedTables(engine, hosted) if hosted else engine


class _HostedTables(Layer):
    """Translates operations on hosted tables and passes on others."""

    def __init__(self, engine: Engine, tables: Mapping[str, _HostedTable]) -> None:
        super().__init__(engine)
        self._tables = tables
        self._records = Records(engine, {})

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        results = await self._engine.read([self._translated(op) for op in ops])
        return [await self._answer(op, result) for op, result in zip(ops, results, strict=True)]

    async def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        translated = [self._translated(op) for op in ops]
        async with aclosing(self._engine.watch(translated, give_up_after=give_up_after)) as states:
            async for results in states:
                check_whole(translated, results)
                yield [await self._answer(op, result) for op, result in zip(ops, results, strict=True)]

    async def commit(self, commit: Commit, /) -> CommitResult:
        guards, ops, returning = (
            [self._translated(op) for op in each] for each in (commit.guards, commit.ops, commit.returning)
        )
        result = await self._engine.commit(replace(commit, guards=guards, ops=ops, returning=returning))
        pairs = zip(commit.returning, result.returned, strict=False)  # nothing is returned after a conflict
        return replace(result, returned=[await self._answer(op, answer) for op, answer in pairs])

    async def search(self, search: Search, /) -> SearchResult:
        table = self._tables.get(search.range.table)
        if table is not None:
            raise table.refused("vectors cannot be searched")
        return await self._engine.search(replace(search, guards=[self._translated(guard) for guard in search.guards]))

    def _translated(self, op: Any) -> Any:
        """Returns the operation, or guard, on the host if its table is hosted."""
        table = self._tables.get(op.range.table if hasattr(op, "range") else op.table)
        return op if table is None or isinstance(op, Describe) else table.translated(op)

    async def _answer(self, op: Any, result: Any) -> Any:
        table = self._tables.get(op.table)
        if table is None or isinstance(op, Describe):
            return result
        if isinstance(op, Get):
            return replace(result, rows=[row and table.row(row) for row in result.rows])
        rows = [*result.rows]
        if not result.done:
            rest = replace(table.translated(op), cursor=result.cursor)
            rows += (await self._records.read(rest)).rows
        rows = [table.row(row) for row in rows]
        return table.scan(op, rows) if isinstance(op, Scan) else table.neighbours(op, rows)


@dataclass(frozen=True)
class _HostedTable:
    """A hosted table and its host."""

    table: Table
    host: Table

    def translated(self, op: Any) -> Any:
        """Returns an operation, or a guard, on the host. Scans and neighbours become a scan of all rows to look at."""
        if isinstance(op, Scan):
            for prefix in op.prefixes:
                self._fields(op.index, prefix, op.lower or op.upper)
            if len(set(map(len, op.prefixes))) > 1:
                raise ValidationError("the prefixes of a scan must have equal lengths")
            columns = zip(self._fields(op.index), zip(*op.prefixes, strict=True), strict=False)
            return self._scan(
                [*(self._condition(name, "in", values) for name, values in columns), *self._where(op.where)]
            )
        if isinstance(op, Neighbours):
            return self._scan(self._where(op.where))
        if isinstance(op, Put) and op.keep:
            raise self.refused("a put cannot keep columns")
        members = {name: translate(getattr(op, name)) for name, translate in self._members.items() if hasattr(op, name)}
        return replace(op, **members)

    @cached_property
    def _members(self) -> Mapping[str, Callable[[Any], Any]]:
        """The members of operations and guards that are different on the host."""
        return {
            "table": lambda _: self.host.name,
            "key": self._key,
            "keys": lambda keys: [self._key(key) for key in keys],
            "rows": lambda rows: [self._record_of(row) for row in rows],
            "paths": lambda paths: paths and [self._path(path) for path in paths],
            "where": self._where,
            "range": self._range,
            "change": self._change,
        }

    def _scan(self, where: Sequence[Condition]) -> Scan:
        return Scan(table=self.host.name, index=self.host.key, prefixes=[[self.table.name]], where=where)

    def _key(self, key: Key) -> Key:
        if len(key) != 1:
            raise ValidationError(f"a key of {self.table.name} has 1 value")
        return [self.table.name, *key]

    def _record_of(self, row: Row) -> Row:
        name, id = self.host.key_fields
        return {name: self.table.name, id: row["id"], self._column: row}

    def _change(self, change: Change) -> Change:
        if change.unset:
            raise self.refused("columns cannot be removed")
        # An edit takes and gives values as users see them, where `set` has the stored form.
        sets = [
            Edit(path=self._path([name]), reducer="set", value=to_json(unescape_keys(value)))
            for name, value in change.set.items()
        ]
        return Change(edits=[*sets, *(replace(edit, path=self._path(edit.path)) for edit in change.edits)])

    def _range(self, range: IndexRange) -> IndexRange:
        fields = self._fields(range.index, range.prefix, range.lower or range.upper)
        where = [self._condition(field, "eq", value) for field, value in zip(fields, range.prefix, strict=False)]
        if range.lower or range.upper:
            where += self._bounds(fields[len(range.prefix)], range.lower, range.upper)
        where += self._where(range.where)
        return IndexRange(table=self.host.name, index=self.host.key, prefix=[self.table.name], where=where)

    def _bounds(self, name: str, lower: Bound | None, upper: Bound | None) -> list[Condition]:
        """Returns bounds as conditions; refuses those where an index has more in its order than a comparison takes."""
        field = self.table.field_by_name.get(name, Field(name, "any"))
        types: dict[str, Any] = {"string": str, "number": int | float}
        for bound in filter(None, (lower, upper)):
            if not isinstance(bound.value, types.get(field.type, ())) or isinstance(bound.value, bool):
                raise self.refused(f"{name} cannot be bounded by {bound.value!r}")
        if lower is None and (field.optional or field.nullable):
            raise self.refused(f"{name}, which may be missing, needs a lower bound")
        above = [self._condition(name, "gte" if lower.inclusive else "gt", lower.value)] if lower else []
        below = [self._condition(name, "lte" if upper.inclusive else "lt", upper.value)] if upper else []
        return above + below

    def row(self, hosted: Row) -> Row:
        """Returns the row of a record. A change may have made columns JSON text, as they are a level deeper there."""
        record, deeper = carried(hosted.get(self._column), list(self.table.field_by_name))
        if not isinstance(record, dict) or "id" not in {*record, *deeper}:
            raise damaged_row(self.host.name, self.host.key_of(hosted), f"it is no row of {self.table.name}")
        return {**record, **deeper, "_creationTime": hosted["_creationTime"]}

    def scan(self, op: Scan, rows: Sequence[Row]) -> ScanResult:
        """Returns the answer to a scan, all of it in one step, from the rows to look at."""
        if op.offset < 0 or (op.limit is not None and op.limit < 0):
            raise ValidationError("offset and limit must not be negative")
        fields = (*self._fields(op.index), *_LAST_FIELDS)
        fixed = len(op.prefixes[0]) if op.prefixes else 0
        prefixes = {tuple(map(encode_key, prefix)) for prefix in op.prefixes}
        low, high = limits(op.lower, op.upper)
        descending = op.order == "desc"
        after = decode_cursor(op.cursor, len(fields) - fixed)[0] if op.cursor else None
        places = [(position_of(row, fields), row) for row in rows]
        found = [
            (place[fixed:], row)
            for place, row in places
            if place[:fixed] in prefixes
            and within(place[fixed], low, high)
            and (after is None or (place[fixed:] < after if descending else place[fixed:] > after))
        ]
        found.sort(key=lambda item: item[0], reverse=descending)
        page = found[op.offset :][: op.limit]
        skipped = min(op.offset, len(found))
        return ScanResult(
            rows=[row for _, row in page] if op.paths is None else [],
            values=None if op.paths is None else [OpenRow(self.table, row).texts(op.paths) for _, row in page],
            matched=len(found) if op.total else skipped + len(page),
            skipped=skipped,
            cursor=encode_cursor((page[-1][0], 0)) if page else op.cursor,
            done=True,
        )

    def neighbours(self, op: Neighbours, rows: Sequence[Row]) -> NeighboursResult:
        """Returns a row with those around it, from the rows to look at: two scans that begin at the row."""
        target = next((row for row in rows if [row["id"]] == [*op.key]), None)
        whole = Scan(table=op.table, index=op.index)
        if target is None:
            nothing = self.scan(whole, [])
            return NeighboursResult(target=None, before=nothing, after=nothing)
        *shared, last = self._fields(op.index)
        prefix = position_of(target, shared)
        around = [row for row in rows if position_of(row, shared) == prefix]
        cursor = encode_cursor((position_of(target, (*shared, last, *_LAST_FIELDS)), 0))
        before = self.scan(replace(whole, order="desc", limit=op.before, cursor=cursor), around)
        after = self.scan(replace(whole, limit=op.after, cursor=cursor), around)
        return NeighboursResult(target=target, before=replace(before, rows=before.rows[::-1]), after=after)

    @property
    def _column(self) -> str:
        """The column of the host that holds the record."""
        return self.host.raw_columns[0]

    def _fields(self, index: str, prefix: Key = (), bound: Bound | None = None) -> tuple[str, ...]:
        """Returns the fields of an index; refuses a prefix, and a bound after it, for which there are too few."""
        if index not in self.table.index_by_name:
            raise ConfigurationError(f"{self.table.name} has no index {index!r}")
        fields = self.table.index_by_name[index].fields
        if len(prefix) + (bound is not None) > len(fields):
            raise ValidationError(f"{self.table.name}.{index} has only {len(fields)} fields")
        return fields

    def _condition(self, field: str, operator: Literal["eq", "in", "lt", "lte", "gt", "gte"], value: Any) -> Condition:
        return Condition(path=self._path(field.split(".")), operator=operator, value=to_json(value))

    def _where(self, where: Sequence[Condition]) -> list[Condition]:
        return [replace(condition, path=self._path(condition.path)) for condition in where]

    def _path(self, path: Path) -> Path:
        check_path(self.table, path, system=True)
        return path if path[0] == "_creationTime" else [self._column, *path]

    def refused(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.table.name}: {reason} in a table that is stored in {self.host.name}; deploy a table of its own"
        )
