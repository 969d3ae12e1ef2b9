"""Stores, changes, lists and deletes threads (docs/contract.md, "Threads")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Literal

from mastra_convex.domain import (
    UNSET,
    Change,
    Checked,
    Delete,
    DeleteRange,
    DomainStore,
    Edit,
    Get,
    IndexRange,
    KeyGuard,
    Patch,
    PatchRange,
    PerPage,
    Put,
    Row,
    Scan,
    Unset,
    WriteOp,
    about,
    answer_of,
    check_batch_size,
    check_function,
    decode_row,
    each,
    encode_columns,
    encode_row,
    json_member,
    json_object,
    metadata_conditions,
    now,
    order_column,
    page_request,
    parse,
    read_modify_write,
    string,
    text,
)
from mastra_convex.errors import NotFoundError, TooLargeError

from .models import Thread, ThreadOrder, ThreadPage
from .saving import IfExists, NewRow, Saver
from .tables import MESSAGES, THREADS

ThreadUpdate = Mapping[str, Any] | None


class ThreadMethods(DomainStore):
    """Adds the methods for threads to MemoryStore."""

    async def get_thread_by_id(self, thread_id: str, *, resource_id: str | None = None) -> Thread | None:
        """Returns the thread, or None when it does not exist or belongs to another resource than the given one."""
        operation = "GET_THREAD_BY_ID"
        text(thread_id, "thread_id", operation=operation)
        if resource_id is not None:
            string(resource_id, "resource_id", operation=operation)
        row = await self._row(thread_id)
        thread = None if row is None else stored_thread(row)
        return thread if thread is None or resource_id is None or thread.resource_id == resource_id else None

    async def save_thread(self, thread: Thread | Mapping[str, Any], *, if_exists: IfExists = "replace") -> Thread:
        """Stores the thread under its id; every field of an existing one is replaced, but `created_at` only by a given
        one.

        Args:
            thread: thread to store.
            if_exists: `replace` stores it over the one with its id; `keep` leaves that as it is; `error` raises
                ConflictError.

        Returns:
            The thread as it is stored now.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: the thread exists, and `if_exists` is `error`. Nothing was written.
        """
        operation = "SAVE_THREAD"
        saver = Saver(self._records, THREADS, if_exists=if_exists, operation=operation)
        checked = parse(Thread, thread, "thread", operation=operation)
        with about("thread"):
            row = thread_row(checked)
        otherwise = await saver.save([NewRow(row, "created_at" in checked.model_fields_set)])
        return stored_thread(otherwise[checked.id]) if otherwise else checked

    async def update_thread(
        self, id: str, *, title: str | Unset = UNSET, metadata: Mapping[str, Any] | Unset = UNSET
    ) -> Thread:
        """Changes the given fields of a thread and sets its `updated_at` to now.

        This is one atomic round trip, so concurrent merges are all kept.

        Args:
            id: id of the thread.
            title: title that replaces the stored one. Left out, the stored title stays.
            metadata: members to merge over the stored ones, first level only. Left out, the stored ones stay.

        Returns:
            The whole thread after the change.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the thread does not exist.
        """
        operation = "UPDATE_THREAD"
        text(id, "id", operation=operation)
        columns: dict[str, Any] = {"updatedAt": now()}
        if title is not UNSET:
            columns["title"] = string(title, "title", operation=operation)
        edits: list[Edit] = []
        if metadata is not UNSET:
            edits = [merge_edit("metadata", json_object(metadata, "metadata", operation=operation))]
        change = Change(set=encode_columns(THREADS, columns), edits=edits)
        result = await self._records.commit(
            [Patch(table=THREADS.name, keys=[[id]], change=change)],
            returning=[Get(table=THREADS.name, keys=[[id]])],
        )
        row = result.returned[0].rows[0]
        if result.outcomes[0].missing or row is None:
            raise thread_not_found(id, operation)
        return stored_thread(row)

    patch_thread = update_thread

    async def update_thread_metadata(
        self,
        id: str,
        *,
        update: Callable[[Thread], ThreadUpdate | Awaitable[ThreadUpdate]],
        resource_id: str | None = None,
    ) -> Thread | None:
        """Computes new metadata from the stored thread and merges them into it, without losing other changes.

        When the thread is changed by others during the call, `update` is called again with the new one.

        Args:
            id: id of the thread.
            update: function of the thread that returns the members to merge, or None to write nothing; it may be
                async.
            resource_id: resource that the thread must belong to; None for any.

        Returns:
            The thread after the change, or None when it does not exist or belongs to another resource.

        Raises:
            ValidationError: an argument, or the answer of `update`, is wrong.
            ConflictError: others changed the thread at each of 1,000 attempts; the call may be retried.
        """
        operation = "UPDATE_THREAD_METADATA"
        text(id, "id", operation=operation)
        if resource_id is not None:
            string(resource_id, "resource_id", operation=operation)
        check_function(update, "a thread", operation=operation)

        def is_meant(thread: Thread) -> bool:
            return resource_id is None or thread.resource_id == resource_id

        async def change(row: Row | None) -> list[WriteOp] | None:
            thread = None if row is None else stored_thread(row)
            if thread is None or not is_meant(thread):
                return None
            wanted = await answer_of(update, thread)
            if wanted is None:
                return None
            change = Change(
                set=encode_columns(THREADS, {"updatedAt": now()}),
                edits=[merge_edit("metadata", json_object(wanted, "update()", operation=operation))],
            )
            return [Patch(table=THREADS.name, keys=[[id]], change=change)]

        row = await read_modify_write(self._records, THREADS, [id], change, operation=operation)
        thread = None if row is None else stored_thread(row)
        return thread if thread is not None and is_meant(thread) else None

    async def update_thread_resource_id(self, thread_id: str, *, resource_id: str) -> Thread:
        """Moves the thread and all its messages to another resource and returns the thread.

        This is atomic up to about 2,000 messages or 6 MiB. Beyond that the messages move first, in steps, and the
        thread with the last step; if that is interrupted, calling it again completes the move.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the thread does not exist.
        """
        operation = "UPDATE_THREAD_RESOURCE_ID"
        text(thread_id, "thread_id", operation=operation)
        text(resource_id, "resource_id", operation=operation)
        messages = PatchRange(
            range=IndexRange(table=MESSAGES.name, index="by_thread", prefix=[thread_id]),
            change=Change(set=encode_columns(MESSAGES, {"resourceId": resource_id})),
        )
        columns = {"resourceId": resource_id, "updatedAt": now()}
        moved = Patch(table=THREADS.name, keys=[[thread_id]], change=Change(set=encode_columns(THREADS, columns)))
        current = await self._row(thread_id)
        if current is None:
            raise thread_not_found(thread_id, operation)
        if (thread := stored_thread(current)).resource_id == resource_id:
            return thread
        guards = [KeyGuard(guard="exists", table=THREADS.name, key=[thread_id])]
        returning = [Get(table=THREADS.name, keys=[[thread_id]])]
        try:
            result = await self._records.commit([messages, moved], guards=guards, returning=returning)
        except TooLargeError:
            result = await self._records.commit([messages, moved], guards=guards, returning=returning, mode="resumable")
        row = None if result.status == "conflict" else result.returned[0].rows[0]
        if row is None:
            raise thread_not_found(thread_id, operation)
        return stored_thread(row)

    async def delete_thread(self, thread_id: str, *, deletes_vectors: bool = False) -> None:
        """Deletes the thread, its messages, and the rows of other domains that belong to it.

        An unknown id is no error. With `deletes_vectors`, the vectors of all indexes of this store whose metadata
        have this `thread_id` are deleted too.

        A thread of up to 2,000 rows or 6 MiB is deleted in one transaction. A larger one is deleted in steps, the
        thread itself with the last step; if that is interrupted, deleting it again removes the rest.
        """
        text(thread_id, "thread_id", operation="DELETE_THREAD")
        ranges = self._records.owned_ranges(THREADS, thread_id, optional=deletes_vectors)
        owned = [DeleteRange(range=range) for range in ranges]
        await self._records.commit([*owned, Delete(table=THREADS.name, keys=[[thread_id]])], mode="resumable")

    async def list_threads(
        self,
        *,
        resource_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
        order_by: ThreadOrder = "-created_at",
    ) -> ThreadPage:
        """Lists a page of threads.

        Args:
            resource_id: only threads of this resource; None or `""` for all.
            metadata: only threads whose metadata have all these pairs (deep JSON equality).
            page: number of the page, from 0.
            per_page: threads on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.
            order_by: `created_at` or `updated_at`, with `-` before it for the newest first.

        Returns:
            The page of threads.

        Raises:
            ValidationError: a page, an order or a metadata key is not allowed.
        """
        operation = "LIST_THREADS"
        wanted = page_request(page, per_page, operation=operation)
        scan = thread_scan(resource_id, metadata, order_by, operation)
        found = await self._records.read(wanted.scan(scan, include_total=include_total))
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return ThreadPage(threads=await each(stored_thread, rows), **info)

    async def iter_threads(
        self,
        *,
        resource_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        order_by: Literal["created_at", "-created_at"] = "-created_at",
        batch_size: int = 100,
    ) -> AsyncIterator[Thread]:
        """Iterates over all threads by creation time.

        Threads are fetched in batches as they are consumed. No thread is repeated or skipped because others are
        added or deleted meanwhile.

        Args:
            resource_id: only threads of this resource; None or `""` for all.
            metadata: only threads whose metadata have all these pairs (deep JSON equality).
            order_by: `created_at`, or `-created_at` for the newest first.
            batch_size: threads to fetch at a time.

        Yields:
            The threads that match, in the order asked for.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITER_THREADS"
        order_column(order_by, ("created_at",), operation=operation)  # `updated_at` may change meanwhile
        scan = thread_scan(resource_id, metadata, order_by, operation)
        async for row in self._records.iterate(scan, check_batch_size(batch_size, operation=operation)):
            yield stored_thread(row)

    async def _row(self, id: str) -> Row | None:
        return (await self._records.read(Get(table=THREADS.name, keys=[[id]]))).rows[0]


