"""Messages (contract section 3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from mastra_convex.contract.arguments import check_batch_size, equals, metadata_conditions, text, texts
from mastra_convex.contract.models import parse_list
from mastra_convex.contract.pages import DateRange, PageRequest, PerPage, order_column, page_request
from mastra_convex.engine import (
    Change,
    Condition,
    Delete,
    Edit,
    Get,
    Neighbours,
    NeighboursResult,
    Patch,
    Put,
    Row,
    Scan,
    ScanResult,
    UnchangedGuard,
)
from mastra_convex.errors import ValidationError
from mastra_convex.records import batches, in_parts
from mastra_convex.registry import DomainStore
from mastra_convex.rows import decode_row, encode_columns, encode_row
from mastra_convex.values import clean, clean_text, from_json, to_json, value_size

from .models import Include, Message, MessageOrder, MessagePage, MessageUpdate
from .tables import MESSAGES
from .threads import touch_threads

_KEYS_PER_COMMIT = 400
"""Messages that one commit changes or deletes, with their threads: at most 8 index ranges each."""

_CHANGED_BYTES = 4 << 20
"""Of messages in one commit; each is read three times to be found, changed and returned."""

_MAX_THREADS = 2_000
"""That a scan takes: Convex opens two index ranges for each."""


class MessageMethods(DomainStore):
    """The message methods of MemoryStore."""

    async def save_messages(self, messages: Sequence[Message | Mapping[str, Any]]) -> list[Message]:
        """Stores messages under their ids, the last of one id winning, and sets `updated_at` of their threads to now.

        All in one atomic commit; what one commit cannot hold (some 1,900 messages, or 12 MiB) is split in order,
        each part atomic. A thread that does not exist is no error. Every message needs a `resource_id`. Raises
        TooLargeError for a message of more than 1 MiB, before anything is sent. Returns the messages by creation
        time, without those of role `system`, which are stored all the same (contract section 1.10).
        """
        operation = "SAVE_MESSAGES"
        checked = parse_list(Message, messages, "messages", operation=operation)
        for n, message in enumerate(checked):
            if message.resource_id is None:
                raise ValidationError(f"messages[{n}].resource_id is required", operation=operation)
        unique = {message.id: message for message in checked}
        rows = [message_row(message) for message in unique.values()]
        for batch in batches(rows, touching="thread_id"):
            # Existing rows are read to be replaced; larger ones than these may not fit one transaction.
            await in_parts(batch, self._put)
        return visible(unique.values())

    async def update_messages(self, messages: Sequence[MessageUpdate | Mapping[str, Any]]) -> list[Message]:
        """Changes what is given of each message; unknown ids are skipped. Returns the changed messages.

        `content` is merged: new members over old ones, and its `metadata` one level deeper, so concurrent updates
        are all kept. Sets `updated_at` of the threads, on a move of both. Two round trips; atomic up to 400 messages
        or 4 MiB, with what is stored of them.
        """
        updates = parse_list(MessageUpdate, messages, "messages", operation="UPDATE_MESSAGES")
        changed: dict[str, Message] = {}
        for n in range(0, len(updates), _KEYS_PER_COMMIT):
            changed |= await self._update(updates[n : n + _KEYS_PER_COMMIT])
        return list(changed.values())

    async def delete_messages(self, message_ids: Sequence[str]) -> None:
        """Deletes messages and sets `updated_at` of their threads to now; unknown ids are no error."""
        ids = texts(message_ids, "message_ids", operation="DELETE_MESSAGES")
        for n in range(0, len(ids), _KEYS_PER_COMMIT):
            await in_parts(ids[n : n + _KEYS_PER_COMMIT], self._delete)

    async def list_messages_by_id(self, message_ids: Sequence[str]) -> list[Message]:
        """The messages with these ids by creation time; unknown ids and messages of role `system` are left out."""
        ids = texts(message_ids, "message_ids", operation="LIST_MESSAGES_BY_ID")
        if not ids:
            return []
        found = await self._records.get(Get(table=MESSAGES.name, keys=[[id] for id in ids]))
        rows = sorted(filter(None, found.rows), key=_position)
        return [message for message in map(stored_message, rows) if message.role != "system"]

    async def list_messages(
        self,
        thread_id: str | Sequence[str],
        *,
        resource_id: str | None = None,
        include: Sequence[Include | Mapping[str, Any]] = (),
        page: int = 0,
        per_page: PerPage = 40,
        include_total: bool = True,
        order_by: MessageOrder = "created_at",
        start: datetime | None = None,
        end: datetime | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> MessagePage:
        """A page of the messages of one thread or several, merged by creation time.

        `resource_id`, the creation time (`start`, `end`) and pairs of `content["metadata"]` filter the page.
        Messages of `include`, each with neighbours from its own thread, are added to it and sorted in; of the
        filters only `resource_id` applies to them. `per_page=0` gives those alone. `total` counts the filtered
        messages, includes not among them.
        """
        operation = "LIST_MESSAGES"
        threads = _thread_ids(thread_id, operation)
        wanted = page_request(page, per_page, operation=operation)
        order = order_column(order_by, ("created_at",), operation=operation)[1]
        lower, upper = DateRange(start, end, start_exclusive, end_exclusive).bounds(operation=operation)
        resource = [equals(["resourceId"], resource_id)] if resource_id else []
        pairs = metadata_conditions(metadata, ["content", "metadata"], operation=operation, scalars=True)
        windows = _windows(include, resource, operation)
        scan = Scan(
            table=MESSAGES.name,
            index="by_thread_created",
            prefixes=[[id] for id in threads],
            lower=lower,
            upper=upper,
            where=[*resource, *pairs],
            order=order,
        )
        if wanted.limit == 0:
            included = await self._included(windows)
            return _page(included, windows, scan, wanted.info(0 if include_total else None, has_more=False))
        if not windows:
            found = await self._records.scan(wanted.scan(scan, include_total=include_total))
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return MessagePage(messages=[stored_message(row) for row in rows], **info)
        return await self._page_with_includes(scan, windows, wanted, include_total=include_total, threads=threads)

    async def list_messages_by_resource_id(
        self,
        resource_id: str,
        *,
        include: Sequence[Include | Mapping[str, Any]] = (),
        page: int = 0,
        per_page: PerPage = 40,
        include_total: bool = True,
        order_by: MessageOrder = "created_at",
        start: datetime | None = None,
        end: datetime | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> MessagePage:
        """A page of the messages of one resource in all its threads; the arguments are those of `list_messages`."""
        operation = "LIST_MESSAGES_BY_RESOURCE_ID"
        text(resource_id, "resource_id", operation=operation)
        wanted = page_request(page, per_page, operation=operation)
        order = order_column(order_by, ("created_at",), operation=operation)[1]
        lower, upper = DateRange(start, end, start_exclusive, end_exclusive).bounds(operation=operation)
        windows = _windows(include, [equals(["resourceId"], resource_id)], operation)
        scan = Scan(
            table=MESSAGES.name,
            index="by_resource_created",
            prefixes=[[resource_id]],
            lower=lower,
            upper=upper,
            where=metadata_conditions(metadata, ["content", "metadata"], operation=operation, scalars=True),
            order=order,
        )
        answers = await self._records.read([wanted.scan(scan, include_total=include_total), *windows])
        found = cast(ScanResult, answers[0])
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return _page([*rows, *_window_rows(answers[1:])], windows, scan, info)

    async def iter_messages(
        self,
        thread_id: str | Sequence[str],
        *,
        resource_id: str | None = None,
        order_by: MessageOrder = "created_at",
        start: datetime | None = None,
        end: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        batch_size: int = 100,
    ) -> AsyncIterator[Message]:
        """All messages of one thread or several, fetched `batch_size` at a time as they are consumed.

        None is repeated or skipped because others are added or deleted meanwhile.
        """
        operation = "ITER_MESSAGES"
        lower, upper = DateRange(start, end).bounds(operation=operation)
        resource = [equals(["resourceId"], resource_id)] if resource_id else []
        pairs = metadata_conditions(metadata, ["content", "metadata"], operation=operation, scalars=True)
        scan = Scan(
            table=MESSAGES.name,
            index="by_thread_created",
            prefixes=[[id] for id in _thread_ids(thread_id, operation)],
            lower=lower,
            upper=upper,
            where=[*resource, *pairs],
            order=order_column(order_by, ("created_at",), operation=operation)[1],
        )
        async for row in self._records.iterate(scan, check_batch_size(batch_size, operation=operation)):
            yield stored_message(row)

    async def _put(self, rows: Sequence[Row]) -> None:
        threads = list(dict.fromkeys(row["thread_id"] for row in rows))
        await self._records.commit([Put(table=MESSAGES.name, rows=rows), touch_threads(threads)])

    async def _delete(self, ids: Sequence[str]) -> None:
        keys = [[id] for id in ids]
        found = await self._records.get(Get(table=MESSAGES.name, keys=keys, paths=[["thread_id"]]))
        threads = dict.fromkeys(from_json(row[0]) for row in found.values or () if row is not None)
        await self._records.commit([Delete(table=MESSAGES.name, keys=keys), touch_threads(list(threads))])

    async def _update(self, updates: Sequence[MessageUpdate]) -> dict[str, Message]:
        keys = [[update.id] for update in updates]
        found = await self._records.get(Get(table=MESSAGES.name, keys=keys, fingerprints=True))
        changes = [
            _Change(update, row, fingerprint)
            for update, row, fingerprint in zip(updates, found.rows, found.fingerprints or (), strict=True)
            if row is not None
        ]
        changed: dict[str, Message] = {}
        for part in _parts(changes):
            ids = list(dict.fromkeys(change.update.id for change in part))
            threads = dict.fromkeys(thread for change in part for thread in change.threads)
            result = await self._records.commit(
                [*(change.patch for change in part), touch_threads(list(threads))],
                guards=[guard for change in part for guard in change.guards],
                returning=[Get(table=MESSAGES.name, keys=[[id] for id in ids])],
            )
            if result.status == "conflict":  # somebody else has made an object of a text
                changed |= await self._update([change.update for change in part])
            else:
                rows = filter(None, result.returned[0].rows)
                changed |= {row["id"]: stored_message(row) for row in rows}
        return changed

    async def _included(self, windows: Sequence[Neighbours]) -> list[Row]:
        return _window_rows(await self._records.read(windows)) if windows else []

    async def _page_with_includes(
        self,
        scan: Scan,
        windows: Sequence[Neighbours],
        wanted: PageRequest,
        *,
        include_total: bool,
        threads: Sequence[str],
    ) -> MessagePage:
        """More follow when a matching message is not among those returned (contract section 3, hasMore with include).

        Without a total that is found by the ids of as many messages as were returned at most, and one more.
        """
        most = (wanted.limit or 0) + sum(window.before + window.after + 1 for window in windows) + 1
        probe = scan.model_copy(update={"limit": 0 if include_total else most, "paths": [["id"]]})
        answers = await self._records.read([wanted.scan(scan, include_total=include_total), probe, *windows])
        found, probed = cast(ScanResult, answers[0]), cast(ScanResult, answers[1])
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        page = _page([*rows, *_window_rows(answers[2:])], windows, scan, info)
        returned = {message.id for message in page.messages if message.thread_id in threads}
        if include_total:
            has_more = len(returned) < found.matched
        else:
            has_more = any(from_json(id or "null") not in returned for [id] in probed.values or ())
        return page.model_copy(update={"has_more": has_more})


class _Change:
    """What an update does to a stored message."""

    def __init__(self, update: MessageUpdate, row: Row, fingerprint: str | None) -> None:
        self.update = update
        self.threads = (row["thread_id"], update.thread_id or row["thread_id"])
        self.guards: list[UnchangedGuard] = []
        edits = [] if update.content is None else _content_edits(update.content)
        if edits and not _is_object(row["content"]):
            # Older content is plain text: made an object first, a merge keeps it.
            edits.insert(0, Edit(path=["content"], reducer="set", value=to_json(stored_message(row).content)))
            self.guards = [UnchangedGuard(table=MESSAGES.name, key=[update.id], fingerprint=fingerprint or "")]
        change = Change(set=_changed_columns(update), edits=edits)
        self.patch = Patch(table=MESSAGES.name, keys=[[update.id]], change=change)
        self.size = value_size(row) + sum(len(edit.value) for edit in edits)


def _parts(changes: Iterable[_Change]) -> Iterator[list[_Change]]:
    """Changes in order, in lists that one commit holds."""
    part: list[_Change] = []
    size = 0
    for change in changes:
        if part and size + change.size > _CHANGED_BYTES:
            yield part
            part, size = [], 0
        part.append(change)
        size += change.size
    if part:
        yield part


def _is_object(content: Any) -> bool:
    try:
        return isinstance(from_json(content), dict)
    except ValueError:
        return False


def message_row(message: Message) -> Row:
    """The stored row of a message."""
    return encode_row(
        MESSAGES,
        {
            "id": message.id,
            "thread_id": message.thread_id,
            "content": message.content,
            "role": message.role,
            "type": message.type,
            "createdAt": message.created_at,
            "resourceId": message.resource_id,
        },
    )


def stored_message(row: Row) -> Message:
    """The message of a stored row."""
    return Message.stored(decode_row(MESSAGES, row))


def visible(messages: Sequence[Message] | Any) -> list[Message]:
    """Messages by creation time, without those of role `system` (contract section 1.10)."""
    return sorted((m for m in messages if m.role != "system"), key=lambda message: message.created_at)


def _position(row: Row) -> tuple[str, float]:
    return row["createdAt"], row["_creationTime"]


def _page(rows: Sequence[Row], windows: Sequence[Neighbours], scan: Scan, info: Any) -> MessagePage:
    """A page of rows, each once; sorted anew when neighbours were added."""
    unique = list({row["id"]: row for row in rows}.values())
    if windows:
        unique.sort(key=_position, reverse=scan.order == "desc")
    return MessagePage(messages=[stored_message(row) for row in unique], **info)


def _windows(
    include: Sequence[Include | Mapping[str, Any]], where: Sequence[Condition], operation: str
) -> list[Neighbours]:
    return [
        Neighbours(
            table=MESSAGES.name,
            key=[entry.id],
            index="by_thread_created",
            before=entry.with_previous_messages,
            after=entry.with_next_messages,
            where=where,
        )
        for entry in parse_list(Include, include, "include", operation=operation)
    ]


def _window_rows(answers: Sequence[Any]) -> list[Row]:
    windows: list[NeighboursResult] = [answer for answer in answers if answer.target is not None]
    return [row for window in windows for row in (*window.before.rows, window.target, *window.after.rows) if row]


def _thread_ids(thread_id: object, operation: str) -> list[str]:
    message = "thread_id must be a non-empty string or a non-empty list of such"
    values = [thread_id] if isinstance(thread_id, str) else thread_id
    if not isinstance(values, Sequence) or not values:
        raise ValidationError(message, operation=operation, status="INVALID_THREAD_ID")
    items = cast(Sequence[object], values)
    if not all(isinstance(item, str) and item.strip() for item in items):
        raise ValidationError(message, operation=operation, status="INVALID_THREAD_ID")
    ids = list(dict.fromkeys(clean_text(item, "thread_id") for item in cast(Sequence[str], items)))
    if len(ids) > _MAX_THREADS:
        raise ValidationError(f"thread_id takes at most {_MAX_THREADS:,} threads", operation=operation)
    return ids


def _content_edits(content: Mapping[str, Any]) -> list[Edit]:
    """New members over old ones, metadata one level deeper."""
    members = cast(dict[str, Any], clean(dict(content), "content"))
    metadata = members.get("metadata")
    edits: list[Edit] = []
    if isinstance(metadata, dict):
        del members["metadata"]
        edits = [Edit(path=["content", "metadata"], reducer="merge", value=to_json(metadata))]
    return [Edit(path=["content"], reducer="merge", value=to_json(members)), *edits]


def _changed_columns(update: MessageUpdate) -> Row:
    columns = {
        "thread_id": update.thread_id,
        "resourceId": update.resource_id,
        "role": update.role,
        "type": update.type,
    }
    return encode_columns(MESSAGES, columns)
