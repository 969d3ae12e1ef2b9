"""Saves the dialogues of a file. What is there already is left alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mastra_convex.adapters.chats.dialogue import Dialogue, derived_id
from mastra_convex.adapters.chats.reading import FORMATS, ChatFile
from mastra_convex.engine.threads import in_thread_to_its_end
from mastra_convex.errors import ValidationError
from mastra_convex.store_base import DomainAccess

_BATCH: Final = 50
_STEP: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class ChatReport:
    """Tells what an import did.

    Attributes:
        format: what the file was taken for.
        threads: dialogues in the file.
        new: messages that were saved.
        known: messages that were there already.
        errors: what could not be imported, each in one line.

    Example:
        >>> ChatReport(format="ShareGPT", threads=1, new=2, known=0, errors=()).new
        2
    """

    format: str
    threads: int
    new: int
    known: int
    errors: Sequence[str]


async def import_chat(
    store: DomainAccess, path: Path | str, *, resource_id: str = "imported", format: str | None = None
) -> ChatReport:
    """Imports the conversations of a file; docs/importing-chats.md has the formats.

    Args:
        store: where to.
        path: the file; `-` is standard input.
        resource_id: owner of the threads, where the file names none.
        format: what the file must be; recognised by default.

    Returns:
        What was imported and what was not.

    Raises:
        ValidationError: the file is no chat of a known format, or of another than `format`.
    """
    if format is not None and format not in FORMATS:
        raise ValidationError(f"format must be one of {', '.join(FORMATS)}", operation="IMPORT_CHAT")
    chat = await in_thread_to_its_end(ChatFile, path)
    threads = new = known = 0
    try:
        dialogues = chat.dialogues(format)
        while (dialogue := await in_thread_to_its_end(next, dialogues, None)) is not None:
            threads += 1
            try:
                saved, there = await _save(store, dialogue, format or chat.format, resource_id)
            except ValidationError as error:
                chat.errors.append(f"{dialogue.title or dialogue.key[:40]}: {error.message}")
                continue
            new, known = new + saved, known + there
        return ChatReport(chat.format, threads, new, known, chat.errors)
    finally:
        chat.close()


async def _save(store: DomainAccess, dialogue: Dialogue, format: str, resource_id: str) -> tuple[int, int]:
    resource = dialogue.resource or resource_id
    thread_id = derived_id("thread", format, resource, dialogue.key)
    rows = _rows(dialogue, thread_id, resource)
    known = {message.id async for message in store.memory.iter_messages(thread_id, batch_size=1000)}
    missing = [row for row in rows if row["id"] not in known]
    for n in range(0, len(missing), _BATCH):
        await store.memory.save_messages(missing[n : n + _BATCH])
    present = await store.memory.get_thread_by_id(thread_id)
    if missing or present is None:  # after its messages, as saving those sets its time of update to now
        times = [row["created_at"] for row in rows] or [dialogue.time or datetime.now(UTC)]
        await store.memory.save_thread(
            {
                "id": thread_id,
                "resource_id": resource,
                "title": dialogue.title or "",
                "metadata": {"imported": {"format": format, "key": dialogue.key, **dialogue.rest}},
                "created_at": dialogue.time or min(times),
                "updated_at": max(times),
            }
        )
    return len(missing), len(rows) - len(missing)


def _rows(dialogue: Dialogue, thread_id: str, resource: str) -> list[dict[str, Any]]:
    """Returns the messages. One without a time follows the one before it, or comes before the first with a time."""
    rows: dict[str, dict[str, Any]] = {}
    first = next((turn.time - (n + 1) * _STEP for n, turn in enumerate(dialogue.turns) if turn.time), None)
    time = dialogue.time or first or datetime.now(UTC)
    for n, turn in enumerate(dialogue.turns):
        time = turn.time or time + _STEP
        key = turn.key or json.dumps([turn.role, str(turn.time), turn.parts])
        id = derived_id("message", thread_id, key)
        if id in rows:  # it is said twice, or two messages have one id in the file
            id = derived_id("message", thread_id, key, str(n))
        content: dict[str, Any] = {"format": 2, "parts": turn.parts or [{"type": "data-imported", "data": {}}]}
        if turn.rest:
            content["metadata"] = {"imported": turn.rest}
        rows[id] = {
            "id": id,
            "thread_id": thread_id,
            "resource_id": resource,
            "role": turn.role,
            "content": content,
            "created_at": time,
        }
    return list(rows.values())
