"""Stores rows over existing ones, beside them, or not at all (docs/contract.md, "Saving again")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, get_args

from mastra_convex.domain import (
    CommitResult,
    Get,
    KeyGuard,
    Put,
    Records,
    Row,
    Table,
    WriteOp,
    from_json,
)
from mastra_convex.errors import ConflictError, ValidationError

IfExists = Literal["replace", "keep", "error"]
"""Tells how to save a record whose id is stored already: over it, not at all, or with a ConflictError."""

_NAMED_IDS = 10
"""An error message names at most so many ids; its details have all."""


@dataclass(frozen=True)
class NewRow:
    """Holds a row to store, and whether the caller gave the time at which it was made."""

    row: Row
    has_time: bool

    @property
    def id(self) -> str:
        """Returns the id of the row."""
        return str(self.row["id"])


class Saver:
    """Stores rows of one table as `if_exists` says.

    Args:
        records: the records of the domain.
        table: a table whose key is `id` and that has a column `createdAt`.
        if_exists: as callers give it.
        operation: the operation that errors name.

    Raises:
        ValidationError: `if_exists` is wrong.
    """

    def __init__(self, records: Records, table: Table, *, if_exists: object, operation: str) -> None:
        if if_exists not in get_args(IfExists):
            raise ValidationError("if_exists must be 'replace', 'keep' or 'error'", operation=operation)
        self._records = records
        self._table = table
        self._if_exists = if_exists
        self._operation = operation

    async def save(self, rows: Sequence[NewRow], *, also: Sequence[WriteOp] = ()) -> dict[str, Row]:
        """Stores rows, each with an id of its own, and makes other writes in the same commit.

        A time that the caller did not give replaces no stored one.

        Returns:
            The rows that are not stored as they were given, by id.

        Raises:
            ConflictError: a row exists, and `if_exists` is `error`. Nothing was written.
        """
        if self._if_exists == "replace":
            return await self._replace(rows, also)
        if self._if_exists == "keep":
            return await self._keep(rows, also)
        puts = [Put(table=self._table.name, rows=[each.row for each in rows])]
        guards = [KeyGuard(guard="missing", table=self._table.name, key=[each.id]) for each in rows]
        result = await self._records.commit([*puts, *also], guards=guards)
        if result.status == "conflict":
            raise self._exists([rows[n].id for n in result.failed])
        return {}

    async def check_missing(self, ids: Sequence[str]) -> None:
        """Raises ConflictError when `if_exists` is `error` and one of the rows exists.

        Called before rows that several commits are needed for.
        """
        if self._if_exists == "error":
            found = await self._records.read(Get(table=self._table.name, keys=[[id] for id in ids], paths=[["id"]]))
            present = [id for id, values in zip(ids, found.values or (), strict=True) if values is not None]
            if present:
                raise self._exists(present)

    async def _replace(self, rows: Sequence[NewRow], also: Sequence[WriteOp]) -> dict[str, Row]:
        puts = [
            Put(table=self._table.name, rows=[each.row for each in run], keep=() if has_time else ("createdAt",))
            for has_time, run in groupby(rows, attrgetter("has_time"))  # in order, in which rows of one time stay
        ]
        without_time = {each.id: each.row for each in rows if not each.has_time}
        # One row is returned by the commit. Of many most are new, and only the others have to be read.
        returning = [self._times(without_time)] if len(without_time) == 1 else []
        result = await self._records.commit([*puts, *also], returning=returning)
        existing = [id for id in _existing(puts, result) if id in without_time]
        if not existing:
            return {}
        found = result.returned[0] if returning else await self._records.read(self._times(existing))
        times = dict(zip(existing, found.values or (), strict=True))
        return {
            id: {**without_time[id], "createdAt": from_json(values[0])}
            for id, values in times.items()
            if values is not None and values[0] is not None
        }

    async def _keep(self, rows: Sequence[NewRow], also: Sequence[WriteOp]) -> dict[str, Row]:
        every_column = [field.name for field in self._table.fields]
        put = Put(table=self._table.name, rows=[each.row for each in rows], keep=every_column)
        returning = [Get(table=self._table.name, keys=[[each.id] for each in rows])]
        result = await self._records.commit([put, *also], returning=returning)
        stored = {row["id"]: row for row in result.returned[0].rows if row is not None}
        return {id: stored[id] for id in _existing([put], result) if id in stored}

    def _times(self, ids: Sequence[str] | Mapping[str, Any]) -> Get:
        return Get(table=self._table.name, keys=[[id] for id in ids], paths=[["createdAt"]])

    def _exists(self, ids: Sequence[str]) -> ConflictError:
        named = ", ".join(map(repr, ids[:_NAMED_IDS]))
        more = f" and {len(ids) - _NAMED_IDS} more" if len(ids) > _NAMED_IDS else ""
        kind = self._table.name.removeprefix("mastra_")
        return ConflictError(
            f"{kind} exist already: {named}{more}; nothing was written",
            operation=self._operation,
            status="EXISTS",
            details={"ids": list(ids)},
        )


def _existing(puts: Sequence[Put], result: CommitResult) -> list[str]:
    """Lists the ids of rows that existed before they were put."""
    found: list[str] = []
    for put, outcome in zip(puts, result.outcomes, strict=False):
        missing = set(outcome.missing)
        found += [row["id"] for n, row in enumerate(put.rows) if n not in missing]
    return found
