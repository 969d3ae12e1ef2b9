"""Makes foreign items of what an `ItemLog` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, Protocol, TypeAlias

from mastra_convex.adapters.projection.items import items_of
from mastra_convex.domain import each, runs

OfMessage: TypeAlias = Callable[[str, Mapping[str, Any]], list[Any]]
"""Makes items of a message of another writer, none, one or several: of its role and its content in format 2."""


class Stored(Protocol):
    """Describes what is read of the `StoredItem`s that an `ItemLog` gives."""

    @property
    def item(self) -> str | None:
        """Returns the JSON text of the item, if the message has one of the framework."""
        ...

    @property
    def message(self) -> Any:
        """Returns the message where there is no item."""
        ...


class Log(Protocol):
    """Describes what is called of an `ItemLog`."""

    async def latest(self, thread_id: str, *, limit: int | None = None) -> Sequence[Stored]:
        """Returns the newest items of a thread, the oldest of them first."""
        ...


async def latest_items(log: Log, thread_id: str, limit: int | None, of_message: OfMessage) -> list[Any]:
    """Returns the newest foreign items of a thread, the oldest of them first, without those that are damaged.

    Args:
        log: the log of the framework.
        thread_id: id of the thread.
        limit: number of items at most, whatever number of messages they are in; none below 1, all for None.
        of_message: makes items of messages without one.

    Returns:
        The items.

    Raises:
        ValidationError: the id is none, or the limit is no integer.
    """
    if limit is not None and limit < 1:
        return []
    asked = limit
    while True:
        stored = await log.latest(thread_id, limit=asked)
        items = await read_items(stored, of_message)
        if limit is None or asked is None:
            return items
        if len(items) >= limit or len(stored) < asked:
            return items[-limit:]
        asked *= 2  # some messages had no item


async def read_items(stored: Iterable[Stored], of_message: OfMessage) -> list[Any]:
    """Returns the foreign items of what a log gave, in order, without those that are damaged."""

    def read(run: list[str] | Stored) -> list[Any]:
        return items_of(run) if isinstance(run, list) else of_message(run.message.role, run.message.content)

    return list(chain.from_iterable(await each(read, _runs(stored))))


def _runs(stored: Iterable[Stored]) -> Iterator[list[str] | Stored]:
    """Joins texts that follow each other, as long as they are parsed in a moment."""
    for has_item, group in groupby(stored, key=lambda one: one.item is not None):
        if has_item:
            yield from runs([one.item or "" for one in group])
        else:
            yield from group
