"""Whole answers over an engine: reads continued past their budgets, commits carried through all their steps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from secrets import token_hex
from typing import Any, Literal, TypeVar, cast, overload

import orjson

from mastra_convex.engine.protocol import (
    MAX_COMMIT_BYTES,
    MAX_RANGES,
    READ_ROWS,
    Bound,
    Commit,
    CommitResult,
    DeleteRange,
    Engine,
    Get,
    GetResult,
    Guard,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Outcome,
    Read,
    ReadResult,
    Scan,
    ScanResult,
    Search,
    SearchResult,
    WriteOp,
)
from mastra_convex.engine.row_security import Owner, RowSecurity
from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.rows.explain import shown
from mastra_convex.rows.sizes import value_size
from mastra_convex.rows.values import Row, as_number
from mastra_convex.tables import Table

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")

PUT_RANGES = 2
"""Index ranges that a put row, or a patched or deleted key, costs (docs/protocol.md, Cost)."""

_SPARE_RANGES = 50
_SPARE_BYTES = 64 << 10

MAX_KEYS = (MAX_RANGES - _SPARE_RANGES) // PUT_RANGES
"""Keys that one commit can delete or patch."""


class Records:
    """Reads and commits of a domain: whole answers over an engine that answers in steps.

    Args:
        engine: the engine, or the layers in front of it.
        tables: the tables of all domains that share the engine, by name.
    """

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    @property
    def tables(self) -> Mapping[str, Table]:
        """Returns the tables of all domains, by name."""
        return self._tables

    @overload
    async def read(self, first: Read[A], /) -> A: ...
    @overload
    async def read(self, first: Read[A], second: Read[B], /) -> tuple[A, B]: ...
    @overload
    async def read(self, first: Read[A], second: Read[B], third: Read[C], /) -> tuple[A, B, C]: ...
    @overload
    async def read(self, first: Read[A], second: Read[B], /, *others: Read[T]) -> tuple[A, B, *tuple[T, ...]]: ...
    async def read(self, *ops: Any) -> Any:
        """Runs one read or several on one snapshot and returns the complete results, in the order of the operations.

        Takes one round trip, and more only where the budget of a call cut an answer.
        """
        results = await self.read_all(ops)
        return results[0] if len(ops) == 1 else tuple(results)

    async def read_with(self, first: Read[A], others: Sequence[Read[T]]) -> tuple[A, list[T]]:
        """Runs a read and any number of others as `read` does."""
        result, *results = await self.read_all([first, *others])
        return cast(A, result), cast(list[T], results)

    async def read_all(self, ops: Sequence[Read[T]]) -> list[T]:
        """Runs any number of reads as `read` does."""
        answers: dict[int, Any] = {}
        pending: dict[int, Any] = dict(enumerate(ops))
        while pending:
            results = await self._engine.read([_first_keys(op) for op in pending.values()])
            rest: dict[int, Any] = {}
            for (n, op), result in zip(pending.items(), results, strict=True):
                match result:
                    case NeighboursResult():
                        answers[n] = await self._whole_window(op, result)
                    case GetResult():
                        answers[n] = _join_gets(answers.get(n), result)
                    case ScanResult():
                        answers[n] = _join_scans(answers.get(n), result)
                    case _:
                        answers[n] = result
                following = _following(op, result)
                if following is not None:
                    rest[n] = following
            pending = rest
        return [answers[n] for n in range(len(ops))]

    def of_owner(self, id: str, *, noun: str, columns: Mapping[str, str], alone: bool = False) -> Records:
        """Returns records through which only rows of one owner are seen and written.

        Args:
            id: the value that the column for the owner has in these rows.
            noun: what an owner is called in errors.
            columns: the column for the owner, by table; other tables are not read.
            alone: whether rows of other tables that belong to such rows are left when these are deleted.
        """
        tables = {name: table for name, table in self._tables.items() if name in columns or not alone}
        return Records(RowSecurity(self._engine, tables, Owner(id, noun, columns)), tables)

    async def step(self, op: Scan) -> ScanResult:
        """Returns as much of a scan as one call gives; its `cursor` goes on after that."""
        [result] = await self._engine.read([op])
        return result

    async def once(self, ops: Sequence[Read[T]]) -> list[T]:
        """Returns as much of several reads as one call gives."""
        return await self._engine.read(ops)

    def watch_once(self, ops: Sequence[Read[T]]) -> AsyncGenerator[list[T]]:
        """Yields what `once` gives, now and whenever it is something else."""
        return self._engine.watch(ops)

    async def different(self, scan: Scan, limit: int | None = None) -> list[str]:
        """Lists different texts of a column, in order: that which follows the prefix in an index.

        Each costs a look-up, however many rows have it.

        Args:
            scan: the index, with one prefix; its `lower` bound is where the list begins.
            limit: greatest number of texts; None for all.
        """
        [prefix] = scan.prefixes
        column = self._tables[scan.table].index_by_name[scan.index].fields[len(prefix)]
        found: list[str] = []
        lower = scan.lower or Bound(value="", inclusive=False)
        while limit is None or len(found) < limit:
            values = (await self.read(replace(scan, lower=lower, limit=1, paths=[[column]]))).values
            text = orjson.loads(values[0][0] or "null") if values else None
            if not isinstance(text, str):
                break
            found.append(text)
            lower = Bound(value=text, inclusive=False)
        return found

    async def iterate(self, op: Scan, batch_size: int) -> AsyncIterator[Row]:
        """The rows of a scan, fetched `batch_size` at a time as they are consumed."""
        cursor, done = op.cursor, False
        while not done:
            result = await self.read(replace(op, cursor=cursor, limit=batch_size))
            cursor, done = result.cursor, len(result.rows) < batch_size
            for row in result.rows:
                yield row

    async def watch(
        self, op: Read[A], make: Callable[[A], Awaitable[B]], *, give_up_after: float | None = None
    ) -> AsyncGenerator[B]:
        """Yields what `make` gives of the result of a read, now and whenever that is something else (docs/live.md).

        Args:
            op: the read. Its result must fit one call, as changes beyond that would not be seen.
            make: makes of a result what is yielded. Equal ones are not repeated.
            give_up_after: seconds without a connection after which its failure is raised; None to wait for ever.

        Yields:
            The newest state, each time there is one.

        Raises:
            ValidationError: `give_up_after` is no number of seconds.
            TooLargeError: the result does not fit one call.
            ClosedError: the store was closed.
        """
        if give_up_after is not None and not (as_number(give_up_after) or 0) > 0:
            raise ValidationError(f"give_up_after must be a number of seconds > 0, not {shown(give_up_after)}")
        last: list[B] = []
        async with aclosing(self._engine.watch([op], give_up_after=give_up_after)) as states:
            async for results in states:
                check_whole([op], results)
                made = await make(results[0])
                if last != [made]:
                    last = [made]
                    yield made

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
        commit = Commit(id=token_hex(16), mode=mode, guards=guards, ops=ops, returning=returning)
        result = await self._engine.commit(commit)
        outcomes = result.outcomes
        while result.status == "more":
            commit = replace(commit, id=token_hex(16), resume=result.resume)
            result = await self._engine.commit(commit)
            outcomes = [
                Outcome(changed=a.changed + b.changed, missing=[*a.missing, *b.missing])
                for a, b in zip(outcomes, result.outcomes, strict=True)
            ]
        if outcomes is result.outcomes and all(answer.next is None for answer in result.returned):
            return result
        pairs = zip(returning, result.returned, strict=False)  # nothing is returned after a conflict
        returned = [await self._whole_get(op, answer) for op, answer in pairs]
        return replace(result, outcomes=outcomes, returned=returned)

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
        return _join_gets(result, await self.read(replace(op, keys=op.keys[result.next :])))

    async def _whole_window(self, op: Neighbours, result: NeighboursResult) -> NeighboursResult:
        if result.target is None or (result.before.done and result.after.done):
            return result
        fields = self._tables[op.table].index_by_name[op.index].fields
        prefix = [result.target.get(field) for field in fields[:-1]]
        whole = Scan(table=op.table, index=op.index, prefixes=[prefix], where=op.where)
        before, after = result.before, result.after
        if not before.done:
            limit = op.before - len(before.rows)
            more = await self.read(replace(whole, cursor=before.cursor, limit=limit, order="desc"))
            before = replace(before, rows=[*reversed(more.rows), *before.rows], done=True)
        if not after.done:
            limit = op.after - len(after.rows)
            cursor = after.cursor
            more = await self.read(replace(whole, cursor=cursor, limit=limit))
            after = replace(after, rows=[*after.rows, *more.rows], done=True)
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
        row_text = len(orjson.dumps(row)) + 1
        has_text_only = set(map(type, row.values())) == {str}  # and so takes no more bytes as a value
        row_values = row_text if has_text_only else value_size(row)
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


def check_whole(ops: Sequence[Read[Any]], results: Sequence[Any]) -> None:
    """Raises TooLargeError when the results of one call are not complete."""
    for op, result in zip(ops, results, strict=True):
        is_window = isinstance(result, NeighboursResult) and result.target is not None
        if _following(op, result) is not None or (is_window and not (result.before.done and result.after.done)):
            raise TooLargeError(
                f"what is watched must fit one read, of {READ_ROWS:,} rows and 8 MiB; watch less of {op.table}",
                details={"table": op.table, "limit": READ_ROWS},
            )


def _first_keys(op: Any) -> Any:
    """A get of no more keys than a call takes; `_following` has the others."""
    return replace(op, keys=op.keys[:MAX_RANGES]) if isinstance(op, Get) and len(op.keys) > MAX_RANGES else op


def _following(op: Any, result: ReadResult) -> Any:
    """Returns the operation that reads what is left, None when the result is complete."""
    match result:
        case GetResult():
            keys = op.keys[MAX_RANGES if result.next is None else result.next :]
            return replace(op, keys=keys) if keys else None
        case NeighboursResult():
            return op if result.target is None and not result.before.done else None
        case ScanResult(done=False):
            taken = len(result.rows) or len(result.values or ())
            limit = None if op.limit is None else op.limit - taken
            return replace(op, cursor=result.cursor or op.cursor, offset=op.offset - result.skipped, limit=limit)
        case _:
            return None


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
