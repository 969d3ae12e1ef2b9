"""Appends, reads and pops the items of an agent framework (docs/contract.md, "Items of agent frameworks").

One foreign item (message, entry, event) is one message. Its JSON text is kept unchanged in the metadata of the content,
beside the parts that Mastra shows. Adapters work through ItemLog, as lists of messages leave out those of role
`system`, and make a record of each message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final

from mastra_convex.contract.items import NewItem
from mastra_convex.domain import (
    MAX_CONFLICTS,
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
    IndexRange,
    KeyGuard,
    Patch,
    Put,
    Records,
    Row,
    Scan,
    WriteOp,
    about,
    as_operation,
    each,
    encode_row,
    equals,
    from_json,
    in_turn,
    integer,
    items,
    kept_changing,
    moment,
    now,
    parse,
    shown,
    text,
    text_column,
    texts,
    to_iso,
)
from mastra_convex.errors import ConflictError, ValidationError

from .folding import CallPlace, calls_in, folded, has_call, results_shown, unknown_calls
from .messages import stored_message
from .models import DEFAULT_TYPE, Message, Resource, Thread
from .resources import resource_changes, stored_resource
from .tables import MESSAGES, RESOURCES, THREADS
from .threads import stored_thread, thread_row, touch_threads

_MILLISECOND: Final = timedelta(milliseconds=1)
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_PARSED_CHARACTERS: Final = 48 << 10
"""So many characters of JSON text are parsed at a time; that takes less than a millisecond."""

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

_VERSION: Final = 1
"""The version of the form `{"v": 1, "item": "<JSON text>"}` in which an item is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
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
        self._path = ["content", "metadata", key, "item"]

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
        ids = texts(resources, "resources", operation=operation)
        if not given and not also and not ids:
            return []
        return await in_turn(_turn(parent.id), lambda: self._append(parent, given, expects, also, ids))

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
        found = await self._records.read(self._scan(thread_id, limit))
        return await self._stored((await _parsed(found.values or ()))[::-1])

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
        scan = self._scan(thread_id, limit)
        if since is not None:
            scan = replace(scan, lower=Bound(value=to_iso(moment(since, "since", operation=operation))))
        threads, of_resources, found = await self._records.read(
            Get(table=THREADS.name, keys=[[thread_id]]), _resources(ids), scan
        )
        [row] = threads.rows
        return LoadedThread(
            thread=None if row is None else stored_thread(row),
            items=await self._stored((await _parsed(found.values or ()))[::-1]),
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
            bounds = {"lower": Bound(value=f"{resource_id}/"), "upper": Bound(value=f"{resource_id}0", inclusive=False)}
            threads, data = (replace(scan, prefixes=[[]], **bounds) for scan in (threads, data))
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
        keys = [[id] for id in wanted]
        found = await self._records.read(Get(table=MESSAGES.name, keys=keys, paths=[["id"], self._path]))
        stored = await self._stored(await _parsed([pair for pair in found.values or () if pair is not None]))
        by_id = {item.id: item for item in stored}
        return [by_id.get(id) for id in wanted]

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
        ops: list[WriteOp] = [DeleteRange(range=_range(thread_id)), touch_threads([thread_id])]
        await in_turn(_turn(thread_id), lambda: self._records.commit(ops, mode="resumable"))

    @as_operation
    async def count(self, thread_id: str) -> int:
        """Counts the messages of a thread."""
        text(thread_id, "thread_id", operation="COUNT_ITEMS")
        return (await self._records.read(replace(_newest(thread_id, limit=0), total=True))).matched

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
        _check_expected(result.failed, operation)

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

    async def _append(
        self,
        thread: Thread,
        new_items: Sequence[NewItem],
        expects: Sequence[Guard],
        also: Sequence[WriteOp],
        resources: Sequence[str],
    ) -> list[Resource | None]:
        with about("thread"):
            row = thread_row(thread)
        if "updated_at" not in thread.model_fields_set:
            row["updatedAt"] = to_iso(now())
        put_thread = Put(table=THREADS.name, rows=[row], keep=["resourceId", "title", "metadata", "createdAt"])
        unknown = unknown_calls(new_items)
        after: datetime | None = None
        for _ in range(MAX_CONFLICTS):
            result = folded(new_items, await self._calls(thread.id, unknown))
            rows = await self._rows(thread, new_items, result.messages, after)
            guards = [*expects, *(place.holds() for place, _ in result.outcomes)]
            ops: list[WriteOp] = [put_thread]
            if rows:
                guards.append(EmptyGuard(range=_range(thread.id, lower=Bound(value=rows[0]["createdAt"]))))
                ops.append(Put(table=MESSAGES.name, rows=rows))
            ops += [place.shows(outcome) for place, outcome in result.outcomes]
            returning = [_resources(resources)] if resources else []
            commit = await self._records.commit([*ops, *also], guards=guards, returning=returning)
            if commit.status == "done":
                return [_resource(row) for answer in commit.returned for row in answer.rows]
            _check_expected([n for n in commit.failed if n < len(expects)], "APPEND_ITEMS")
            after = await self._last_time(thread.id)
        raise kept_changing(f"thread {thread.id!r}", "APPEND_ITEMS")

    async def _calls(self, thread_id: str, call_ids: Sequence[str]) -> dict[str, CallPlace]:
        """Finds the newest message of each tool call."""
        if not call_ids:
            return {}
        scans = [
            replace(_newest(thread_id, limit=1), where=[has_call(id)], paths=[["id"], ["content", "parts"]])
            for id in call_ids
        ]
        found: dict[str, CallPlace] = {}
        for call_id, answer in zip(call_ids, await self._records.read_all(scans), strict=True):
            for id, parts in await _parsed(answer.values or ()):
                found.update((place.call_id, place) for place in calls_in(id, parts) if place.call_id == call_id)
        return found

    async def _rows(
        self,
        thread: Thread,
        new_items: Sequence[NewItem],
        messages: Sequence[tuple[str, list[Any]]],
        after: datetime | None,
    ) -> list[Row]:
        current = now()
        time = _EARLIEST if after is None else after
        times: list[datetime] = []
        for item in new_items:
            time = max(time + _MILLISECOND, item.created_at or current)
            times.append(time)

        def row(n: int) -> Row:
            item, (role, parts) = new_items[n], messages[n]
            with about(f"new_items[{n}]"):
                return encode_row(
                    MESSAGES,
                    {
                        "id": item.id,
                        "thread_id": thread.id,
                        "content": self._content(parts, item.item),
                        "role": role,
                        "type": DEFAULT_TYPE,
                        "createdAt": times[n],
                        "resourceId": thread.resource_id,
                    },
                )

        return await each(row, range(len(new_items)))

    def _content(self, parts: list[Any], item: str | None) -> dict[str, Any]:
        content: dict[str, Any] = {"format": 2, "parts": parts}
        said = [part["text"] for part in parts if part.get("type") == "text"]
        if said:
            content["content"] = "\n".join(said)
        if item is not None:
            content["metadata"] = {self.key: {"v": _VERSION, "item": item}}
        return content

    async def _last_time(self, thread_id: str) -> datetime | None:
        rows = (await self._records.read(_newest(thread_id, limit=1))).rows
        return stored_message(rows[0]).created_at if rows else None

    async def _pop(self, thread_id: str) -> StoredItem | None:
        lost: set[CallPlace] = set()
        for _ in range(MAX_CONFLICTS):
            rows = (await self._records.read(_newest(thread_id, limit=1))).rows
            if not rows:
                return None
            time = text_column(MESSAGES, rows[0], "createdAt")
            message = stored_message(rows[0])
            shown = [place for place in results_shown(message.content.get("parts")) if place not in lost]
            is_newest = EmptyGuard(range=_range(thread_id, lower=Bound(value=time, inclusive=False)))
            guards = [self.exists(message.id), is_newest, *(place.holds() for place in shown)]
            taken_back = [place.shows({"state": "call"}) for place in shown]
            delete = Delete(table=MESSAGES.name, keys=[[message.id]])
            ops: list[WriteOp] = [delete, *taken_back, touch_threads([thread_id])]
            result = await self._records.commit(ops, guards=guards)
            if result.status == "done":
                return StoredItem(id=message.id, item=item) if (item := self._item(message)) else _without(message)
            lost.update(shown[n - 2] for n in result.failed if n >= 2)
        raise kept_changing(f"thread {thread_id!r}", "POP_ITEM")

    def _item(self, message: Message) -> str | None:
        """Returns the item in a message, None where there is none of this framework."""
        metadata = message.content.get("metadata")
        kept = metadata.get(self.key) if isinstance(metadata, dict) else None
        item = kept.get("item") if isinstance(kept, dict) else None
        return item if isinstance(item, str) else None

    async def _stored(self, pairs: Sequence[tuple[str, Any]]) -> list[StoredItem]:
        others = [id for id, item in pairs if not isinstance(item, str)]
        messages: dict[str, Message] = {}
        if others:
            found = await self._records.read(Get(table=MESSAGES.name, keys=[[id] for id in others]))
            messages = {message.id: message for message in await each(stored_message, filter(None, found.rows))}
        return [
            StoredItem(id=id, item=item) if isinstance(item, str) else _without(messages[id])
            for id, item in pairs
            if isinstance(item, str) or id in messages  # else it was deleted between the two reads
        ]

    def _scan(self, thread_id: str, limit: int | None) -> Scan:
        return replace(_newest(thread_id, limit=limit), paths=[["id"], self._path])


def check_key(key: object) -> str:
    """Returns the key of a framework. Raises ValidationError for what is none, or is Mastra's own."""
    text(key, "key", operation="ITEMS")
    if not isinstance(key, str) or not key.isidentifier() or key in RESERVED_KEYS:
        raise ValidationError("key must be letters, digits and _, and no member that Mastra uses", operation="ITEMS")
    return key


def _newest(thread_id: str, *, limit: int | None) -> Scan:
    return Scan(table=MESSAGES.name, index="by_thread_created", prefixes=[[thread_id]], order="desc", limit=limit)


def _range(thread_id: str, *, lower: Bound | None = None) -> IndexRange:
    return IndexRange(table=MESSAGES.name, index="by_thread_created", prefix=[thread_id], lower=lower)


def _resources(ids: Sequence[str]) -> Get:
    return Get(table=RESOURCES.name, keys=[[id] for id in ids])


def _resource(row: Row | None) -> Resource | None:
    return None if row is None else stored_resource(row)


def _without(message: Message) -> StoredItem:
    return StoredItem(id=message.id, item=None, message=message)


def _check_expected(failed: Sequence[int], operation: str) -> None:
    if failed:
        raise ConflictError(
            "what was expected of the thread does not hold; nothing was written",
            operation=operation,
            status="NOT_AS_EXPECTED",
            details={"expects": list(failed)},
        )


async def _parsed(values: Sequence[Sequence[str | None]]) -> list[tuple[str, Any]]:
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
    found = await each(from_json, [f"[{','.join(part)}]" for part in parts])
    return [(id, value) for part in found for id, value in part]


def _turn(thread_id: str) -> tuple[str, str]:
    return ("items", thread_id)
