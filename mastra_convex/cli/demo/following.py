"""Two processes of the demo: one writes messages, the other is told of each as it comes."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mastra_convex.cli.demo.children import ask_new_process
from mastra_convex.contract.models import new_id
from mastra_convex.store import ConvexStore
from mastra_convex.store_base import DomainAccess

_QUESTION: Final = "Is anybody there?"
_ANSWERS: Final = ("I am, in another process.", "Nobody has to ask again:", "each message comes by itself.")


@dataclass(frozen=True)
class Told:
    """A message of another process, and the milliseconds until this one was told of it."""

    text: str
    milliseconds: float


async def follow_new_process(path: Path, resource: str) -> tuple[int, list[Told]]:
    """Follows a thread into which a new process writes; returns that process and what was told of its messages.

    The thread is deleted in the end, so that the store is as it was.
    """
    async with ConvexStore.local(path) as store:
        thread = {"id": new_id(), "resource_id": resource, "title": "Two processes"}
        question = {"thread_id": thread["id"], "resource_id": resource, "role": "user", "content": _QUESTION}
        [asked] = await store.memory.save_messages([question], thread=thread)
        try:
            following = asyncio.create_task(_follow(store, thread["id"], asked.id))
            try:
                answer = await ask_new_process("write", path, {**question, "role": "assistant"})
                return answer["pid"], await following
            finally:
                following.cancel()
        finally:
            await store.memory.delete_thread(thread["id"])


async def write_answers(store: DomainAccess, message: dict[str, Any]) -> dict[str, Any]:
    """Writes the answers one by one, in the process that is followed."""
    for text in _ANSWERS:
        await store.memory.save_messages([{**message, "content": text}])
    return {"pid": os.getpid()}


async def _follow(store: DomainAccess, thread_id: str, after: str) -> list[Told]:
    told: list[Told] = []
    async with aclosing(store.memory.follow_messages(thread_id, after=after)) as messages:
        async for message in messages:
            waited = datetime.now(UTC) - message.created_at
            told.append(Told(message.text, waited.total_seconds() * 1_000))
            if len(told) == len(_ANSWERS):
                break
    return told
