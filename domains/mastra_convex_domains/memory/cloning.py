"""Copies threads with their messages (docs/contract.md, "Clones")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from mastra_convex.domain import (
    Condition,
    DateRange,
    DomainStore,
    Get,
    KeyGuard,
    Put,
    Row,
    Scan,
    Time,
    batches,
    each,
    integer,
    mapping,
    now,
    string,
    text,
    text_column,
    texts,
    to_iso,
    to_json,
)
from mastra_convex.errors import ConflictError

from .messages import stored_message
from .models import Thread, ThreadClone
from .tables import MESSAGES, THREADS
from .threads import stored_thread, thread_not_found, thread_row

_OPERATION = "CLONE_THREAD"


class CloneMethods(DomainStore):
    """Adds the method that copies threads to MemoryStore."""

    async def clone_thread(
        self,
        source_thread_id: str,
        *,
        new_thread_id: str | None = None,
        resource_id: str | None = None,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        message_limit: int | None = None,
        message_ids: Sequence[str] = (),
        start: Time | None = None,
        end: Time | None = None,
    ) -> ThreadClone:
        """Copies a thread and its messages under new ids.

        This takes two round trips and is atomic up to about 1,900 messages or 12 MiB. A larger copy is written in
        parts, the thread itself with the last part.

        Args:
            source_thread_id: id of the thread to copy.
            new_thread_id: id of the copy; a new UUID by default.
            resource_id: resource of the copy and its messages. By default each keeps its own, and a message without
                one gets the resource of the source thread.
            title: title of the copy; `Clone of <title>` by default, or `""` when the source has no title.
            metadata: metadata of the copy, to which `clone: {sourceThreadId, clonedAt, lastMessageId?}` is added.
                The metadata of the source are not copied.
            message_limit: number of messages to copy, the most recent ones; None for all.
            message_ids: ids of the messages to copy; empty for all.
            start: earliest creation time of the messages to copy, inclusive; None for no limit.
            end: latest creation time of the messages to copy, inclusive; None for no limit.

        Returns:
            The new thread, its messages, and the new id of each copied message.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the source thread does not exist.
            ConflictError: a thread with the new id exists.
        """
        target_id = (
            str(uuid4()) if new_thread_id is None else text(new_thread_id, "new_thread_id", operation=_OPERATION)
        )
        scan = _message_scan(
            text(source_thread_id, "source_thread_id", operation=_OPERATION), message_limit, message_ids, start, end
        )
        extra = {} if metadata is None else mapping(metadata, "metadata", operation=_OPERATION)
        if title is not None:
            string(title, "title", operation=_OPERATION)
        if resource_id is not None:
            string(resource_id, "resource_id", operation=_OPERATION)
        threads = Get(table=THREADS.name, keys=[[source_thread_id], [target_id]])
        threads_found, messages = await self._records.read(threads, scan)
        source_row, taken = threads_found.rows
        if source_row is None:
            raise thread_not_found(source_thread_id, _OPERATION)
        if taken is not None:
            raise _thread_exists(target_id)
        source = stored_thread(source_row)
        originals = messages.rows
        if scan.order == "desc":
            originals = originals[::-1]
        ids = {text_column(MESSAGES, row, "id"): str(uuid4()) for row in originals}
        thread = _copied_thread(source, target_id, list(ids), resource_id=resource_id, title=title, metadata=extra)
        copies = [
            _copied_row(row, ids[row["id"]], target_id, resource_id or row.get("resourceId") or source.resource_id)
            for row in originals
        ]
        await self._write(thread, copies)
        return ThreadClone(thread=thread, cloned_messages=await each(stored_message, copies), message_id_map=ids)

    copy_thread = clone_thread

    async def _write(self, thread: Thread, messages: Sequence[Row]) -> None:
        parts = list(batches(messages, touching="thread_id")) or [[]]
        guard = KeyGuard(guard="missing", table=THREADS.name, key=[thread.id])
        for n, part in enumerate(parts, 1):
            ops = [Put(table=MESSAGES.name, rows=part)] if part else []
            if n == len(parts):
                ops.append(Put(table=THREADS.name, rows=[thread_row(thread)]))
            result = await self._records.commit(ops, guards=[guard])
            if result.status == "conflict":
                raise _thread_exists(thread.id)


def _message_scan(
    thread_id: str,
    message_limit: int | None,
    message_ids: Sequence[str],
    start: Time | None,
    end: Time | None,
) -> Scan:
    if message_limit is not None:
        message_limit = integer(message_limit, "message_limit", operation=_OPERATION)
    lower, upper = DateRange(start, end).bounds(operation=_OPERATION)
    ids = texts(message_ids, "message_ids", operation=_OPERATION)
    return Scan(
        table=MESSAGES.name,
        index="by_thread_created",
        prefixes=[[thread_id]],
        lower=lower,
        upper=upper,
        where=[Condition(path=["id"], operator="in", value=to_json(ids))] if ids else [],
        order="asc" if message_limit is None else "desc",
        limit=message_limit,
    )


def _copied_thread(
    source: Thread,
    id: str,
    message_ids: Sequence[str],
    *,
    resource_id: str | None,
    title: str | None,
    metadata: Mapping[str, Any],
) -> Thread:
    time = now()
    clone: dict[str, Any] = {"sourceThreadId": source.id, "clonedAt": to_iso(time)}
    if message_ids:
        clone["lastMessageId"] = message_ids[-1]
    if title is None:
        title = f"Clone of {source.title}" if source.title else ""
    return Thread(
        id=id,
        resource_id=resource_id or source.resource_id,
        title=title,
        metadata={**metadata, "clone": clone},
        created_at=time,
        updated_at=time,
    )


def _copied_row(row: Row, id: str, thread_id: str, resource_id: str) -> Row:
    """Copies a row under other ids; its content stays byte for byte as it is stored."""
    columns = {field.name: row[field.name] for field in MESSAGES.fields if field.name in row}
    return {**columns, "id": id, "thread_id": thread_id, "resourceId": resource_id}


def _thread_exists(id: str) -> ConflictError:
    return ConflictError(f"thread {id!r} already exists", operation=_OPERATION, status="THREAD_EXISTS")
