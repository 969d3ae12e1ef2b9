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


@asynccontextmanager
async def adk(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    from mastra_convex.adapters.google_adk import StoreSessionService  # noqa: PLC0415

    from . import adk_sessions  # noqa: PLC0415

    async with StoreSessionService(directory / "adk.db") as service:
        yield await adk_sessions.operations(service)


GROUPS: Mapping[str, Group] = {"openai": openai, "adk": adk}
