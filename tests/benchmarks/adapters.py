"""Our side of agent frameworks: their operations on the adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mastra_convex import ConvexStore
from mastra_convex.adapters.openai_agents import StoreSession

from .groups import Group, Make
from .sessions import operations


@asynccontextmanager
async def openai(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    async with ConvexStore.local(directory / "openai.db") as store:
        yield await operations(lambda session_id: StoreSession(session_id, store))


GROUPS: Mapping[str, Group] = {"openai": openai}
