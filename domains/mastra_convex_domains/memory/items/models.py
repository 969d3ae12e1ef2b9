"""Declares what an item log gives, and the keys under which frameworks keep their items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from mastra_convex.domain import text
from mastra_convex.errors import ValidationError
from mastra_convex_domains.memory.models import Message, Resource, Thread

RESERVED_KEYS: Final = frozenset(
    {
        "completionResult",
        "createdAt",
        "isTaskCompleteResult",
        "mastra",
        "pendingToolApprovals",
        "providerMetadata",
        "resourceId",
        "signal",
        "structuredOutput",
        "suspendedTools",
        "threadId",
    }
)
"""Members of `content.metadata` that Mastra itself gives a meaning."""


class StoredItem(NamedTuple):
    """Represents one message of a thread as an agent framework wrote it.

    Attributes:
        id: id of the message.
        item: the item as JSON text, exactly as it was given; None for a message without one of this framework, which
            TypeScript wrote for instance.
        message: the message, only where `item` is None.

    Example:
        log = store.memory.items("myFramework")
        await log.append({"id": "t1", "resource_id": "user-1"}, [NewItem(role="user", parts=[], item="[1.0]")])
        [stored] = await log.latest("t1")
        assert (stored.item, stored.message) == ("[1.0]", None)
    """

    id: str
    item: str | None
    message: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedThread:
    """Holds a thread, its items, and the data of resources, all of one moment.

    Attributes:
        thread: the thread, or None when it does not exist.
        items: its newest items, the oldest of them first.
        resources: the resources that were asked for, in that order; None for one without data.

    Example:
        log = store.memory.items("myFramework")
        await log.append({"id": "t1", "resource_id": "user-1"}, [], also=log.change_resource("user-1"))
        loaded = await log.load("t1", resources=["user-1"])
        assert loaded.thread is not None and loaded.items == [] and loaded.resources[0] is not None
    """

    thread: Thread | None
    items: list[StoredItem]
    resources: list[Resource | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedThreads:
    """Holds threads and the data of resources, all of one moment.

    Attributes:
        threads: the threads, in the order of their resources.
        resources: by their ids, those of the asked resources that have data.

    Example:
        log = store.memory.items("myFramework")
        await log.append({"id": "t1", "resource_id": "app/user-1"}, [], also=log.change_resource("app/user-1"))
        loaded = await log.load_threads("app", has_children=True)
        assert [thread.id for thread in loaded.threads] == ["t1"] and list(loaded.resources) == ["app/user-1"]
    """

    threads: list[Thread]
    resources: dict[str, Resource]


def check_key(key: object) -> str:
    """Returns the key of a framework. Raises ValidationError for what is none, or is Mastra's own."""
    text(key, "key", operation="ITEMS")
    if not isinstance(key, str) or not key.isidentifier() or key in RESERVED_KEYS:
        raise ValidationError("key must be letters, digits and _, and no member that Mastra uses", operation="ITEMS")
    return key
