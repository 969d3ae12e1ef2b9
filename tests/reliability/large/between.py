"""An engine between a store and its engine: sees each call, and can do something before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mastra_convex.engine import (
    Commit,
    CommitResult,
    Describe,
    Engine,
    Get,
    Neighbours,
    ReadResult,
    Scan,
    Search,
    SearchResult,
)

Call = Sequence[Get | Scan | Neighbours | Describe] | Commit


class Between:
    """Passes every call on, after `before` was awaited with it. What that raises is what the call raises."""

    def __init__(self, engine: Engine, before: Callable[[Call], Awaitable[object]] | None = None) -> None:
        self._engine = engine
        self._before = before
        self.calls: list[Call] = []

    async def read(self, ops: Sequence[Get | Scan | Neighbours | Describe], /) -> list[ReadResult]:
        await self._see(ops)
        return await self._engine.read(ops)

    async def commit(self, commit: Commit, /) -> CommitResult:
        await self._see(commit)
        return await self._engine.commit(commit)

    async def search(self, search: Search, /) -> SearchResult:
        return await self._engine.search(search)

    async def sweep(self) -> tuple[int, bool]:
        return await self._engine.sweep()

    async def aclose(self) -> None:
        await self._engine.aclose()

    async def _see(self, call: Call) -> None:
        self.calls.append(call)
        if self._before is not None:
            await self._before(call)


def tables_of(call: Call) -> set[str]:
    """The tables that a read reads, or a commit puts rows into."""
    if isinstance(call, Commit):
        return {op.table for op in call.ops if op.op == "put"}
    return {op.table for op in call}
