"""Appends items to a thread: finds their calls and their times, and writes them in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mastra_convex.contract.items import NewItem
from mastra_convex.domain import (
    MAX_CONFLICTS,
    Bound,
    CommitResult,
    EmptyGuard,
    Get,
    Guard,
    Put,
    Records,
    Row,
    WriteOp,
    about,
    each,
    encode_row,
    kept_changing,
    now,
    to_iso,
)
from mastra_convex.errors import ConflictError
from mastra_convex_domains.memory.messages import stored_message
from mastra_convex_domains.memory.models import DEFAULT_TYPE, Thread
from mastra_convex_domains.memory.tables import MESSAGES, THREADS
from mastra_convex_domains.memory.threads import thread_row

from .folding import CallPlace, calls_in, folded, has_call, unknown_calls
from .reading import newest, parsed, range_of

_VERSION: Final = 1
"""The version of the form `{"v": 1, "item": "<JSON text>"}` in which an item is kept."""

_MILLISECOND: Final = timedelta(milliseconds=1)
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

_MANY_THREADS: Final = 1_000
"""With more threads than this, times that have passed are forgotten."""


class Appender:
    """Appends the items that are under one key."""

    def __init__(self, key: str, records: Records) -> None:
        self._key = key
        self._records = records
        # The last times that were given in threads and are still to come: what follows needs no conflict to learn them.
        self._ahead: dict[str, datetime] = {}

    async def append(
        self,
        thread: Thread,
        new_items: Sequence[NewItem],
        expects: Sequence[Guard],
        also: Sequence[WriteOp],
        returning: Sequence[Get],
    ) -> CommitResult:
        """Does what `ItemLog.append` promises, with arguments that were checked."""
        with about("thread"):
            row = thread_row(thread)
        if "updated_at" not in thread.model_fields_set:
            row["updatedAt"] = to_iso(now())
        put_thread = Put(table=THREADS.name, rows=[row], keep=["resourceId", "title", "metadata", "createdAt"])
        unknown = unknown_calls(new_items)
        after = self._ahead.get(thread.id)
        for _ in range(MAX_CONFLICTS):
            result = folded(new_items, await self._calls(thread.id, unknown))
            times = _times(new_items, after)
            rows = await self._rows(thread, new_items, result.messages, times)
            guards = [*expects, *(place.holds() for place, _ in result.outcomes)]
            ops: list[WriteOp] = [put_thread]
            if rows:
                guards.append(EmptyGuard(range=range_of(thread.id, lower=Bound(value=rows[0]["createdAt"]))))
                ops.append(Put(table=MESSAGES.name, rows=rows))
            ops += [place.shows(outcome) for place, outcome in result.outcomes]
            commit = await self._records.commit([*ops, *also], guards=guards, returning=returning)
            if commit.status == "done":
                self._remember(thread.id, times)
                return commit
            check_expected([n for n in commit.failed if n < len(expects)], "APPEND_ITEMS")
            after = await self._last_time(thread.id)
        raise kept_changing(f"thread {thread.id!r}", "APPEND_ITEMS")

    async def _calls(self, thread_id: str, call_ids: Sequence[str]) -> dict[str, CallPlace]:
        """Finds the newest message of each tool call."""
        if not call_ids:
            return {}
        scans = [
            replace(newest(thread_id, limit=1), where=[has_call(id)], paths=[["id"], ["content", "parts"]])
            for id in call_ids
        ]
        found: dict[str, CallPlace] = {}
        for call_id, answer in zip(call_ids, await self._records.read_all(scans), strict=True):
            for id, parts in await parsed(answer.values or ()):
                found.update((place.call_id, place) for place in calls_in(id, parts) if place.call_id == call_id)
        return found

    async def _rows(
        self,
        thread: Thread,
        new_items: Sequence[NewItem],
        messages: Sequence[tuple[str, list[Any]]],
        times: Sequence[datetime],
    ) -> list[Row]:
        def row(n: int) -> Row:
            item, (role, parts) = new_items[n], messages[n]
            members = {
                "id": item.id,
                "thread_id": thread.id,
                "content": self._content(parts, item.item),
                "role": role,
                "type": DEFAULT_TYPE,
                "createdAt": times[n],
                "resourceId": thread.resource_id,
            }
            with about(f"new_items[{n}]"):
                return encode_row(MESSAGES, members)

        return await each(row, range(len(new_items)))

    def _content(self, parts: Sequence[Mapping[str, Any]], item: str | None) -> dict[str, Any]:
        content: dict[str, Any] = {"format": 2, "parts": parts}
        said = [part["text"] for part in parts if part.get("type") == "text"]
        if said:
            content["content"] = "\n".join(said)
        if item is not None:
            content["metadata"] = {self._key: {"v": _VERSION, "item": item}}
        return content

    async def _last_time(self, thread_id: str) -> datetime | None:
        rows = (await self._records.read(newest(thread_id, limit=1))).rows
        return stored_message(rows[0]).created_at if rows else None

    def _remember(self, thread_id: str, times: Sequence[datetime]) -> None:
        current = now()
        if times and times[-1] >= current:
            self._ahead[thread_id] = times[-1]
        if len(self._ahead) > _MANY_THREADS:
            self._ahead = {id: time for id, time in self._ahead.items() if time >= current}


def check_expected(failed: Sequence[int], operation: str) -> None:
    """Raises ConflictError when something did not hold that a caller expected."""
    if failed:
        raise ConflictError(
            "what was expected of the thread does not hold; nothing was written",
            operation=operation,
            status="NOT_AS_EXPECTED",
            details={"expects": list(failed)},
        )


def _times(new_items: Sequence[NewItem], after: datetime | None) -> list[datetime]:
    """Gives items times that rise by a millisecond at least, all after what the thread has."""
    current = now()
    time = _EARLIEST if after is None else after
    times: list[datetime] = []
    for item in new_items:
        time = max(time + _MILLISECOND, item.created_at or current)
        times.append(time)
    return times
