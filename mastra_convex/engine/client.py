"""Whole answers over an engine: reads continued past their budgets, commits carried through all their steps."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

import orjson

from mastra_convex.engine.protocol import (
    MAX_COMMIT_BYTES,
    MAX_RANGES,
    Commit,
    CommitResult,
    DeleteRange,
    Describe,
    Engine,
    Get,
    GetResult,
    Guard,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Outcome,
    ReadResult,
    Row,
    Scan,
    ScanResult,
    Search,
    SearchResult,
    WriteOp,
)
from mastra_convex.errors import TooLargeError
from mastra_convex.rows.values import value_size
from mastra_convex.tables import Table

T = TypeVar("T")

PUT_RANGES = 2
"""Index ranges that a put row, or a patched or deleted key, costs (docs/protocol.md, Cost)."""

_SPARE_RANGES = 50
_SPARE_BYTES = 64 << 10

MAX_KEYS = (MAX_RANGES - _SPARE_RANGES) // PUT_RANGES
"""Keys that one commit can delete or patch."""


class Records:
    """What a domain works with: an engine, and the tables of the domains that share it."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    async def get(self, op: Get) -> GetResult:
        """All rows of a get."""
        return cast(GetResult, (await self.read([op]))[0])

    async def scan(self, op: Scan) -> ScanResult:
        """A scan carried on until it is done."""
        return cast(ScanResult, (await self.read([op]))[0])

    async def step(self, op: Scan) -> ScanResult:
        """As much of a scan as one call gives; its `cursor` goes on after that."""
        return cast(ScanResult, (await self._engine.read([op]))[0])

    async def read(self, ops: Sequence[Get | Scan | Neighbours | Describe]) -> list[ReadResult]:
        """The complete results of several reads: one round trip, and more only where the budget cut an answer."""
        answers: dict[int, ReadResult] = {}
        pending = dict(enumerate(ops))
        while pending:
            results = await self._engine.read([_first_keys(op) for op in pending.values()])
            rest: dict[int, Get | Scan | Neighbours | Describe] = {}
            for (n, op), result in zip(pending.items(), results, strict=True):
                if isinstance(op, Neighbours):
                    answers[n] = await self._whole_window(op, cast(NeighboursResult, result))
                elif isinstance(op, Get):
                    answers[n] = _join_gets(cast(GetResult | None, answers.get(n)), cast(GetResult, result))
                elif isinstance(op, Describe):
                    answers[n] = result
                else:
                    answers[n] = _join_scans(cast(ScanResult | None, answers.get(n)), cast(ScanResult, result))
                following = _following(op, result)
                if following is not None:
                    rest[n] = following
            pending = rest
        return [answers[n] for n in range(len(ops))]

    async def iterate(self, op: Scan, batch_size: int) -> AsyncIterator[Row]:
        """The rows of a scan, fetched `batch_size` at a time as they are consumed."""
        cursor, done = op.cursor, False
        while not done:
            result = await self.scan(op.model_copy(update={"cursor": cursor, "limit": batch_size}))
            cursor, done = result.cursor, len(result.rows) < batch_size
            for row in result.rows:
                yield row

    async def commit(
        self,
        ops: Sequence[WriteOp],
        *,
        guards: Sequence[Guard] = (),
        returning: Sequence[Get] = (),
        mode: Literal["whole", "resumable"] = "whole",
    ) -> CommitResult:
        """A commit with all its steps; the outcomes are summed over them. What it returns is complete: rows beyond the
        budget are read after it.
        """
        commit = Commit(id=uuid.uuid4().hex, mode=mode, guards=guards, ops=ops, returning=returning)
        result = await self._engine.commit(commit)
        outcomes = result.outcomes
        while result.status == "more":
            commit = commit.model_copy(update={"id": uuid.uuid4().hex, "resume": result.resume})
            result = await self._engine.commit(commit)
            outcomes = [
                Outcome(changed=a.changed + b.changed, missing=[*a.missing, *b.missing])
                for a, b in zip(outcomes, result.outcomes, strict=True)
            ]
        pairs = zip(returning, result.returned, strict=False)  # nothing is returned after a conflict
        returned = [await self._whole_get(op, answer) for op, answer in pairs]
        return result.model_copy(update={"outcomes": outcomes, "returned": returned})

    async def search(self, search: Search) -> SearchResult:
        """The rows whose vectors are nearest."""
        return await self._engine.search(search)

    async def clear(self, tables: Iterable[Table]) -> None:
        """Deletes all rows of the tables."""
        ops = [DeleteRange(range=IndexRange(table=table.name, index=table.key)) for table in tables]
        await self.commit(ops, mode="resumable")

    def owned_ranges(self, table: Table, id: str, *, optional: bool = False) -> list[IndexRange]:
        """The rows of all registered domains that belong to a row of `table`; with `optional` also those that go with
        it only if the caller asks for it.
        """
        return [
            IndexRange(table=owned.name, index=owned.owner.index, prefix=[id])
            for owned in self._tables.values()
            if owned.owner is not None and owned.owner.table == table.name and (optional or not owned.owner.optional)
        ]

    async def _whole_get(self, op: Get, result: GetResult) -> GetResult:
        if result.next is None:
            return result
        return _join_gets(result, await self.get(op.model_copy(update={"keys": op.keys[result.next :]})))

    async def _whole_window(self, op: Neighbours, result: NeighboursResult) -> NeighboursResult:
        if result.target is None or (result.before.done and result.after.done):
            return result
        fields = self._tables[op.table].index_by_name[op.index].fields
        prefix = [result.target.get(field) for field in fields[:-1]]
        whole = Scan(table=op.table, index=op.index, prefixes=[prefix], where=op.where)
        before, after = result.before, result.after
        if not before.done:
            limit = op.before - len(before.rows)
            more = await self.scan(whole.model_copy(update={"cursor": before.cursor, "limit": limit, "order": "desc"}))
            before = before.model_copy(update={"rows": [*reversed(more.rows), *before.rows], "done": True})
        if not after.done:
            limit = op.after - len(after.rows)
            cursor = after.cursor
            more = await self.scan(whole.model_copy(update={"cursor": cursor, "limit": limit}))
            after = after.model_copy(update={"rows": [*after.rows, *more.rows], "done": True})
        return NeighboursResult(target=result.target, before=before, after=after)


