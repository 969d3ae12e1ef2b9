"""Restricts memory to one resource (docs/contract.md, "A view for one resource")."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack

from pydantic.alias_generators import to_camel

from mastra_convex.domain import UNSET, PerPage, Record, Time, Unset, items

from .models import (
    Include,
    Message,
    MessageOrder,
    MessagePage,
    MessageUpdate,
    Resource,
    Thread,
    ThreadClone,
    ThreadOrder,
    ThreadPage,
)
from .resources import ResourceChange
from .saving import IfExists
from .tables import MESSAGES, OBSERVATIONS, RESOURCES, THREADS
from .threads import ThreadUpdate

if TYPE_CHECKING:
    from . import MemoryStore

RESOURCE_COLUMNS: Final = {
    THREADS.name: "resourceId",
    MESSAGES.name: "resourceId",
    RESOURCES.name: "id",
    OBSERVATIONS.name: "resourceId",
}
"""Names the column that holds the resource of a row, by table."""


class ThreadPageOptions(TypedDict, total=False):
    """Lists the options of `list_threads`, as `MemoryStore.list_threads` explains them."""

    metadata: Mapping[str, Any] | None
    page: int
    per_page: PerPage
    include_total: bool
    order_by: ThreadOrder


class MessageRangeOptions(TypedDict, total=False):
    """Lists the options that choose messages, as `MemoryStore.list_messages` explains them."""

    order_by: MessageOrder
    start: Time | None
    end: Time | None
    start_exclusive: bool
    end_exclusive: bool
    metadata: Mapping[str, Any] | None


class MessagePageOptions(MessageRangeOptions, total=False):
    """Lists the options of pages of messages, as `MemoryStore.list_messages` explains them."""

    include: Sequence[Include | Mapping[str, Any]]
    page: int
    per_page: PerPage
    include_total: bool


class MessageWatchOptions(MessageRangeOptions, total=False):
    """Lists the options of `watch_messages`, as `MemoryStore.watch_messages` explains them."""

    per_page: int
    include_total: bool
    give_up_after: float | None


class ThreadWatchOptions(TypedDict, total=False):
    """Lists the options of `watch_threads`, as `MemoryStore.watch_threads` explains them."""

    metadata: Mapping[str, Any] | None
    per_page: int
    include_total: bool
    order_by: ThreadOrder
    give_up_after: float | None


class CloneOptions(TypedDict, total=False):
    """Lists the options of `clone_thread`, as `MemoryStore.clone_thread` explains them."""

    new_thread_id: str | None
    title: str | None
    metadata: Mapping[str, Any] | None
    message_limit: int | None
    message_ids: Sequence[str]
    start: Time | None
    end: Time | None


class ResourceMemory:
    """Gives the memory of one resource alone, whatever ids and filters its methods are given.

    Nothing of another resource is returned. A write that would change, move, take over or delete something of another
    resource raises ConflictError and writes nothing; guards in the same commit see to it. `MemoryStore.for_resource`
    makes it. The methods are those of MemoryStore without `resource_id`; records need not name the resource.

    Example:
        mine = store.memory.for_resource("user-1")
        await mine.save_messages([{"id": "m1", "thread_id": "trip", "role": "user", "content": "Hello"}])
        theirs = store.memory.for_resource("user-2")
        assert await theirs.latest_messages("trip") == []
        try:
            await theirs.delete_messages(["m1"])
        except ConflictError as error:
            assert error.details["ids"] == ["m1"]
    """

    def __init__(self, resource_id: str, memory: MemoryStore, memory_alone: MemoryStore) -> None:
        self.resource_id: str = resource_id
        self._memory = memory
        self._memory_alone = memory_alone

    async def get_thread_by_id(self, thread_id: str) -> Thread | None:
        """Returns the thread, or None when it does not exist or belongs to another resource."""
        return await self._memory.get_thread_by_id(thread_id)

    async def save_thread(self, thread: Thread | Mapping[str, Any], *, if_exists: IfExists = "replace") -> Thread:
        """Stores the thread as `MemoryStore.save_thread` does."""
        return await self._memory.save_thread(self._mine(thread), if_exists=if_exists)

    async def update_thread(
        self, id: str, *, title: str | Unset = UNSET, metadata: Mapping[str, Any] | Unset = UNSET
    ) -> Thread:
        """Changes the given fields of a thread as `MemoryStore.update_thread` does.

        Args:
            id: id of the thread.
            title: title that replaces the stored one. Left out, the stored title stays.
            metadata: members to merge over the stored ones, first level only. Left out, the stored ones stay.

        Returns:
            The whole thread after the change.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the thread does not exist.
            ConflictError: the thread belongs to another resource.
        """
        return await self._memory.update_thread(id, title=title, metadata=metadata)

    patch_thread = update_thread

    async def update_thread_metadata(
        self, id: str, *, update: Callable[[Thread], ThreadUpdate | Awaitable[ThreadUpdate]]
    ) -> Thread | None:
        """Merges what a function makes of a thread into its metadata (see `MemoryStore.update_thread_metadata`)."""
        return await self._memory.update_thread_metadata(id, update=update)

    async def delete_thread(self, thread_id: str, *, deletes_vectors: bool = False) -> None:
        """Deletes the thread and what belongs to it, as `MemoryStore.delete_thread` does.

        Of a thread that does not exist only messages of this resource are deleted: whose the rest is, is not known.
        """
        exists = await self._memory.get_thread_by_id(thread_id) is not None
        memory = self._memory if exists else self._memory_alone
        await memory.delete_thread(thread_id, deletes_vectors=deletes_vectors and exists)

    async def list_threads(self, **options: Unpack[ThreadPageOptions]) -> ThreadPage:
        """Lists a page of the threads, as `MemoryStore.list_threads` does."""
        return await self._memory.list_threads(resource_id=self.resource_id, **options)

    def iter_threads(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        order_by: Literal["created_at", "-created_at"] = "-created_at",
        batch_size: int = 100,
    ) -> AsyncIterator[Thread]:
        """Iterates over the threads as `MemoryStore.iter_threads` does.

        Args:
            metadata: only threads whose metadata have all these pairs (deep JSON equality).
            order_by: `created_at`, or `-created_at` for the newest first.
            batch_size: threads to fetch at a time.

        Returns:
            The threads that match, in the order asked for.

        Raises:
            ValidationError: an argument is wrong.
        """
        return self._memory.iter_threads(
            resource_id=self.resource_id, metadata=metadata, order_by=order_by, batch_size=batch_size
        )

    async def list_messages_by_id(self, message_ids: Sequence[str]) -> list[Message]:
        """Returns the messages with these ids by creation time, without those of other resources."""
        return await self._memory.list_messages_by_id(message_ids)

    async def list_messages(self, thread_id: str | Sequence[str], **options: Unpack[MessagePageOptions]) -> MessagePage:
        """Lists a page of the messages of one or several threads, as `MemoryStore.list_messages` does."""
        return await self._memory.list_messages(thread_id, resource_id=self.resource_id, **options)

    async def list_messages_by_resource_id(self, **options: Unpack[MessagePageOptions]) -> MessagePage:
        """Lists a page of the messages in all threads, as `MemoryStore.list_messages_by_resource_id` does."""
        return await self._memory.list_messages_by_resource_id(self.resource_id, **options)

    async def latest_messages(
        self, thread_id: str | Sequence[str], *, limit: int = 20, metadata: Mapping[str, Any] | None = None
    ) -> list[Message]:
        """Returns the newest messages of a thread, the oldest of them first.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            limit: number of messages at most.
            metadata: only messages whose `content["metadata"]` has all these pairs.

        Returns:
            The messages by creation time.

        Raises:
            ValidationError: an argument is wrong.
        """
        return await self._memory.latest_messages(
            thread_id, limit=limit, resource_id=self.resource_id, metadata=metadata
        )

    def iter_messages(
        self, thread_id: str | Sequence[str], *, batch_size: int = 100, **options: Unpack[MessageRangeOptions]
    ) -> AsyncIterator[Message]:
        """Iterates over the messages of one or several threads, as `MemoryStore.iter_messages` does.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            batch_size: messages to fetch at a time.
            options: the other options of `MemoryStore.iter_messages`.

        Returns:
            The messages that match, in the order asked for.

        Raises:
            ValidationError: an argument is wrong.
        """
        return self._memory.iter_messages(thread_id, resource_id=self.resource_id, batch_size=batch_size, **options)

    async def save_messages(
        self,
        messages: Sequence[Message | Mapping[str, Any]],
        *,
        if_exists: IfExists = "replace",
        thread: Thread | Mapping[str, Any] | None = None,
    ) -> list[Message]:
        """Stores messages as `MemoryStore.save_messages` does, up to about 1,300 in one atomic commit.

        Args:
            messages: messages to store.
            if_exists: `replace`, `keep` or `error`: what to do with a message of this resource whose id is stored.
            thread: the thread of all these messages, which is stored in the same commit when it does not exist.

        Returns:
            The messages as they are stored now, by creation time, without those of role `system`.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: a message or thread belongs to another resource, or exists and `if_exists` is `error`.
        """
        given = [self._mine(message) for message in items(messages, "messages", operation="SAVE_MESSAGES")]
        parent = None if thread is None else self._mine(thread)
        return await self._memory.save_messages(given, if_exists=if_exists, thread=parent)

    async def update_messages(self, messages: Sequence[MessageUpdate | Mapping[str, Any]]) -> list[Message]:
        """Changes the given fields of each message, as `MemoryStore.update_messages` does."""
        return await self._memory.update_messages(messages)

    async def delete_messages(self, message_ids: Sequence[str]) -> None:
        """Deletes messages, as `MemoryStore.delete_messages` does."""
        await self._memory.delete_messages(message_ids)

    async def get_resource_by_id(self) -> Resource | None:
        """Returns the resource, or None when nothing is stored for it."""
        return await self._memory.get_resource_by_id(self.resource_id)

    async def save_resource(
        self, resource: Resource | Mapping[str, Any], *, if_exists: IfExists = "replace"
    ) -> Resource:
        """Stores the resource as `MemoryStore.save_resource` does."""
        return await self._memory.save_resource(self._mine(resource, "id"), if_exists=if_exists)

    async def update_resource(
        self,
        *,
        working_memory: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        update: Callable[[Resource], ResourceChange | Awaitable[ResourceChange]] | None = None,
    ) -> Resource:
        """Changes the given fields of the resource, as `MemoryStore.update_resource` does.

        Args:
            working_memory: text that replaces the stored one; `""` is a value. Left out, the stored text stays.
            metadata: members to merge over the stored ones, first level only. Left out, the stored ones stay.
            update: function of the stored resource that returns what to change, or None to write nothing.

        Returns:
            The whole resource after the change.

        Raises:
            ValidationError: an argument, or the answer of `update`, is wrong.
            ConflictError: others changed the resource at each of 1,000 attempts; the call may be retried.
        """
        return await self._memory.update_resource(
            self.resource_id, working_memory=working_memory, metadata=metadata, update=update
        )

    async def clone_thread(self, source_thread_id: str, **options: Unpack[CloneOptions]) -> ThreadClone:
        """Copies a thread and its messages under new ids, as `MemoryStore.clone_thread` does."""
        return await self._memory.clone_thread(source_thread_id, resource_id=self.resource_id, **options)

    copy_thread = clone_thread

    def watch_messages(
        self, thread_id: str | Sequence[str], **options: Unpack[MessageWatchOptions]
    ) -> AsyncGenerator[MessagePage]:
        """Watches the first page of messages of one or several threads, as `MemoryStore.watch_messages` does."""
        return self._memory.watch_messages(thread_id, resource_id=self.resource_id, **options)

    def watch_thread(self, thread_id: str, *, give_up_after: float | None = None) -> AsyncGenerator[Thread | None]:
        """Watches a thread as `MemoryStore.watch_thread` does; None also while it belongs to another resource."""
        return self._memory.watch_thread(thread_id, give_up_after=give_up_after)

    def watch_threads(self, **options: Unpack[ThreadWatchOptions]) -> AsyncGenerator[ThreadPage]:
        """Watches the first page of the threads, as `MemoryStore.watch_threads` does."""
        return self._memory.watch_threads(resource_id=self.resource_id, **options)

    def watch_resource(self, *, give_up_after: float | None = None) -> AsyncGenerator[Resource | None]:
        """Watches the resource as `MemoryStore.watch_resource` does."""
        return self._memory.watch_resource(self.resource_id, give_up_after=give_up_after)

    def follow_messages(
        self, thread_id: str, *, after: str | None = None, give_up_after: float | None = None
    ) -> AsyncGenerator[Message]:
        """Follows the messages of this resource in a thread, as `MemoryStore.follow_messages` does.

        Args:
            thread_id: id of the thread.
            after: id of the message of this resource to go on after; None for what is added from now on.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Returns:
            The messages, each once.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: this resource has no message `after` in the thread.
        """
        return self._memory.follow_messages(thread_id, after=after, give_up_after=give_up_after)

    def _mine(self, record: Any, attribute: str = "resource_id") -> Any:
        """Returns a record that a caller gave, with this resource where it names none."""
        if isinstance(record, Record):
            given = attribute in record.model_fields_set and getattr(record, attribute) is not None
            return record if given else record.model_copy(update={attribute: self.resource_id})
        if isinstance(record, Mapping) and not any(record.get(key) for key in (attribute, to_camel(attribute))):
            members = {key: value for key, value in record.items() if key not in (attribute, to_camel(attribute))}
            return {**members, attribute: self.resource_id}
        return record
