"""Watches threads, messages and resources (docs/live.md)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from mastra_convex.domain import (
    Bound,
    DateRange,
    DomainStore,
    Get,
    GetResult,
    PageRequest,
    Scan,
    ScanResult,
    Time,
    decode_row,
    each,
    from_json,
    integer,
    text,
)
from mastra_convex.errors import NotFoundError

from .messages import message_scan, metadata_pairs, of_resource, stored_message, thread_ids
from .models import Message, MessageOrder, MessagePage, Resource, Thread, ThreadOrder, ThreadPage
from .resources import stored_resource
from .tables import MESSAGES, RESOURCES, THREADS
from .threads import stored_thread, thread_scan

_BATCH: Final = 100


class WatchMethods(DomainStore):
    """Adds the methods that watch to MemoryStore."""

    def watch_messages(
        self,
        thread_id: str | Sequence[str],
        *,
        resource_id: str | None = None,
        per_page: int = 20,
        include_total: bool = False,
        order_by: MessageOrder = "-created_at",
        start: Time | None = None,
        end: Time | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        metadata: Mapping[str, Any] | None = None,
        give_up_after: float | None = None,
    ) -> AsyncGenerator[MessagePage]:
        """Watches the first page of the messages of one or several threads: now, then after each change.

        Args:
            thread_id: id of a thread, or a list of up to 2,000 ids.
            resource_id: only messages of this resource; None or `""` for all.
            per_page: messages on the page, which must fit one read; each change sends the whole page.
            include_total: True counts all messages that match, at every change.
            order_by: `-created_at` for the newest first, or `created_at`.
            start: earliest creation time, datetime or ISO text with a time zone; None for no limit.
            end: latest creation time, datetime or ISO text with a time zone; None for no limit.
            start_exclusive: True leaves out messages made exactly at `start`.
            end_exclusive: True leaves out messages made exactly at `end`.
            metadata: only messages whose `content["metadata"]` has all these pairs.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The page as `list_messages` gives it. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: the page does not fit one read.
        """
        operation = "WATCH_MESSAGES"
        threads = thread_ids(thread_id, operation)
        wanted = _first_page(per_page, operation)
        times = DateRange(start, end, start_exclusive, end_exclusive)
        where = [*of_resource(resource_id, operation), *metadata_pairs(metadata, operation)]
        scan = message_scan("by_thread_created", threads, times, where=where, order_by=order_by, operation=operation)

        async def page(found: ScanResult) -> MessagePage:
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return MessagePage(messages=await each(stored_message, rows), **info)

        return self._records.watch(wanted.scan(scan, include_total=include_total), page, give_up_after=give_up_after)

    def watch_thread(self, thread_id: str, *, give_up_after: float | None = None) -> AsyncGenerator[Thread | None]:
        """Watches a thread: now, then after each change; None while there is none.

        Each message that is saved changes its thread's `updated_at`. After `give_up_after` seconds without a connection
        the watch fails.
        """
        key = text(thread_id, "thread_id", operation="WATCH_THREAD")

        async def thread(found: GetResult) -> Thread | None:
            return None if found.rows[0] is None else stored_thread(found.rows[0])

        return self._records.watch(Get(table=THREADS.name, keys=[[key]]), thread, give_up_after=give_up_after)

    def watch_threads(
        self,
        *,
        resource_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        per_page: int = 20,
        include_total: bool = False,
        order_by: ThreadOrder = "-created_at",
        give_up_after: float | None = None,
    ) -> AsyncGenerator[ThreadPage]:
        """Watches the first page of threads: now, then after each change, which every saved message is.

        Args:
            resource_id: only threads of this resource; None or `""` for all.
            metadata: only threads whose metadata have all these pairs (deep JSON equality).
            per_page: threads on the page, which must fit one read; each change sends the whole page.
            include_total: True counts all threads that match, at every change.
            order_by: `created_at` or `updated_at`, with `-` before it for the newest first.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The page as `list_threads` gives it. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: the page does not fit one read.
        """
        operation = "WATCH_THREADS"
        wanted = _first_page(per_page, operation)
        scan = thread_scan(resource_id, metadata, order_by, operation)

        async def page(found: ScanResult) -> ThreadPage:
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return ThreadPage(threads=await each(stored_thread, rows), **info)

        return self._records.watch(wanted.scan(scan, include_total=include_total), page, give_up_after=give_up_after)

    def watch_resource(
        self, resource_id: str, *, give_up_after: float | None = None
    ) -> AsyncGenerator[Resource | None]:
        """Watches the working memory and metadata of a resource: now, then after each change; None while there is
        nothing.

        After `give_up_after` seconds without a connection the watch fails.
        """
        key = text(resource_id, "resource_id", operation="WATCH_RESOURCE")

        async def resource(found: GetResult) -> Resource | None:
            return None if found.rows[0] is None else stored_resource(found.rows[0])

        return self._records.watch(Get(table=RESOURCES.name, keys=[[key]]), resource, give_up_after=give_up_after)

    async def follow_messages(
        self, thread_id: str, *, after: str | None = None, give_up_after: float | None = None
    ) -> AsyncGenerator[Message]:
        """Follows a thread: yields each message that is added, once, by creation time.

        A message that is stored with an older `created_at` than the last one is not seen, nor is one that is deleted
        before it was read, nor what changes of a message later.

        Args:
            thread_id: id of the thread.
            after: id of the message to go on after, as a program keeps it over a restart; None for what is added from
                now on.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The messages.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the thread has no message `after`, as when it was deleted.
        """
        operation = "FOLLOW_MESSAGES"
        text(thread_id, "thread_id", operation=operation)
        scan = Scan(table=MESSAGES.name, index="by_thread_created", prefixes=[[thread_id]])
        cursor = await self._cursor_after(scan, after, operation)
        newest = replace(scan, order="desc", limit=1, paths=[["id"], ["createdAt"]])

        async def position(found: ScanResult) -> object:
            return found.values

        async with aclosing(self._records.watch(newest, position, give_up_after=give_up_after)) as changes:
            async for _ in changes:
                is_more = True
                while is_more:
                    found = await self._records.read(replace(scan, cursor=cursor, limit=_BATCH))
                    cursor = found.cursor or cursor
                    is_more = len(found.rows) == _BATCH
                    for message in await each(stored_message, found.rows):
                        yield message

    async def _cursor_after(self, scan: Scan, after: str | None, operation: str) -> str | None:
        """Returns the cursor after a message, or after the newest; None for the beginning."""
        if after is None:
            return (await self._records.read(replace(scan, order="desc", limit=1))).cursor
        id = text(after, "after", operation=operation)
        [row] = (await self._records.read(Get(table=MESSAGES.name, keys=[[id]]))).rows
        columns = {} if row is None else decode_row(MESSAGES, row)
        if columns.get("thread_id") != scan.prefixes[0][0]:
            raise NotFoundError(
                f"message {id!r} is not in the thread; follow it from now on, or after one that is",
                operation=operation,
                status="MESSAGE_NOT_FOUND",
                details={"messageId": id},
            )
        time = Bound(value=columns["createdAt"])
        at_once = replace(scan, lower=time, upper=time)
        found = await self._records.read(replace(at_once, paths=[["id"]]))
        ids = [from_json(value or "null") for [value] in found.values or ()]
        return (await self._records.read(replace(at_once, limit=ids.index(id) + 1))).cursor


def _first_page(per_page: object, operation: str) -> PageRequest:
    return PageRequest(0, integer(per_page, "per_page", operation=operation))
