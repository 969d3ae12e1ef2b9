"""An engine between a store and its engine: sees each call, and can do something before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from mastra_convex.engine.layer import Layer
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Engine,
    Read,
)

Call = Sequence[Read[Any]] | Commit

T = TypeVar("T")


class Between(Layer):
    """Passes every read and commit on, after `before` was awaited with it; what that raises is what the call raises."""

    def __init__(self, engine: Engine, before: Callable[[Call], Awaitable[object]] | None = None) -> None:
        super().__init__(engine)
        self._before = before
        self.calls: list[Call] = []

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        await self._see(ops)
        return await super().read(ops)

    async def commit(self, commit: Commit, /) -> CommitResult:
        await self._see(commit)
        return await super().commit(commit)

    async def _see(self, call: Call) -> None:
        self.calls.append(call)
        if self._before is not None:
            await self._before(call)


def tables_of(call: Call) -> set[str]:
    """The tables that a read reads, or a commit puts rows into."""
    if isinstance(call, Commit):
        return {op.table for op in call.ops if op.op == "put"}
    return {op.table for op in call}
