"""Gives every adapter its store: one that it was given, or one that it opens and closes."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self, TypeAlias

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.domain import DomainStore
from mastra_convex.errors import ConfigurationError
from mastra_convex.store import ConvexStore
from mastra_convex.store_base import DomainAccess

StoreSource: TypeAlias = DomainAccess | str | os.PathLike[str] | None
"""Is a store; the path of a SQLite file; or None for the deployment that the environment names."""


class OverStore:
    """Is a base of adapters. A store that it opened it closes, by `aclose` or `async with`; one that it was given not.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name.

    Raises:
        ConfigurationError: the store cannot be opened.

    Attributes:
        store: the store that the adapter works on.

    Example:
        class Threads(OverStore):
            async def count(self) -> int:
                return (await self.store.memory.list_threads()).total

        async with Threads(":memory:") as threads:
            assert await threads.count() == 0
    """

    def __init__(self, store: StoreSource = None) -> None:
        self.store: DomainAccess
        self._is_own = not isinstance(store, DomainAccess)
        if isinstance(store, DomainAccess):
            self.store = store
        elif store is None:
            self.store = ConvexStore.from_env()
        elif isinstance(store, (str, os.PathLike)):
            self.store = ConvexStore.local(store)
        elif isinstance(store, DomainStore):
            problem = f"store must be the whole store, not its {type(store).__name__}"
            raise ConfigurationError(f"{problem}: give `store` in place of `store.{store.name}`")
        else:
            raise ConfigurationError(f"store must be a store, the path of a SQLite file or None, not {store!r}")

    async def aclose(self) -> None:
        """Closes the store, if the adapter opened it. Safe to repeat."""
        if self._is_own:
            loop_of(self.store).close()
            await self.store.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
