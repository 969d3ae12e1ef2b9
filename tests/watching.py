"""Consumers of watches: they wait for the next state, not longer than a test may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

_GUARD = 20.0
"""Seconds after which a state that does not come fails the test."""


class States(Generic[T]):
    """The states of a watch, one at a time."""

    def __init__(self, states: AsyncIterator[T]) -> None:
        self._states = cast(AsyncGenerator[T], states)

    async def next(self) -> T:
        async with asyncio.timeout(_GUARD):
            return await anext(self._states)

    async def until(self, wanted: T) -> list[T]:
        """The states up to the wanted one, which must come."""
        seen = [await self.next()]
        while seen[-1] != wanted:
            seen.append(await self.next())
        return seen

    async def aclose(self) -> None:
        await self._states.aclose()


@asynccontextmanager
async def watching(states: AsyncIterator[T]) -> AsyncGenerator[States[T]]:
    """Consumes a watch while the context lasts."""
    consumer = States(states)
    try:
        yield consumer
    finally:
        await consumer.aclose()


def other_tasks() -> set[asyncio.Task[Any]]:
    """The tasks of the loop without the one that asks."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
