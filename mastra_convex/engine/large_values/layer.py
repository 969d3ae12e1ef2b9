"""Large values: rows of any size on an engine whose documents hold 1 MiB (docs/protocol.md, Large values).

An engine in front of the engine. What is too large of a row that is put is kept in chunks, and a reference stands for
it; what is read gets it back. Where the database cannot make a change because the value is not there, it is made here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from mastra_convex.engine.client import Records
from mastra_convex.engine.large_values.fetch import Reader
from mastra_convex.engine.large_values.rewrite import Editor, can_be_edited, is_beyond
from mastra_convex.engine.large_values.save import Writer
from mastra_convex.engine.layer import Layer
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Describe,
    Engine,
    Get,
    GetResult,
    Read,
    Scan,
)
from mastra_convex.errors import LargeValueError, TooLargeError
from mastra_convex.rows.large_values import may_refer
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.tables import Table, deployed

__all__ = ["with_large_values"]

Pick = Callable[[Get, GetResult], Awaitable[GetResult]]

T = TypeVar("T")


def with_large_values(engine: Engine, tables: Iterable[Table]) -> Engine:
    """The engine as the tables need it: itself when none of them has columns for large values."""
    large = {name: table for name, table in deployed(tables).items() if table.large_columns}
    return _LargeValuesLayer(engine, large) if large else engine


class _LargeValuesLayer(Layer):
    """Sees to tables with large values and passes on what concerns others."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        super().__init__(engine)
        self._tables = tables
        self._reader = Reader(engine, tables)
        self._writer = Writer(engine, tables)
        self._editor = Editor(Records(self, tables), tables, self._writer)

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        try:
            results = await self._engine.read(ops)
        except LargeValueError:
            results = await self._engine.read([self._unchosen(op) for op in ops])
            return [await self._chosen(op, result) for op, result in zip(ops, results, strict=True)]
        return [await self._whole(op, result) for op, result in zip(ops, results, strict=True)]

    async def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        """Chunks never change, and a value that is replaced gets another reference: to watch the rows is enough."""
        try:
            async with aclosing(self._engine.watch(ops, give_up_after=give_up_after)) as states:
                async for results in states:
                    yield [await self._whole(op, result) for op, result in zip(ops, results, strict=True)]
        except LargeValueError:  # a path leads into a large value
            whole = [self._unchosen(op) for op in ops]
            async with aclosing(self._engine.watch(whole, give_up_after=give_up_after)) as states:
                async for results in states:
                    yield [await self._chosen(op, result) for op, result in zip(ops, results, strict=True)]

    async def commit(self, commit: Commit, /) -> CommitResult:
        result, pick = await self._committed(commit)
        if not result.returned:
            return result
        pairs = zip(commit.returning, result.returned, strict=True)
        return replace(result, returned=[await pick(op, got) for op, got in pairs])

    async def _committed(self, commit: Commit) -> tuple[CommitResult, Pick]:
        """The result of a commit, and what makes of each get that it returns what was asked for."""
        patches = [op for op in commit.ops if op.op == "patch" and op.table in self._tables]
        is_editable = can_be_edited(commit, self._tables)
        if not is_editable or not any(map(is_beyond, patches)):
            try:
                return await self._written(commit)
            except TooLargeError:  # or a LargeValueError: the row is, or would become, too large
                if not is_editable:
                    raise
        return await self._editor.commit(self._returning_whole_rows(commit)), self._chosen

    async def _written(self, commit: Commit) -> tuple[CommitResult, Pick]:
        """The result of a commit that the database can make, if it may return whole rows."""
        try:
            return await self._writer.commit(commit), self._whole
        except LargeValueError as error:
            if error.details.get("path") not in {".".join(path) for op in commit.returning for path in op.paths or ()}:
                raise
        # Of a path to return. The commit may have been applied before, if its answer was lost, so its id stays.
        return await self._writer.commit(self._returning_whole_rows(commit)), self._chosen

    def _returning_whole_rows(self, commit: Commit) -> Commit:
        return replace(commit, returning=[self._unchosen(op) for op in commit.returning])

    async def _whole(self, op: Any, result: Any) -> Any:
        """A result with large values in their rows."""
        if isinstance(op, Describe) or op.table not in self._tables:
            return result
        if isinstance(op, Scan) and op.paths is not None:
            texts = chain.from_iterable(result.values or ())
            if not any(map(may_refer, filter(None, texts))):
                return result
            [rows] = await self._engine.read([self._unchosen(op)])
            return await self._chosen(op, rows)
        return await self._reader.whole(op, result)

    def _unchosen(self, op: Any) -> Any:
        """The operation for whole rows, if they may have large values."""
        chooses = isinstance(op, Get | Scan) and op.table in self._tables
        return replace(op, paths=None) if chooses else op

    async def _chosen(self, op: Any, result: Any) -> Any:
        """A result with the values at the paths of an operation, from one with whole rows."""
        whole = await self._whole(self._unchosen(op), result)
        if not isinstance(op, Get | Scan) or op.paths is None or op.table not in self._tables:
            return whole
        table = self._tables[op.table].whole
        values = [None if row is None else OpenRow(table, row).texts(op.paths) for row in whole.rows]
        return replace(whole, rows=[], values=values)
