"""Guests: tables that are not deployed, whose rows are records of another table (`Table.stored_in`).

An engine in front of the engine turns operations on guests into operations on their hosts, and leaves others as they
are. Keys, conditions, guards, edits and ranges are translated one by one and stay atomic. What needs an index of the
guest, which the host does not have, reads the guest's rows and puts them in order here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import (
    Bound,
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    Describe,
    EmptyGuard,
    Engine,
    Get,
    GetResult,
    Guard,
    HoldsGuard,
    IndexRange,
    Layer,
    Neighbours,
    NeighboursResult,
    Patch,
    PatchRange,
    Put,
    Read,
    Scan,
    ScanResult,
    Search,
    SearchResult,
    WriteOp,
)
from mastra_convex.errors import ConfigurationError, ValidationError
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.cursors import decode_cursor, encode_cursor
from mastra_convex.rows.keys import Key, encode_key, field_key
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import Path, check_path
from mastra_convex.rows.values import Row, carried, to_json, unescape_keys
from mastra_convex.tables import Field, Table

T = TypeVar("T")

Place = tuple[bytes, ...]
"""The position of a row in a scan: index fields after the prefix, creation time and id, as bytes in index order."""

_TAIL = 2
"""Creation time and id."""


def with_guests(engine: Engine, tables: Iterable[Table]) -> Engine:
    """The engine as the tables need it: itself when none of them is a guest."""
    guests = {table.name: _Guest(table, table.stored_in) for table in tables if table.stored_in is not None}
    return _GuestLayer(engine, guests) if guests else engine


class _GuestLayer(Layer):
    """Sees to guests and passes on what concerns other tables."""

    def __init__(self, engine: Engine, guests: dict[str, _Guest]) -> None:
        super().__init__(engine)
        self._guests = guests
        self._records = Records(engine, {})

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        results = await self._engine.read([self._hosted_read(op) for op in ops])
        return [await self._answer(op, result) for op, result in zip(ops, results, strict=True)]

    async def commit(self, commit: Commit, /) -> CommitResult:
        hosted = replace(
            commit,
            guards=[self._hosted_guard(guard) for guard in commit.guards],
            ops=[self._hosted_write(op) for op in commit.ops],
            returning=[self._hosted_read(get) for get in commit.returning],
        )
        result = await self._engine.commit(hosted)
        returned = [
            self._guests[get.table].answer(found) if get.table in self._guests else found
            for get, found in zip(commit.returning, result.returned, strict=False)  # none after a conflict
        ]
        return replace(result, returned=returned)

    async def search(self, search: Search, /) -> SearchResult:
        guest = self._guests.get(search.range.table)
        if guest is not None:
            raise guest.refused("vectors cannot be searched")
        guards = [self._hosted_guard(guard) for guard in search.guards]
        return await self._engine.search(replace(search, guards=guards))

    def _hosted_read(self, op: Any) -> Any:
        guest = self._guests.get(op.table)
        if guest is None or isinstance(op, Describe):
            return op
        return guest.get(op) if isinstance(op, Get) else guest.all_rows(op)

    def _hosted_guard(self, guard: Guard) -> Guard:
        guest = self._guests.get(guard.range.table if isinstance(guard, EmptyGuard) else guard.table)
        return guard if guest is None else guest.guard(guard)

    def _hosted_write(self, op: WriteOp) -> WriteOp:
        guest = self._guests.get(op.range.table if isinstance(op, PatchRange | DeleteRange) else op.table)
        return op if guest is None else guest.write(op)

    async def _answer(self, op: Any, result: Any) -> Any:
        guest = self._guests.get(op.table)
        if guest is None or isinstance(op, Describe):
            return result
        if isinstance(op, Get):
            return guest.answer(result)
        rows = [*result.rows]
        if not result.done:
            rest = replace(guest.all_rows(op), cursor=result.cursor)
            rows += (await self._records.read(rest)).rows
        logical = [guest.row(row) for row in rows]
        return guest.scan(op, logical) if isinstance(op, Scan) else guest.neighbours(op, logical)


@dataclass(frozen=True)
class _Guest:
    """A guest table and its host: the translation of operations between the two."""

    table: Table
    host: Table

    # Writes and guards

    def write(self, op: WriteOp) -> WriteOp:
        if isinstance(op, Put):
            if op.keep:
                raise self.refused("a put cannot keep columns")
            return Put(table=self.host.name, rows=[self._hosted(row) for row in op.rows])
        if isinstance(op, Patch):
            return Patch(table=self.host.name, keys=self._keys(op.keys), change=self._change(op.change))
        if isinstance(op, Delete):
            return Delete(table=self.host.name, keys=self._keys(op.keys))
        if isinstance(op, PatchRange):
            return PatchRange(range=self._range(op.range), change=self._change(op.change))
        return DeleteRange(range=self._range(op.range))

    def guard(self, guard: Guard) -> Guard:
        if isinstance(guard, EmptyGuard):
            return EmptyGuard(range=self._range(guard.range))
        hosted: dict[str, Any] = {"table": self.host.name, "key": self._keys([guard.key])[0]}
        if isinstance(guard, HoldsGuard):
            hosted["where"] = self._where(guard.where)
        return replace(guard, **hosted)

    def _hosted(self, row: Row) -> Row:
        name, id = self.host.key_fields
        return {name: self.table.name, id: row["id"], self._record: row}

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
        fields = self._fields(range.index)
        fixed = len(range.prefix)
        self._check_prefix(range.index, fixed, bounded=bool(range.lower or range.upper))
        where = [self._condition(field, "eq", value) for field, value in zip(fields, range.prefix, strict=False)]
        if range.lower or range.upper:
            where += self._bounds(fields[fixed], range.lower, range.upper)
        return IndexRange(
            table=self.host.name,
            index=self.host.key,
            prefix=[self.table.name],
            where=[*where, *self._where(range.where)],
        )

    def _bounds(self, name: str, lower: Bound | None, upper: Bound | None) -> list[Condition]:
        """Bounds as conditions; refused where the order of an index takes in more than a comparison does."""
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

    # Reads

    def get(self, op: Get) -> Get:
        paths = None if op.paths is None else [self._path(path) for path in op.paths]
        return replace(op, table=self.host.name, keys=self._keys(op.keys), paths=paths)

    def answer(self, result: GetResult) -> GetResult:
        return replace(result, rows=[row and self.row(row) for row in result.rows])

    def row(self, hosted: Row) -> Row:
        """The row of a record, some of whose columns a change may have made JSON text, being a level deeper there."""
        record, deeper = carried(hosted[self._record], list(self.table.field_by_name))
        return {**record, **deeper, "_creationTime": hosted["_creationTime"]}

    def all_rows(self, op: Scan | Neighbours) -> Scan:
        """Returns a scan of all rows that may be wanted; the server leaves out others by conditions and prefixes."""
        fields, where = self._fields(op.index), self._where(op.where)
        if isinstance(op, Scan):
            for prefix in op.prefixes:
                self._check_prefix(op.index, len(prefix), bounded=bool(op.lower or op.upper))
            if len({len(prefix) for prefix in op.prefixes}) > 1:
                raise ValidationError("the prefixes of a scan must have equal lengths")
            columns = zip(*op.prefixes, strict=True)
            where += [self._condition(field, "in", values) for field, values in zip(fields, columns, strict=False)]
        return Scan(table=self.host.name, index=self.host.key, prefixes=[[self.table.name]], where=where)

    def scan(self, op: Scan, rows: Sequence[Row]) -> ScanResult:
        """The answer to a scan, all of it in one step, of the rows that it may consist of."""
        if op.offset < 0 or (op.limit is not None and op.limit < 0):
            raise ValidationError("offset and limit must not be negative")
        fixed = len(op.prefixes[0]) if op.prefixes else 0
        prefixes = {tuple(map(encode_key, prefix)) for prefix in op.prefixes}
        descending = op.order == "desc"
        length = len(self._fields(op.index)) - fixed + _TAIL
        after = decode_cursor(op.cursor, length)[0] if op.cursor else None
        found: list[tuple[Place, Row]] = []
        for row in rows:
            whole = self._place(op.index, row)
            place = whole[fixed:]
            if whole[:fixed] not in prefixes or not _within(place[0], op.lower, op.upper):
                continue
            if after is None or (place < after if descending else place > after):
                found.append((place, row))
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
        target = next((row for row in rows if [row["id"]] == [*op.key]), None)
        if target is None:
            return NeighboursResult(target=None, before=_window([]), after=_window([]))
        here = self._place(op.index, target)
        shared = len(self._fields(op.index)) - 1
        places = ((self._place(op.index, row), row) for row in rows)
        around = sorted((item for item in places if item[0][:shared] == here[:shared]), key=lambda item: item[0])
        before = [row for place, row in around if place < here]
        after = [row for place, row in around if place > here]
        return NeighboursResult(
            target=target,
            before=_window(before[-op.before :] if op.before else []),
            after=_window(after[: op.after]),
        )

    def _place(self, index: str, row: Row) -> Place:
        keys = [field_key(row, field) for field in self._fields(index)]
        return (*keys, encode_key(row["_creationTime"]), encode_key(row["id"]))

    # Names

    @property
    def _record(self) -> str:
        return self.host.raw_columns[0]

    def _keys(self, keys: Sequence[Key]) -> list[Key]:
        if any(len(key) != 1 for key in keys):
            raise ValidationError(f"a key of {self.table.name} has 1 value")
        return [[self.table.name, *key] for key in keys]

    def _fields(self, index: str) -> tuple[str, ...]:
        if index not in self.table.index_by_name:
            raise ConfigurationError(f"{self.table.name} has no index {index!r}")
        return self.table.index_by_name[index].fields

    def _check_prefix(self, index: str, fixed: int, *, bounded: bool) -> None:
        fields = self._fields(index)
        if fixed + bounded > len(fields):
            raise ValidationError(f"{self.table.name}.{index} has only {len(fields)} fields")

    def _condition(self, field: str, operator: Literal["eq", "in", "lt", "lte", "gt", "gte"], value: Any) -> Condition:
        return Condition(path=self._path(field.split(".")), operator=operator, value=to_json(value))

    def _where(self, where: Sequence[Condition]) -> list[Condition]:
        return [replace(condition, path=self._path(condition.path)) for condition in where]

    def _path(self, path: Path) -> Path:
        check_path(self.table, path, system=True)
        return path if path[0] == "_creationTime" else [self._record, *path]

    def refused(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.table.name}: {reason} in a table that is stored in {self.host.name}; deploy a table of its own"
        )


def _within(key: bytes, lower: Bound | None, upper: Bound | None) -> bool:
    low, high = (None if bound is None else encode_key(bound.value) for bound in (lower, upper))
    above = lower is None or low is None or key > low or (lower.inclusive and key == low)
    below = upper is None or high is None or key < high or (upper.inclusive and key == high)
    return above and below


def _window(rows: list[Row]) -> ScanResult:
    return ScanResult(rows=rows, matched=len(rows), skipped=0, cursor=None, done=True)
