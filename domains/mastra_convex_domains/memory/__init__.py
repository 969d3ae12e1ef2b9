"""Stores threads, messages and resources (docs/contract.md, "Threads", "Messages" and "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.contract.items import NewItem, ToolResult
from mastra_convex.domain import RetentionTable, Table, register, text

from .cloning import CloneMethods
from .items import ItemLog, LoadedThread, LoadedThreads, StoredItem, check_key
from .messages import MessageMethods
from .models import (
    Include,
    Message,
    MessageOrder,
    MessagePage,
    MessageUpdate,
    Resource,
    ResourceUpdate,
    Role,
    Thread,
    ThreadClone,
    ThreadOrder,
    ThreadPage,
)
from .observational import (
    ActivatedChunk,
    ActivationResult,
    ObservationalMemory,
    ObservationalMethods,
    ObservationChunk,
)
from .resource_memory import RESOURCE_COLUMNS, ResourceMemory
from .resources import ResourceMethods
from .tables import MESSAGES, OBSERVATIONS, RESOURCES, THREADS
from .threads import ThreadMethods
from .watching import WatchMethods
from .writing import WriteMethods

__all__ = [
    "ActivatedChunk",
    "ActivationResult",
    "Include",
    "ItemLog",
    "LoadedThread",
    "LoadedThreads",
    "MemoryStore",
    "Message",
    "MessageOrder",
    "MessagePage",
    "MessageUpdate",
    "NewItem",
    "ObservationChunk",
    "ObservationalMemory",
    "Resource",
    "ResourceMemory",
    "ResourceUpdate",
    "Role",
    "StoredItem",
    "Thread",
    "ThreadClone",
    "ThreadOrder",
    "ThreadPage",
    "ToolResult",
]


@register
class MemoryStore(
    ThreadMethods,
    MessageMethods,
    WriteMethods,
    ResourceMethods,
    CloneMethods,
    WatchMethods,
    ObservationalMethods,
):
    """Stores threads, their messages, and the memory of resources.

    Example:
        thread = await store.memory.save_thread(Thread(resource_id="user-1"))
        message = Message(thread_id=thread.id, resource_id="user-1", role="user", content="Hello")
        await store.memory.save_messages([message])
        page = await store.memory.list_messages(thread.id)
        assert [each.text for each in page.messages] == ["Hello"]
    """

    name: ClassVar[str] = "memory"
    tables: ClassVar[tuple[Table, ...]] = (THREADS, MESSAGES, RESOURCES, OBSERVATIONS)
    retention: ClassVar[Mapping[str, RetentionTable]] = {
        "messages": RetentionTable(MESSAGES, "createdAt"),
        "observationalMemory": RetentionTable(OBSERVATIONS, "updatedAt"),
        "resources": RetentionTable(RESOURCES, "createdAt"),
        "threads": RetentionTable(THREADS, "createdAt"),
    }

    def items(self, key: str) -> ItemLog:
        """Returns the log of the items of an agent framework: what adapters of frameworks work through.

        Example:
            log = store.memory.items("myFramework")
            assert await log.latest("t1") == []

        Args:
            key: name of the member of `content.metadata` in which the items are, as `openaiAgents`.

        Raises:
            ValidationError: the key is none, or has a meaning in Mastra.
        """
        return ItemLog(check_key(key), self._records, self.database)

    def for_resource(self, resource_id: str) -> ResourceMemory:
        """Returns the memory of one resource alone: what to use with ids or filters from a browser or a model.

        Example:
            mine = store.memory.for_resource("user-1")
            await mine.save_thread({"id": "trip", "title": "Trip"})
            assert await store.memory.for_resource("user-2").get_thread_by_id("trip") is None

        Raises:
            ValidationError: the id is blank.
        """
        text(resource_id, "resource_id", operation="FOR_RESOURCE")
        records = self._records.of_owner(resource_id, noun="resource", columns=RESOURCE_COLUMNS)
        alone = self._records.of_owner(resource_id, noun="resource", columns=RESOURCE_COLUMNS, alone=True)
        memory, memory_alone = (MemoryStore(each, database=self.database) for each in (records, alone))
        return ResourceMemory(resource_id, memory, memory_alone)
