"""Row-level security: a layer through which only the rows of one owner are seen and written. Internal.

Each table has a column that names the owner of a row. Reads leave out rows of others. A write that would change, delete
or take over one of theirs is refused by guards of its own commit, whatever keys, ranges or conditions it was given.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mastra_convex.engine.layer import Layer
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    Describe,
    EmptyGuard,
    Engine,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    Patch,
    PatchRange,
    Put,
    Read,
    Scan,
    Search,
    SearchResult,
)
from mastra_convex.errors import ConflictError
from mastra_convex.rows.changes import Change
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.keys import Key
from mastra_convex.rows.values import from_json, to_json
from mastra_convex.tables import Table

T = TypeVar("T")


@dataclass(frozen=True)
class Owner:
    """Names the owner of the rows that may be seen and written.

    Attributes:
        id: the value that the column for the owner has in these rows.
        noun: what an owner is called in errors.
        columns: the column for the owner, by table.
    """

    id: str
    noun: str
    columns: Mapping[str, str]


class RowSecurity(Layer):
    """Restricts an engine to the rows of one owner.

    A table without a column for the owner is not read. Ranges of it can be deleted if its rows belong to a row of that
    owner (`Table.owner`).

    Args:
        engine: the engine to restrict.
        tables: the tables of the store, by name.
        owner: the owner.
    """

    def __init__(self, engine: Engine, tables: Mapping[str, Table], owner: Owner) -> None:
        super().__init__(engine)
        self._tables = tables
        self._owner = owner
        self._id = to_json(owner.id)

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        results = await self._engine.read([self._restricted(op) for op in ops])
        return [self._shown(op, result) for op, result in zip(ops, results, strict=True)]

    async def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        inner = self._engine.watch([self._restricted(op) for op in ops], give_up_after=give_up_after)
        async with aclosing(inner) as states:
            async for results in states:
                yield [self._shown(op, result) for op, result in zip(ops, results, strict=True)]

    async def search(self, search: Search, /) -> SearchResult:
        return await self._engine.search(self._restricted(search))

    async def commit(self, commit: Commit, /) -> CommitResult:
        for op in commit.ops:
            self._check_values(op)
        written = dict.fromkeys(self._written_keys(commit))
        parents = dict.fromkeys(self._parents(commit))
        guards: list[Guard] = [*map(self._is_not_of_others, written), *map(self._is_owned, parents)]
        result = await self._engine.commit(
            replace(
                commit,
                guards=[*commit.guards, *guards],
                ops=[self._restricted(op) if hasattr(op, "range") else op for op in commit.ops],
                returning=[self._restricted(op) for op in commit.returning],
            )
        )
        foreign = [n - len(commit.guards) for n in result.failed if n >= len(commit.guards)]
        if foreign:
            keys = [*written, *parents]
            raise self._refused([keys[n] for n in foreign])
        pairs = zip(commit.returning, result.returned, strict=False)  # nothing is returned after a conflict
        return replace(result, returned=[self._shown(op, answer) for op, answer in pairs])

    def _restricted(self, op: Any) -> Any:
        """Returns an operation that finds only rows of the owner; for a get, one whose answer tells them apart."""
        if isinstance(op, Describe) or (isinstance(op, Get) and op.paths is None):
            return op
        if isinstance(op, Get):
            return replace(op, paths=[*(op.paths or ()), [self._owner.columns[op.table]]])
        if hasattr(op, "range"):
            return replace(op, range=self._restricted(op.range)) if op.range.table in self._owner.columns else op
        if isinstance(op, Scan) and self._is_of_owner_alone(op):
            return op
        return replace(op, where=[*op.where, self._condition("eq", op.table)])

    def _is_of_owner_alone(self, op: Scan) -> bool:
        first = self._tables[op.table].index_by_name[op.index].fields[0]
        return first == self._owner.columns[op.table] and all(prefix[:1] == [self._owner.id] for prefix in op.prefixes)

    def _shown(self, op: Any, result: Any) -> Any:
        """Returns the answer to a read without the rows of others."""
        if not isinstance(op, Get):
            return result
        if op.paths is None:
            column = self._owner.columns[op.table]
            shows = [row is not None and row.get(column) == self._owner.id for row in result.rows]
        else:
            owners = [None if values is None else values[-1] for values in result.values]
            shows = [owner is not None and from_json(owner) == self._owner.id for owner in owners]
            values = [None if values is None else values[:-1] for values in result.values]
            result = replace(result, values=values)
        members = {
            name: [part if shown else None for part, shown in zip(parts, shows, strict=True)]
            for name in ("rows", "values", "fingerprints")
            if (parts := getattr(result, name))
        }
        return replace(result, **members)

    def _check_values(self, op: Any) -> None:
        """Raises ConflictError for an operation that would write a row of another owner."""
        match op:
            case Put():
                column = self._owner.columns[op.table]
                foreign = [row for row in op.rows if row.get(column) != self._owner.id]
                if foreign:
                    raise self._refused([(op.table, _key(self._tables[op.table], row)) for row in foreign])
            case Patch():
                if self._gives_away(op.table, op.change):
                    raise self._refused([(op.table, tuple(key)) for key in op.keys])
            case PatchRange():
                if self._gives_away(op.range.table, op.change):
                    raise self._refused([(op.range.table, tuple(op.range.prefix))])
            case _:
                pass

    def _gives_away(self, table: str, change: Change) -> bool:
        column = self._owner.columns[table]
        is_edited = column in change.unset or any(edit.path[0] == column for edit in change.edits)
        return is_edited or change.set.get(column, self._owner.id) != self._owner.id

    def _written_keys(self, commit: Commit) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for op in commit.ops:
            match op:
                case Put():
                    yield from ((op.table, _key(self._tables[op.table], row)) for row in op.rows)
                case Patch() | Delete():
                    yield from ((op.table, tuple(key)) for key in op.keys)
                case _:
                    pass

    def _parents(self, commit: Commit) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Finds the rows that the rows of ranges belong to, where these have no column for the owner."""
        for op in commit.ops:
            if isinstance(op, DeleteRange) and op.range.table not in self._owner.columns:
                parent = self._tables[op.range.table].owner
                if parent is not None:
                    yield parent.table, tuple(op.range.prefix[:1])

    def _is_not_of_others(self, key: tuple[str, Key]) -> EmptyGuard:
        table = self._tables[key[0]]
        return EmptyGuard(
            range=IndexRange(
                table=table.name, index=table.key, prefix=key[1], where=[self._condition("ne", table.name)]
            )
        )

    def _is_owned(self, key: tuple[str, Key]) -> HoldsGuard:
        return HoldsGuard(table=key[0], key=key[1], where=[self._condition("eq", key[0])])

    def _condition(self, operator: Any, table: str) -> Condition:
        return Condition(path=[self._owner.columns[table]], operator=operator, value=self._id)

    def _refused(self, keys: Sequence[tuple[str, Key]]) -> ConflictError:
        ids = list(dict.fromkeys("/".join(map(str, key)) for _, key in keys))
        named = ", ".join(map(repr, ids[:_NAMED_IDS]))
        more = f" and {len(ids) - _NAMED_IDS} more" if len(ids) > _NAMED_IDS else ""
        return ConflictError(
            f"not of {self._owner.noun} {self._owner.id!r}: {named}{more}; nothing was written",
            status="NOT_OWNED",
            details={"ids": ids},
        )


_NAMED_IDS = 10
"""An error message names at most so many ids; its details have all."""


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(table.key_of(row))
