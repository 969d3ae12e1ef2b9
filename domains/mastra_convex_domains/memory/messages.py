"""Lists and iterates messages (docs/contract.md, "Messages")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Condition,
    DateRange,
    DomainStore,
    Get,
    Neighbours,
    NeighboursResult,
    PageInfo,
    PageRequest,
    PerPage,
    Row,
    Scan,
    Time,
    check_batch_size,
    clean_text,
    decode_row,
    each,
    encode_row,
    equals,
    from_json,
    json_member,
    metadata_conditions,
    order_column,
    page_request,
    parse_list,
    shown,
    string,
    text,
    text_column,
    texts,
)
from mastra_convex.errors import ValidationError

from .models import DEFAULT_TYPE, Include, Message, MessageOrder, MessagePage
from .tables import MESSAGES

_ANY_TIME = DateRange(None, None)
_MAX_THREADS = 2_000
"""A scan takes at most so many threads, as Convex opens two index ranges for each."""


class MessageMethods(DomainStore):
    """Adds the methods that read messages to MemoryStore."""

    async def list_messages_by_id(self, message_ids: Sequence[str]) -> list[Message]:
        """Returns the messages with these ids by creation time, without unknown ids and messages of role `system`."""
        ids = texts(message_ids, "message_ids", operation="LIST_MESSAGES_BY_ID")
        if not ids:
            return []
        found = await self._records.read(Get(table=MESSAGES.name, keys=[[id] for id in ids]))
        rows = sorted(filter(None, found.rows), key=_position)
        return [message for message in await each(stored_message, rows) if message.role != "system"]

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
        start: Time | None = None,
        end: Time | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> MessagePage:
        """Lists a page of the messages of one or several threads, merged by creation time.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            resource_id: only messages of this resource; None or `""` for all.
            include: messages to add to the page, each with neighbours from its own thread. They are sorted into the
                page. Of the filters only `resource_id` applies to them.
            page: number of the page, from 0.
            per_page: messages on a page; False for all, 0 for the included messages alone.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.
            order_by: `created_at`, or `-created_at` for the newest first.
            start: earliest creation time, datetime or ISO text with a time zone; None for no limit.
            end: latest creation time, datetime or ISO text with a time zone; None for no limit.
            start_exclusive: True leaves out messages made exactly at `start`.
            end_exclusive: True leaves out messages made exactly at `end`.
            metadata: only messages whose `content["metadata"]` has all these pairs; values are text, numbers,
                booleans or None.

        Returns:
            The page. `total` counts the messages that match the filters, without the included ones.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_MESSAGES"
        threads = thread_ids(thread_id, operation)
        wanted = page_request(page, per_page, operation=operation)
        times = DateRange(start, end, start_exclusive, end_exclusive)
        resource = of_resource(resource_id, operation)
        where = [*resource, *metadata_pairs(metadata, operation)]
        scan = message_scan("by_thread_created", threads, times, where=where, order_by=order_by, operation=operation)
        windows = _windows(include, resource, operation)
        if wanted.limit == 0:
            included = await self._included(windows)
            return await _page(included, windows, scan, wanted.info(0 if include_total else None, has_more=False))
        if not windows:
            found = await self._records.read(wanted.scan(scan, include_total=include_total))
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return MessagePage(messages=await each(stored_message, rows), **info)
        return await self._page_with_includes(scan, windows, wanted, include_total=include_total)

    async def latest_messages(
        self,
        thread_id: str | Sequence[str],
        *,
        limit: int = 20,
        resource_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[Message]:
        """Returns the newest messages of a thread, the oldest of them first: what a model is given as history.

        Reads only these messages.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            limit: number of messages at most.
            resource_id: only messages of this resource; None or `""` for all.
            metadata: only messages whose `content["metadata"]` has all these pairs; values are text, numbers,
                booleans or None.

        Returns:
            The messages by creation time.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LATEST_MESSAGES"
        if type(limit) is not int or not 1 <= limit <= MAX_SAFE_INTEGER:
            raise ValidationError("limit must be >= 1", operation=operation)
        threads = thread_ids(thread_id, operation)
        where = [*of_resource(resource_id, operation), *metadata_pairs(metadata, operation)]
        scan = message_scan(
            "by_thread_created", threads, _ANY_TIME, where=where, order_by="-created_at", operation=operation
        )
        found = await self._records.read(replace(scan, limit=limit))
        return await each(stored_message, found.rows[::-1])

    async def list_messages_by_resource_id(
        self,
        resource_id: str,
        *,
        include: Sequence[Include | Mapping[str, Any]] = (),
        page: int = 0,
        per_page: PerPage = 40,
        include_total: bool = True,
        order_by: MessageOrder = "created_at",
        start: Time | None = None,
        end: Time | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> MessagePage:
        """Lists a page of the messages of one resource in all its threads.

        Args:
            resource_id: id of the resource.
            include: messages to add to the page, each with neighbours from its own thread. They are sorted into the
                page. Of the filters only `resource_id` applies to them.
            page: number of the page, from 0.
            per_page: messages on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.
            order_by: `created_at`, or `-created_at` for the newest first.
            start: earliest creation time, datetime or ISO text with a time zone; None for no limit.
            end: latest creation time, datetime or ISO text with a time zone; None for no limit.
            start_exclusive: True leaves out messages made exactly at `start`.
            end_exclusive: True leaves out messages made exactly at `end`.
            metadata: only messages whose `content["metadata"]` has all these pairs; values are text, numbers,
                booleans or None.

        Returns:
            The page. `total` counts the messages that match the filters, without the included ones.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_MESSAGES_BY_RESOURCE_ID"
        text(resource_id, "resource_id", operation=operation)
        wanted = page_request(page, per_page, operation=operation)
        times = DateRange(start, end, start_exclusive, end_exclusive)
        where = metadata_pairs(metadata, operation)
        scan = message_scan(
            "by_resource_created", [resource_id], times, where=where, order_by=order_by, operation=operation
        )
        windows = _windows(include, of_resource(resource_id, operation), operation)
        pages = wanted.scan(scan, include_total=include_total)
        found, around = await self._records.read_with(pages, windows)
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return await _page([*rows, *_window_rows(around)], windows, scan, info)

    async def iter_messages(
        self,
        thread_id: str | Sequence[str],
        *,
        resource_id: str | None = None,
        order_by: MessageOrder = "created_at",
        start: Time | None = None,
        end: Time | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
        batch_size: int = 100,
    ) -> AsyncIterator[Message]:
        """Iterates over all messages of one or several threads by creation time.

        Messages are fetched in batches as they are consumed. No message is repeated or skipped because others are
        added or deleted meanwhile.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            resource_id: only messages of this resource; None or `""` for all.
            order_by: `created_at`, or `-created_at` for the newest first.
            start: earliest creation time, datetime or ISO text with a time zone; None for no limit.
            end: latest creation time, datetime or ISO text with a time zone; None for no limit.
            start_exclusive: True leaves out messages made exactly at `start`.
            end_exclusive: True leaves out messages made exactly at `end`.
            metadata: only messages whose `content["metadata"]` has all these pairs; values are text, numbers,
                booleans or None.
            batch_size: messages to fetch at a time.

        Yields:
            The messages that match, in the order asked for.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITER_MESSAGES"
        threads = thread_ids(thread_id, operation)
        times = DateRange(start, end, start_exclusive, end_exclusive)
        where = [*of_resource(resource_id, operation), *metadata_pairs(metadata, operation)]
        scan = message_scan("by_thread_created", threads, times, where=where, order_by=order_by, operation=operation)
        async for row in self._records.iterate(scan, check_batch_size(batch_size, operation=operation)):
            yield stored_message(row)

    async def _included(self, windows: Sequence[Neighbours]) -> list[Row]:
        return _window_rows(await self._records.read_all(windows)) if windows else []

    async def _page_with_includes(
        self,
        scan: Scan,
        windows: Sequence[Neighbours],
        wanted: PageRequest,
        *,
        include_total: bool,
    ) -> MessagePage:
        """Reads a page with included messages; `has_more` is true when a matching message is not on it.

        To find that out, it also reads the ids of as many matching messages as the page may hold, and one more.
        """
        most = (wanted.limit or 0) + sum(window.before + window.after + 1 for window in windows) + 1
        probe = replace(scan, limit=most, paths=[["id"]])
        pages = wanted.scan(scan, include_total=include_total)
        found, probed, *around = await self._records.read(pages, probe, *windows)
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        page = await _page([*rows, *_window_rows(around)], windows, scan, info)
        returned = {message.id for message in page.messages}
        has_more = any(from_json(id or "null") not in returned for [id] in probed.values or ())
        return page.model_copy(update={"has_more": has_more})


def message_row(message: Message) -> Row:
    """Returns the stored row of a message."""
    return encode_row(
        MESSAGES,
        {
            "id": message.id,
            "thread_id": message.thread_id,
            "content": json_member(message, "content"),
            "role": message.role,
            "type": message.type or DEFAULT_TYPE,
            "createdAt": message.created_at,
            "resourceId": message.resource_id,
        },
    )


def stored_message(row: Row) -> Message:
    """Returns the message of a stored row."""
    columns = decode_row(MESSAGES, row)
    if columns.get("type") == DEFAULT_TYPE:
        del columns["type"]
    return Message.stored(columns, MESSAGES)


def _position(row: Row) -> tuple[str, float]:
    return text_column(MESSAGES, row, "createdAt"), row["_creationTime"]


async def _page(rows: Sequence[Row], windows: Sequence[Neighbours], scan: Scan, info: PageInfo) -> MessagePage:
    """Makes a page of rows, each once, and sorts them again when neighbours were added."""
    unique = list({text_column(MESSAGES, row, "id"): row for row in rows}.values())
    if windows:
        unique.sort(key=_position, reverse=scan.order == "desc")
    return MessagePage(messages=await each(stored_message, unique), **info)


def message_scan(
    index: str,
    prefixes: Sequence[str],
    times: DateRange,
    *,
    where: Sequence[Condition],
    order_by: str,
    operation: str,
) -> Scan:
    """Returns the scan of messages under these prefixes of an index."""
    lower, upper = times.bounds(operation=operation)
    return Scan(
        table=MESSAGES.name,
        index=index,
        prefixes=[[prefix] for prefix in prefixes],
        lower=lower,
        upper=upper,
        where=where,
        order=order_column(order_by, ("created_at",), operation=operation)[1],
    )


def of_resource(resource_id: str | None, operation: str) -> list[Condition]:
    """Returns the condition for a resource, or none when it is None or empty (docs/contract.md, "Messages")."""
    wanted = resource_id is not None and string(resource_id, "resource_id", operation=operation)
    return [equals(["resourceId"], wanted)] if wanted else []


def metadata_pairs(metadata: Mapping[str, Any] | None, operation: str) -> list[Condition]:
    """Returns the conditions for pairs of the metadata of a message."""
    return metadata_conditions(metadata, ["content", "metadata"], operation=operation, scalars=True)


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


def _window_rows(windows: Sequence[NeighboursResult]) -> list[Row]:
    return [row for window in windows for row in (*window.before.rows, window.target, *window.after.rows) if row]


def thread_ids(thread_id: object, operation: str) -> list[str]:
    """Checks a thread id, or several; raises ValidationError otherwise."""
    is_list = isinstance(thread_id, Collection) and not isinstance(thread_id, str | Mapping)
    items: list[Any] = list(cast(Collection[Any], thread_id)) if is_list else [thread_id]
    for wrong in [item for item in items or [thread_id] if not isinstance(item, str) or not item.strip()]:
        problem = f"must be a non-empty string or a non-empty list of such, not {shown(wrong)}"
        sentence = "threadId must be a non-empty string or array of non-empty strings"
        message = f"thread_id {problem} (Mastra: {sentence})"
        raise ValidationError(message, operation=operation, status="INVALID_THREAD_ID")
    ids = list(dict.fromkeys(clean_text(item, "thread_id") for item in items))
    if len(ids) > _MAX_THREADS:
        raise ValidationError(f"thread_id takes at most {_MAX_THREADS:,} threads", operation=operation)
    return ids