def thread_row(thread: Thread) -> Row:
    """Returns the stored row of a thread."""
    return encode_row(
        THREADS,
        {
            "id": thread.id,
            "resourceId": thread.resource_id,
            "title": thread.title,
            "metadata": json_member(thread, "metadata"),
            "createdAt": thread.created_at,
            "updatedAt": thread.updated_at,
        },
    )


def put_if_missing(thread: Thread) -> Put:
    """Returns a put that stores a thread unless it exists."""
    with about("thread"):
        row = thread_row(thread)
    return Put(table=THREADS.name, rows=[row], keep=[field.name for field in THREADS.fields])


def touch_threads(ids: list[str]) -> Patch:
    """Returns a patch that sets `updated_at` of existing threads to now."""
    change = Change(set=encode_columns(THREADS, {"updatedAt": now()}))
    return Patch(table=THREADS.name, keys=[[id] for id in ids], change=change)


def merge_edit(column: str, members: Checked) -> Edit:
    """Returns an edit that merges members over those of an object column."""
    return Edit(path=[column], reducer="merge", value=members.json)


def thread_not_found(id: str, operation: str) -> NotFoundError:
    """Returns the error for an unknown thread."""
    return NotFoundError(
        f"thread {id!r} not found", operation=operation, status="THREAD_NOT_FOUND", details={"threadId": id}
    )


def stored_thread(row: Row) -> Thread:
    """Returns the thread of a stored row."""
    return Thread.stored(decode_row(THREADS, row), THREADS)


def thread_scan(
    resource_id: str | None, metadata: Mapping[str, Any] | None, order_by: ThreadOrder, operation: str
) -> Scan:
    """Returns the scan of threads."""
    name, order = order_column(order_by, ("created_at", "updated_at"), operation=operation)
    column = name.removesuffix("_at")
    where = metadata_conditions(metadata, ["metadata"], operation=operation)
    if resource_id is not None and string(resource_id, "resource_id", operation=operation):
        prefixes, index = [[resource_id]], f"by_resource_{column}"
    else:
        prefixes, index = [[]], f"by_{column}"
    return Scan(table=THREADS.name, index=index, prefixes=prefixes, where=where, order=order)
