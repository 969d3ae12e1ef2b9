"""Test data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from mastra_convex.engine.protocol import Commit, Engine, Patch
from mastra_convex.rows.changes import Change
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import Message, Thread

BASE = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BASE + timedelta(seconds=seconds)


def thread(id: str = "t1", *, n: int = 0, resource_id: str = "user-1", title: str = "A talk") -> Thread:
    return Thread(id=id, resource_id=resource_id, title=title, created_at=at(n), updated_at=at(n))


def message(n: int, *, thread_id: str = "t1", resource_id: str = "user-1", text: str | None = None) -> Message:
    return Message(
        id=f"{thread_id}-m{n:05}",
        thread_id=thread_id,
        resource_id=resource_id,
        role="assistant" if n % 2 else "user",
        content=text if text is not None else f"message {n}",
        created_at=at(n),
    )


def messages(count: int, *, thread_id: str = "t1", resource_id: str = "user-1", first: int = 0) -> list[Message]:
    return [message(n, thread_id=thread_id, resource_id=resource_id) for n in range(first, first + count)]


def ids(items: list[Message] | list[Thread]) -> list[str]:
    return [item.id for item in items]


async def change_time(engine: Engine, table: str, key: str, time: datetime) -> None:
    """Sets when a row was last updated, as nobody else may: two writes in a row may have the same time."""
    patch = Patch(table=table, keys=[[key]], change=Change(set={"updatedAt": to_iso(time)}))
    await engine.commit(Commit(id=uuid4().hex, ops=[patch]))
