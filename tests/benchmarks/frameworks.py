"""The agent frameworks' own stores on SQLite files. Each is imported when its operations are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from .groups import Group, Make
from .sessions import operations


@asynccontextmanager
async def openai(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    from agents.extensions.memory import SQLAlchemySession  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    engine = create_async_engine(f"sqlite+aiosqlite:///{directory / 'openai.db'}")
    yield await operations(lambda session_id: SQLAlchemySession(session_id, engine=engine, create_tables=True))
    await engine.dispose()


@asynccontextmanager
async def adk(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    from google.adk.sessions import DatabaseSessionService  # noqa: PLC0415

    from . import adk_sessions  # noqa: PLC0415

    async with DatabaseSessionService(f"sqlite+aiosqlite:///{directory / 'adk.db'}") as service:
        yield await adk_sessions.operations(service)


GROUPS: Mapping[str, Group] = {"openai": openai, "adk": adk}
