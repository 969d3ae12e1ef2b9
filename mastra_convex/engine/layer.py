"""The base of engines in front of an engine. Internal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from mastra_convex.engine.protocol import Commit, CommitResult, Engine, Read, Search, SearchResult

T = TypeVar("T")


class Layer:
    """Passes on what a subclass does not change."""

    def __init__(self, engine: Engine) -> None:
        self._engine: Engine = engine

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        return await self._engine.read(ops)

    async def commit(self, commit: Commit, /) -> CommitResult:
        return await self._engine.commit(commit)

    async def search(self, search: Search, /) -> SearchResult:
        return await self._engine.search(search)

    def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        return self._engine.watch(ops, give_up_after=give_up_after)

    async def sweep(self) -> tuple[int, bool]:
        return await self._engine.sweep()

    async def aclose(self) -> None:
        await self._engine.aclose()
