"""Stores thread state: one JSON value per thread and type (docs/contract.md, "Thread state").

Agents keep their task list (`task`) and objective (`goal`) there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar

from mastra_convex.domain import (
    Delete,
    DomainStore,
    Field,
    Get,
    GetResult,
    Index,
    Owner,
    Put,
    RetentionTable,
    Table,
    decode_row,
    encode_row,
    now,
    register,
    text,
)
from mastra_convex.errors import damaged_row

THREAD_STATE = Table(
    name="mastra_thread_state",
    fields=(
        Field("threadId"),
        Field("type"),
        Field("value", json=True, large=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_thread_type", ("threadId", "type")),
        Index("by_updated", ("updatedAt",)),
    ),
    key="by_thread_type",
    owner=Owner("mastra_threads", "by_thread_type"),
)
"""This table has the columns of `@mastra/core`; `@mastra/convex` has no such table."""


@register
class ThreadStateStore(DomainStore):
    """Stores state of threads, which need not exist. Deleting a thread deletes its state.

    Example:
        await store.thread_state.set_state("trip", type="goal", value={"text": "Book a hotel"})
        assert await store.thread_state.get_state("trip", type="goal") == {"text": "Book a hotel"}
    """

    name: ClassVar[str] = "thread_state"
    tables: ClassVar[tuple[Table, ...]] = (THREAD_STATE,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"threadState": RetentionTable(THREAD_STATE, "updatedAt")}

    async def get_state(self, thread_id: str, *, type: str) -> Any:
        """Returns the JSON value that was set, or None when there is none."""
        key = _key(thread_id, type, "GET_STATE")
        return await _value(await self._records.read(Get(table=THREAD_STATE.name, keys=[key])))

    def watch_state(self, thread_id: str, *, type: str, give_up_after: float | None = None) -> AsyncGenerator[Any]:
        """Watches a value: now, then after each change.

        Args:
            thread_id: id of the thread.
            type: kind of state, such as `task` or `goal`.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The JSON value, or None while there is none. The newest always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
        """
        key = _key(thread_id, type, "WATCH_STATE")
        return self._records.watch(Get(table=THREAD_STATE.name, keys=[key]), _value, give_up_after=give_up_after)

    async def set_state(self, thread_id: str, *, type: str, value: Any) -> None:
        """Stores a JSON value and replaces the older one as a whole.

        Args:
            thread_id: id of the thread, which need not exist.
            type: kind of state, such as `task` or `goal`.
            value: any JSON value; keys of its objects may be any text.

        Raises:
            ValidationError: an argument is wrong, or JSON cannot express the value.
            TooLargeError: the value is too large to be stored.
        """
        thread_id, type = _key(thread_id, type, "SET_STATE")
        time = now()
        columns = {"threadId": thread_id, "type": type, "value": value, "createdAt": time, "updatedAt": time}
        row = encode_row(THREAD_STATE, columns)
        await self._records.commit([Put(table=THREAD_STATE.name, rows=[row], keep=["createdAt"])])

    async def delete_state(self, thread_id: str, *, type: str) -> None:
        """Deletes the value; it is no error when there is none."""
        key = _key(thread_id, type, "DELETE_STATE")
        await self._records.commit([Delete(table=THREAD_STATE.name, keys=[key])])


async def _value(found: GetResult) -> Any:
    [row] = found.rows
    if row is not None and "value" not in row:
        raise damaged_row(THREAD_STATE.name, THREAD_STATE.key_of(row), "it has no value")
    return None if row is None else decode_row(THREAD_STATE, row)["value"]


def _key(thread_id: object, type: object, operation: str) -> list[str]:
    return [text(thread_id, "thread_id", operation=operation), text(type, "type", operation=operation)]
