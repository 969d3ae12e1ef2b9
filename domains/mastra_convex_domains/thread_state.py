"""Thread state: one JSON value per thread and type, such as the task list (`task`) and the objective (`goal`) of an
agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex.contract.arguments import text
from mastra_convex.domain import DomainStore, register
from mastra_convex.engine.protocol import Delete, Get, Put
from mastra_convex.retention import RetentionTable
from mastra_convex.rows.codec import decode_row, encode_row
from mastra_convex.rows.times import now
from mastra_convex.tables import Field, Index, Owner, Table

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
"""The columns are those of `@mastra/core`; `@mastra/convex` has no such table."""


@register
class ThreadStateStore(DomainStore):
    """State of threads, which need not exist. Deleting a thread deletes its state."""

    name: ClassVar[str] = "thread_state"
    tables: ClassVar[tuple[Table, ...]] = (THREAD_STATE,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"threadState": RetentionTable(THREAD_STATE, "updatedAt")}

    async def get_state(self, thread_id: str, *, type: str) -> Any:
        """The JSON value that was set, None when there is none."""
        key = _key(thread_id, type, "GET_STATE")
        [row] = (await self._records.read(Get(table=THREAD_STATE.name, keys=[key]))).rows
        return None if row is None else decode_row(THREAD_STATE, row)["value"]

    async def set_state(self, thread_id: str, *, type: str, value: Any) -> None:
        """Stores a JSON value in place of the one that was there; object keys may be any text."""
        thread_id, type = _key(thread_id, type, "SET_STATE")
        time = now()
        columns = {"threadId": thread_id, "type": type, "value": value, "createdAt": time, "updatedAt": time}
        row = encode_row(THREAD_STATE, columns)
        await self._records.commit([Put(table=THREAD_STATE.name, rows=[row], keep=["createdAt"])])

    async def delete_state(self, thread_id: str, *, type: str) -> None:
        """Deletes the value; that there is none is no error."""
        key = _key(thread_id, type, "DELETE_STATE")
        await self._records.commit([Delete(table=THREAD_STATE.name, keys=[key])])


def _key(thread_id: object, type: object, operation: str) -> list[str]:
    return [text(thread_id, "thread_id", operation=operation), text(type, "type", operation=operation)]
