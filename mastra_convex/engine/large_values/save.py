"""Commits of rows that are too large for a document: with the chunks in one transaction, or after the chunks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from mastra_convex.engine.large_values.split import LargeValue, is_surely_small, shrunk
from mastra_convex.engine.protocol import (
    MAX_COMMIT_BYTES,
    Commit,
    CommitResult,
    Engine,
    HoldsGuard,
    Patch,
    Put,
    WriteOp,
)
from mastra_convex.engine.threads import in_thread
from mastra_convex.errors import ConflictError, LargeValueError, RateLimitedError, TooLargeError
from mastra_convex.rows.changes import Change
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.sizes import is_within
from mastra_convex.rows.times import now
from mastra_convex.rows.values import Row, to_json
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table

_PART_BYTES: Final = 4 << 20
"""Most bytes of chunks in a commit of their own; Convex writes as much in a second."""

_SPARE_BYTES: Final = 64 << 10

_AT_ONCE: Final = 64 << 10
"""Bytes of rows that are looked at without a thread: less than a millisecond."""


@dataclass(frozen=True)
class Spilled:
    """Operations with small rows, the values that these refer to, and the bytes of a commit that has all of them."""

    ops: Sequence[WriteOp]
    values: Sequence[LargeValue]
    size: int


def spilled(ops: Sequence[WriteOp], tables: Mapping[str, Table]) -> Spilled | None:
    """The operations with references in place of what is too large; None where nothing is.

    Raises TooLargeError for a row that cannot be made small.
    """
    values: list[LargeValue] = []
    small = [_small(op, tables[op.table], values) if op.op == "put" and op.table in tables else op for op in ops]
    return Spilled(small, values, _size(small, values)) if values else None


def _small(op: Put, table: Table, values: list[LargeValue]) -> Put:
    if is_surely_small(op.rows):
        return op
    names = [tuple(table.key_of(row)) for row in op.rows]
    rows = dict(zip(names, op.rows, strict=True))  # of equal keys the last wins, and has what is kept
    for name, row in rows.items():
        rows[name], kept = shrunk(table, row)
        values += kept
    return replace(op, rows=[rows[name] for name in names])


class Writer:
    """Writes rows with what they refer to."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    async def commit(self, commit: Commit) -> CommitResult:
        """A commit whose puts may have rows of any size; applied at once, whatever that takes before."""
        rows = [op.rows for op in commit.ops if op.op == "put" and op.table in self._tables]
        if not rows:
            found = None
        elif is_within(rows, _AT_ONCE):
            found = spilled(commit.ops, self._tables)
        else:
            found = await in_thread(spilled, commit.ops, self._tables)
        if found is None:
            return await self._engine.commit(commit)
        if commit.mode == "resumable":
            raise TooLargeError("a resumable commit cannot put rows of more than 1 MiB")
        if found.size <= MAX_COMMIT_BYTES - _SPARE_BYTES:
            try:
                return await self._together(commit, found)
            except LargeValueError:  # of a patch beside it: it would be the same apart
                raise
            except (TooLargeError, RateLimitedError):
                if found.size <= _PART_BYTES:
                    raise
        return await self._apart(commit, found)

    async def _together(self, commit: Commit, found: Spilled) -> CommitResult:
        chunks = [row for value in found.values for row in _chunk_rows(value)]
        kept = [
            Put(table=CHUNKS.name, rows=chunks),
            Put(table=LARGE_VALUES.name, rows=[_row(value, "live") for value in found.values]),
        ]
        # First of all, so that operations which replace or delete what others of this commit put can drop it.
        return _of(found.ops, await self._engine.commit(replace(commit, ops=[*kept, *found.ops])))

    async def _apart(self, commit: Commit, found: Spilled) -> CommitResult:
        """First the chunks, in commits of their own, then the rows: until then nothing refers to the chunks."""
        pending = Put(table=LARGE_VALUES.name, rows=[_row(value, "pending") for value in found.values])
        await self._engine.commit(Commit(id=uuid.uuid4().hex, ops=[pending]))
        for rows in _parts(found.values):
            await self._engine.commit(Commit(id=uuid.uuid4().hex, ops=[Put(table=CHUNKS.name, rows=rows)]))
        keys = [[value.reference.generation] for value in found.values]
        change = Change(set={"state": "live", "since": _milliseconds()})
        live = [Patch(table=LARGE_VALUES.name, keys=keys, change=change)]
        where = [Condition(path=["state"], operator="eq", value=to_json("pending"))]
        guards = [HoldsGuard(table=LARGE_VALUES.name, key=key, where=where) for key in keys]
        result = await self._engine.commit(replace(commit, ops=[*live, *found.ops], guards=[*commit.guards, *guards]))
        if result.guard is not None and result.guard >= len(commit.guards):
            raise ConflictError("a large value took so long to be sent that its chunks were removed", retryable=True)
        return _of(found.ops, result)


def _size(ops: Sequence[WriteOp], values: Sequence[LargeValue]) -> int:
    rows = sum(len(orjson.dumps(op.rows)) for op in ops if op.op == "put")
    return rows + sum(len(chunk) + 100 for value in values for chunk in value.chunks)


def _parts(values: Sequence[LargeValue]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for value in values:
        for row in _chunk_rows(value):
            if part and size + len(row["data"]) > _PART_BYTES:
                yield part
                part, size = [], 0
            part.append(row)
            size += len(row["data"])
    yield part


def _chunk_rows(value: LargeValue) -> list[Row]:
    generation = value.reference.generation
    return [{"generation": generation, "position": n, "data": data} for n, data in enumerate(value.chunks)]


def _row(value: LargeValue, state: str) -> Row:
    kept = value.reference
    return {
        "id": kept.generation,
        "owner": value.owner,
        "chunks": kept.chunks,
        "state": state,
        "since": _milliseconds(),
    }


def _milliseconds() -> int:
    return int(now().timestamp() * 1000)


def _of(ops: Sequence[WriteOp], result: CommitResult) -> CommitResult:
    """A result with the outcomes of these operations alone, which were the last."""
    outcomes = list(result.outcomes)
    return replace(result, outcomes=outcomes[len(outcomes) - len(ops) :] if outcomes else [])
