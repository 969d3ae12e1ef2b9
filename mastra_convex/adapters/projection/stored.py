"""Makes foreign items of what an `ItemLog` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol, TypeAlias

from mastra_convex.adapters.projection.items import items_of
from mastra_convex.domain import each

_READ_CHARACTERS: Final = 48 << 10
"""So many characters of JSON text are parsed at a time; that takes less than a millisecond."""

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
    texts: list[str] = []
    size = 0
    for one in stored:
        length = 0 if one.item is None else len(one.item)
        size += length
        if texts and (one.item is None or size > _READ_CHARACTERS):
            yield texts
            texts, size = [], length
        if one.item is None:
            yield one
        else:
            texts.append(one.item)
    if texts:
        yield texts
