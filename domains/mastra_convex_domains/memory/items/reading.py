"""Reads items without what Mastra shows of them, and finds the messages that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from mastra_convex.domain import Bound, Get, IndexRange, Records, Scan, each, from_json
from mastra_convex_domains.memory.messages import stored_message
from mastra_convex_domains.memory.models import Message
from mastra_convex_domains.memory.tables import MESSAGES

from .models import StoredItem

_PARSED_CHARACTERS: Final = 48 << 10
"""So many characters of JSON text are parsed at a time; that takes less than a millisecond."""


class ItemReader:
    """Reads the items that are under one key."""

    def __init__(self, key: str, records: Records) -> None:
        self._key = key
        self._records = records
        self._paths = [["id"], ["content", "metadata", key, "item"]]

    def scan(self, thread_id: str, limit: int | None) -> Scan:
        """Returns the read of the newest items, for `oldest_first`."""
        return replace(newest(thread_id, limit=limit), paths=self._paths)

    def get(self, ids: Sequence[str]) -> Get:
        """Returns the read of items by the ids of their messages, for `by_id`."""
        return Get(table=MESSAGES.name, keys=[[id] for id in ids], paths=self._paths)

    async def oldest_first(self, values: Sequence[Sequence[str | None] | None] | None) -> list[StoredItem]:
        """Returns the items of a `scan`."""
        return (await self._stored(values))[::-1]

    async def by_id(self, values: Sequence[Sequence[str | None] | None] | None) -> dict[str, StoredItem]:
        """Returns the items of a `get`."""
        return {item.id: item for item in await self._stored(values)}

    def of_message(self, message: Message) -> StoredItem:
        """Returns the item of a message that was read whole."""
        metadata = message.content.get("metadata")
        kept = metadata.get(self._key) if isinstance(metadata, dict) else None
        item = kept.get("item") if isinstance(kept, dict) else None
        return StoredItem(id=message.id, item=item) if isinstance(item, str) else _without_item(message)

    async def _stored(self, values: Sequence[Sequence[str | None] | None] | None) -> list[StoredItem]:
        pairs = await parsed([pair for pair in values or () if pair is not None])
        others = [id for id, item in pairs if not isinstance(item, str)]
        messages: dict[str, Message] = {}
        if others:
            found = await self._records.read(Get(table=MESSAGES.name, keys=[[id] for id in others]))
            messages = {message.id: message for message in await each(stored_message, filter(None, found.rows))}
        return [
            StoredItem(id, item) if isinstance(item, str) else _without_item(messages[id])
            for id, item in pairs
            if isinstance(item, str) or id in messages  # else it was deleted between the two reads
        ]


def newest(thread_id: str, *, limit: int | None) -> Scan:
    """Returns the read of the newest messages of a thread, the newest of them first."""
    return Scan(table=MESSAGES.name, index="by_thread_created", prefixes=[[thread_id]], order="desc", limit=limit)


def range_of(thread_id: str, *, lower: Bound | None = None) -> IndexRange:
    """Returns the range of the messages of a thread, from a time on if one is given."""
    return IndexRange(table=MESSAGES.name, index="by_thread_created", prefix=[thread_id], lower=lower)


async def parsed(values: Sequence[Sequence[str | None]]) -> list[tuple[str, Any]]:
    """Parses pairs of an id and another value: many small ones as one text, which is several times faster."""
    parts: list[list[str]] = [[]]
    size = 0
    for id, value in values:
        pair = f"[{id},{value or 'null'}]"
        size += len(pair)
        if size > _PARSED_CHARACTERS and parts[-1]:
            parts.append([])
            size = len(pair)
        parts[-1].append(pair)
    found = await each(_parsed_at_once, [f"[{','.join(part)}]" for part in parts])
    return [(id, value) for part in found for id, value in part]


def _parsed_at_once(pairs: str) -> Any:
    return orjson.loads(pairs) if len(pairs) <= 2 * _PARSED_CHARACTERS else from_json(pairs)  # the latter in a thread


def _without_item(message: Message) -> StoredItem:
    return StoredItem(id=message.id, item=None, message=message)
