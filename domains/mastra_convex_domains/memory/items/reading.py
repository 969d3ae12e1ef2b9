"""Reads items without what Mastra shows of them, and finds the messages that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, starmap
from typing import Any

import orjson

from mastra_convex.domain import (
    Bound,
    Get,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Records,
    Scan,
    each,
    from_json,
    runs,
)
from mastra_convex_domains.memory.messages import stored_message
from mastra_convex_domains.memory.models import Message
from mastra_convex_domains.memory.tables import MESSAGES

from .models import StoredItem


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

    def window(self, id: str, before: int) -> Neighbours:
        """Returns the read of an item and those before it in its thread, for `of_window`."""
        return Neighbours(table=MESSAGES.name, key=[id], index="by_thread_created", before=before)

    async def of_window(self, found: NeighboursResult) -> list[StoredItem]:
        """Returns the items of a `window`, the oldest of them first; none when there is no such message."""
        if found.target is None:
            return []
        rows = [*found.before.rows, found.target]
        return [self.of_message(message) for message in await each(stored_message, rows)]

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
        others = [id for id, item in pairs if type(item) is not str]
        if not others:
            return list(starmap(StoredItem, pairs))
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
    """Parses pairs of the JSON texts of an id and of another value, None where there is none."""
    pairs = [f"[{id},{value or 'null'}]" for id, value in values]
    return list(chain.from_iterable(await each(_parsed_run, runs(pairs))))


def _parsed_run(pairs: list[str]) -> Any:
    text = f"[{','.join(pairs)}]"
    return orjson.loads(text) if len(pairs) > 1 else from_json(text)  # a large one in a thread


def _without_item(message: Message) -> StoredItem:
    return StoredItem(id=message.id, item=None, message=message)
