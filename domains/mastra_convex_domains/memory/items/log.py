"""Appends, reads and pops the items of an agent framework: what adapters call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from mastra_convex.contract.items import NewItem
from mastra_convex.domain import (
    MAX_CONFLICTS,
    MAX_SAFE_INTEGER,
    Bound,
    Change,
    Delete,
    DeleteRange,
    DomainStore,
    Edit,
    EmptyGuard,
    Get,
    Guard,
    HoldsGuard,
    KeyGuard,
    Patch,
    Records,
    Row,
    Scan,
    WriteOp,
    as_operation,
    each,
    equals,
    in_turn,
    integer,
    items,
    kept_changing,
    moment,
    parse,
    shown,
    text,
    text_column,
    texts,
    to_iso,
)
from mastra_convex.errors import ValidationError
from mastra_convex_domains.memory.messages import stored_message
from mastra_convex_domains.memory.models import Resource, Thread
from mastra_convex_domains.memory.resources import resource_changes, stored_resource
from mastra_convex_domains.memory.tables import MESSAGES, RESOURCES, THREADS
from mastra_convex_domains.memory.threads import stored_thread, touch_threads

from .appending import Appender, check_expected
from .folding import CallPlace, results_shown
from .models import LoadedThread, LoadedThreads, StoredItem
from .reading import ItemReader, newest, range_of


class ItemLog:
    """Appends, reads and pops the items of one agent framework in threads. `MemoryStore.items` makes it.

    The calls that write end before a cancellation of their caller is raised, or have not begun: nothing happens later.

    Example:
        log = store.memory.items("myFramework")
        thread = Thread(id="t1", resource_id="user-1")
        parts = [{"type": "text", "text": "Hello"}]
        await log.append(thread, [NewItem(role="user", parts=parts, item='{"says": "Hello"}')])
        assert [each.item for each in await log.latest("t1", limit=20)] == ['{"says": "Hello"}']
        popped = await log.pop("t1")
        assert popped is not None and await log.count("t1") == 0
    """

    name: ClassVar[str] = "memory"
    error_family: ClassVar[str] = DomainStore.error_family

    def __init__(self, key: str, records: Records, database: Mapping[str, Any]) -> None:
        self.key = key
        self.database = database
        self._records = records
        self._reader = ItemReader(key, records)
        self._appender = Appender(key, records)

    @as_operation
    async def append(
        self,
        thread: Thread | Mapping[str, Any],
        new_items: Sequence[NewItem],
        *,
        expects: Sequence[Guard] = (),
        also: Sequence[WriteOp] = (),
        resources: Sequence[str] = (),
    ) -> list[Resource | None]:
        """Appends items to a thread, in their order and after all that it has, in one atomic commit.

        The thread is made when it does not exist; an existing one keeps its resource, title, metadata and time of
        creation. The messages get times that rise by at least a millisecond, whatever the clocks of writers say.
        Results of tool calls are merged into the messages of the calls. This takes one round trip; one more if a call
        was stored before its result, and two more each time that another writer appends in the same moment.

        Args:
            thread: thread of the items, to be made unless it exists.
            new_items: items to append. Without items and `also`, nothing is written.
            expects: what must hold when the items are written; `is_new`, `has`, `exists` and `is_missing` make it.
            also: further writes of the same commit; `change_thread` and `change_resource` make them.
            resources: ids of resources to return.

        Returns:
            The data of the resources after the commit, in the order of `resources`; None for one without data.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: something of `expects` does not hold (`details["expects"]` has the positions), and nothing
                was written; or others appended at each of 1,000 attempts.
            TooLargeError: the batch is too large for one commit (12 MiB); nothing was written.
        """
        operation = "APPEND_ITEMS"
        parent = parse(Thread, thread, "thread", operation=operation)
        given = items(new_items, "new_items", operation=operation)
        for n, item in enumerate(given):
            if not isinstance(item, NewItem):
                raise ValidationError(f"new_items[{n}] must be a NewItem, not {shown(item)}", operation=operation)
            if item.created_at is not None:
                moment(item.created_at, f"new_items[{n}].created_at", operation=operation)
        returning = [_resources(texts(resources, "resources", operation=operation))] if resources else []
        if not given and not also and not returning:
            return []
        append = partial(self._appender.append, parent, given, expects, also, returning)
        result = await in_turn(_turn(parent.id), append)
        return [_resource(row) for answer in result.returned for row in answer.rows]

    @as_operation
    async def latest(self, thread_id: str, *, limit: int | None = None) -> list[StoredItem]:
        """Returns the newest items of a thread, the oldest of them first.

        Only the items are read, not what Mastra shows of them. Messages without an item of this framework are read
        whole, in a second round trip.

        Args:
            thread_id: id of the thread.
            limit: number of items at most; None for all.

        Returns:
            The items; none when the thread does not exist.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LATEST_ITEMS"
        text(thread_id, "thread_id", operation=operation)
        if limit is not None:
            integer(limit, "limit", operation=operation)
        found = await self._records.read(self._reader.scan(thread_id, limit))
        return await self._reader.oldest_first(found.values)

    @as_operation
    async def load(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        resources: Sequence[str] = (),
    ) -> LoadedThread:
        """Returns a thread, its newest items as `latest` does, and the data of resources, in one round trip.

        Args:
            thread_id: id of the thread.
            limit: number of items at most; 0 for none, None for all.
            since: earliest time of an item's message; None for any.
            resources: ids of resources.

        Returns:
            What is stored of them.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LOAD_ITEMS"
        text(thread_id, "thread_id", operation=operation)
        ids = texts(resources, "resources", operation=operation)
        if limit is not None:
            integer(limit, "limit", operation=operation, least=0)
        scan = self._reader.scan(thread_id, limit)
        if since is not None:
            scan = replace(scan, lower=Bound(value=to_iso(moment(since, "since", operation=operation))))
        threads, of_resources, found = await self._records.read(
            Get(table=THREADS.name, keys=[[thread_id]]), _resources(ids), scan
        )
        [row] = threads.rows
        return LoadedThread(
            thread=None if row is None else stored_thread(row),
            items=await self._reader.oldest_first(found.values),
            resources=[_resource(row) for row in of_resources.rows],
        )

    @as_operation
    async def load_threads(
        self, resource_id: str, *, has_children: bool = False, resources: Sequence[str] = ()
    ) -> LoadedThreads:
        """Returns all threads of a resource, without items, and the data of resources, in one round trip.

        Args:
            resource_id: id of the resource.
            has_children: True takes, in place of this resource, all those whose ids begin with its id and `/`.
            resources: ids of further resources.

        Returns:
            The threads, and the data of these resources.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LOAD_THREADS"
        text(resource_id, "resource_id", operation=operation)
        ids = texts(resources, "resources", operation=operation)
        threads = Scan(table=THREADS.name, index="by_resource", prefixes=[[resource_id]])
        data = Scan(table=RESOURCES.name, index=RESOURCES.key, prefixes=[[resource_id]])
        if has_children:
            first, after = Bound(value=f"{resource_id}/"), Bound(value=f"{resource_id}0", inclusive=False)
            threads, data = (
                replace(scan, prefixes=[[]], lower=first, upper=after)  # "0" comes next after "/"
                for scan in (threads, data)
            )
        found, of_range, of_resources = await self._records.read(threads, data, _resources(ids))
        rows = [row for row in (*of_range.rows, *of_resources.rows) if row is not None]
        return LoadedThreads(
            threads=await each(stored_thread, found.rows),
            resources={resource.id: resource for resource in await each(stored_resource, rows)},
        )

    @as_operation
    async def get(self, ids: Sequence[str]) -> list[StoredItem | None]:
        """Returns the items with these message ids, in the order of the ids; None where there is no such message."""
        wanted = texts(ids, "ids", operation="GET_ITEMS")
        found = await self._records.read(self._reader.get(wanted))
        by_id = await self._reader.by_id(found.values)
        return [by_id.get(id) for id in wanted]

    @as_operation
    async def until(self, id: str, *, limit: int | None = None) -> list[StoredItem]:
        """Returns an item and those before it in its thread, the oldest of them first, in one round trip.

        Args:
            id: id of the item's message; the thread need not be known.
            limit: number of items at most; None for all.

        Returns:
            The items, of which this one is the last; none when there is no such message.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITEMS_UNTIL"
        text(id, "id", operation=operation)
        before = MAX_SAFE_INTEGER if limit is None else integer(limit, "limit", operation=operation, least=1) - 1
        return await self._reader.of_window(await self._records.read(self._reader.window(id, before)))

    @as_operation
    async def pop(self, thread_id: str) -> StoredItem | None:
        """Deletes the newest item of a thread and returns it; None when the thread has none.

        Concurrent calls get different items. A result of a tool is taken back from the message of its call.

        Raises:
            ValidationError: the argument is wrong.
            ConflictError: others changed the thread at each of 1,000 attempts; the call may be retried.
        """
        text(thread_id, "thread_id", operation="POP_ITEM")
        return await in_turn(_turn(thread_id), lambda: self._pop(thread_id))

    @as_operation
    async def clear(self, thread_id: str) -> None:
        """Deletes all messages of a thread; the thread stays. This is atomic up to about 2,000 messages or 6 MiB."""
        text(thread_id, "thread_id", operation="CLEAR_ITEMS")
        ops: list[WriteOp] = [DeleteRange(range=range_of(thread_id)), touch_threads([thread_id])]
        await in_turn(_turn(thread_id), lambda: self._records.commit(ops, mode="resumable"))

    @as_operation
    async def count(self, thread_id: str) -> int:
        """Counts the messages of a thread."""
        text(thread_id, "thread_id", operation="COUNT_ITEMS")
        return (await self._records.read(replace(newest(thread_id, limit=0), total=True))).matched

    @as_operation
    async def delete_thread(
        self, thread_id: str, *, expects: Sequence[Guard] = (), also: Sequence[WriteOp] = ()
    ) -> None:
        """Deletes a thread with its items, as `MemoryStore.delete_thread` does, if `expects` holds.

        Args:
            thread_id: id of the thread.
            expects: what must hold when the deletion begins.
            also: further writes, with the last step of the deletion.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: something of `expects` does not hold; nothing was written.
        """
        operation = "DELETE_ITEM_THREAD"
        text(thread_id, "thread_id", operation=operation)
        owned = [DeleteRange(range=range) for range in self._records.owned_ranges(THREADS, thread_id)]
        ops = [*owned, Delete(table=THREADS.name, keys=[[thread_id]]), *also]
        commit = partial(self._records.commit, ops, guards=expects, mode="resumable")
        result = await in_turn(_turn(thread_id), commit)
        check_expected(result.failed, operation)

    def is_new(self, thread_id: str) -> Guard:
        """Expects that the thread does not exist."""
        return KeyGuard(guard="missing", table=THREADS.name, key=[thread_id])

    def has(self, thread_id: str, path: Sequence[str], value: Any) -> Guard:
        """Expects that the thread exists, with a value in its metadata, as a revision that was read.

        Args:
            thread_id: id of the thread.
            path: path to the value, as `["metadata", "adk", "revision"]`.
            value: JSON value that must be there.

        Returns:
            The guard, for `expects`.

        Raises:
            ValidationError: the value is no JSON value.
        """
        return HoldsGuard(table=THREADS.name, key=[thread_id], where=[equals(path, value)])

    def exists(self, message_id: str) -> Guard:
        """Expects that a message exists."""
        return KeyGuard(guard="exists", table=MESSAGES.name, key=[message_id])

    def is_missing(self, message_id: str) -> Guard:
        """Expects that no message has this id."""
        return KeyGuard(guard="missing", table=MESSAGES.name, key=[message_id])

    def change_thread(self, thread_id: str, *edits: Edit) -> list[WriteOp]:
        """Returns writes that change the metadata of a thread: `Edit(path=["metadata", ...], reducer=..., value=...)`.

        A thread that the same `append` makes is changed too.
        """
        return [Patch(table=THREADS.name, keys=[[thread_id]], change=Change(edits=edits))]

    def change_resource(self, resource_id: str, *edits: Edit) -> list[WriteOp]:
        """Returns writes that change the metadata of a resource, which is made when it does not exist."""
        return resource_changes(resource_id, {}, edits)

    async def _pop(self, thread_id: str) -> StoredItem | None:
        lost: set[CallPlace] = set()
        for _ in range(MAX_CONFLICTS):
            rows = (await self._records.read(newest(thread_id, limit=1))).rows
            if not rows:
                return None
            time = text_column(MESSAGES, rows[0], "createdAt")
            message = stored_message(rows[0])
            shown = [place for place in results_shown(message.content.get("parts")) if place not in lost]
            is_newest = EmptyGuard(range=range_of(thread_id, lower=Bound(value=time, inclusive=False)))
            guards = [self.exists(message.id), is_newest, *(place.holds() for place in shown)]
            taken_back = [place.shows({"state": "call"}) for place in shown]
            delete = Delete(table=MESSAGES.name, keys=[[message.id]])
            ops: list[WriteOp] = [delete, *taken_back, touch_threads([thread_id])]
            result = await self._records.commit(ops, guards=guards)
            if result.status == "done":
                return self._reader.of_message(message)
            lost.update(shown[n - 2] for n in result.failed if n >= 2)
        raise kept_changing(f"thread {thread_id!r}", "POP_ITEM")


def _turn(thread_id: str) -> tuple[str, str]:
    return ("items", thread_id)


def _resources(ids: Sequence[str]) -> Get:
    return Get(table=RESOURCES.name, keys=[[id] for id in ids])


def _resource(row: Row | None) -> Resource | None:
    return None if row is None else stored_resource(row)
