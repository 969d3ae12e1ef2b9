"""A transcript into a store. What is there already is left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mastra_convex.cli.demo.transcript import BadLine, Line, Transcript
from mastra_convex.errors import ValidationError
from mastra_convex.store_base import DomainAccess

_BATCH: Final = 50


@dataclass(frozen=True)
class Imported:
    """Counts the messages that were new and known; `refused` are lines that the store did not take."""

    new: int
    known: int
    threads: int
    refused: Sequence[BadLine]


async def import_transcript(store: DomainAccess, transcript: Transcript, advance: Callable[[int], None]) -> Imported:
    """Saves the messages that the store lacks, and their threads with the times of the transcript.

    `advance` is told how many lines were done.
    """
    new = 0
    refused: list[BadLine] = []
    threads = transcript.threads()
    for thread_id, lines in threads.items():
        known = await _known_ids(store, thread_id)
        missing = [line for line in lines if line.id not in known]
        advance(len(lines) - len(missing))
        saved: list[Line] = []
        for n in range(0, len(missing), _BATCH):
            batch = missing[n : n + _BATCH]
            saved += await _save(store, batch, refused)
            advance(len(batch))
        if saved:
            await _save_thread(store, thread_id, saved)
        new += len(saved)
    return Imported(new, len(transcript.lines) - new - len(refused), len(threads), refused)


async def _known_ids(store: DomainAccess, thread_id: str) -> set[str]:
    return {message.id async for message in store.memory.iter_messages(thread_id, batch_size=1000)}


async def _save(store: DomainAccess, lines: Sequence[Line], refused: list[BadLine]) -> Sequence[Line]:
    """Saves the lines in one commit, or one by one when one of them is refused; returns those that were saved."""
    try:
        await store.memory.save_messages([_message(line) for line in lines])
    except ValidationError as error:
        if len(lines) == 1:
            refused.append(BadLine(lines[0].number, error.message))
            return []
        return [saved for line in lines for saved in await _save(store, [line], refused)]
    return lines


def _message(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "thread_id": line.thread_id,
        "resource_id": line.resource,
        "role": line.role,
        "content": line.text,
        "created_at": line.time,
    }


async def _save_thread(store: DomainAccess, thread_id: str, lines: Sequence[Line]) -> None:
    """Saved after its messages, since saving those sets its time of update to now."""
    times = [line.time for line in lines]
    present = await store.memory.get_thread_by_id(thread_id)
    if present is None:
        thread = {"id": thread_id, "resource_id": lines[0].resource, "title": lines[0].thread}
        await store.memory.save_thread({**thread, "created_at": min(times), "updated_at": max(times)})
        return
    page = await store.memory.list_messages(thread_id, per_page=1, order_by="-created_at", include_total=False)
    latest = max(*times, *(message.created_at for message in page.messages))
    earliest = min(present.created_at, *times)
    await store.memory.save_thread(present.model_copy(update={"created_at": earliest, "updated_at": latest}))