def batches(
    rows: Iterable[Row], *, touching: str | None = None, max_values: int = MAX_COMMIT_BYTES
) -> Iterator[list[Row]]:
    """Rows in their order, in lists that one commit holds by index ranges and by bytes, as JSON and as values.

    `max_values` bounds the latter. With `touching`, room is left for the patch of one other row for each value of that
    column.
    """
    batch: list[Row] = []
    touched: set[Any] = set()
    text = MAX_COMMIT_BYTES - _SPARE_BYTES
    values = max_values - _SPARE_BYTES
    for row in rows:
        row_text, row_values = len(orjson.dumps(row)) + 1, value_size(row)
        ranges = PUT_RANGES * (len(batch) + len(touched) + 2)
        if batch and (ranges > MAX_RANGES - _SPARE_RANGES or row_text > text or row_values > values):
            yield batch
            batch, touched = [], set()
            text = MAX_COMMIT_BYTES - _SPARE_BYTES
            values = max_values - _SPARE_BYTES
        batch.append(row)
        if touching is not None:
            touched.add(row[touching])
        text -= row_text
        values -= row_values
    if batch:
        yield batch


async def in_parts(items: Sequence[T], work: Callable[[Sequence[T]], Awaitable[object]]) -> None:
    """`work` on all items, or in order on halves of them where the rows are too large for one transaction."""
    try:
        await work(items)
    except TooLargeError:
        if len(items) == 1:
            raise
        half = len(items) // 2
        await in_parts(items[:half], work)
        await in_parts(items[half:], work)


def _first_keys(op: Get | Scan | Neighbours | Describe) -> Get | Scan | Neighbours | Describe:
    """A get of no more keys than a call takes; `_following` has the others."""
    return op.model_copy(update={"keys": op.keys[:MAX_RANGES]}) if isinstance(op, Get) else op


def _following(op: Get | Scan | Neighbours | Describe, result: ReadResult) -> Get | Scan | Neighbours | None:
    """What is left to read of an operation, None when it is complete."""
    if isinstance(op, Describe):
        return None
    if isinstance(op, Get):
        left = cast(GetResult, result).next
        keys = op.keys[MAX_RANGES if left is None else left :]
        return op.model_copy(update={"keys": keys}) if keys else None
    if isinstance(op, Neighbours):
        window = cast(NeighboursResult, result)
        return op if window.target is None and not window.before.done else None
    scan = cast(ScanResult, result)
    if scan.done:
        return None
    taken = len(scan.rows) or len(scan.values or ())
    limit = None if op.limit is None else op.limit - taken
    cursor = scan.cursor or op.cursor
    return op.model_copy(update={"cursor": cursor, "offset": op.offset - scan.skipped, "limit": limit})


def _join_gets(first: GetResult | None, second: GetResult) -> GetResult:
    if first is None:
        return second
    return GetResult(
        rows=[*first.rows, *second.rows],
        values=_join(first.values, second.values),
        fingerprints=_join(first.fingerprints, second.fingerprints),
        next=second.next,
    )


def _join_scans(first: ScanResult | None, second: ScanResult) -> ScanResult:
    if first is None:
        return second
    return ScanResult(
        rows=[*first.rows, *second.rows],
        values=_join(first.values, second.values),
        matched=first.matched + second.matched,
        skipped=first.skipped + second.skipped,
        cursor=second.cursor or first.cursor,
        done=second.done,
    )


def _join(first: Sequence[Any] | None, second: Sequence[Any] | None) -> list[Any] | None:
    return None if first is None and second is None else [*(first or ()), *(second or ())]
