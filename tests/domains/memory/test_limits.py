"""What one call of Convex cannot hold is done in several: large messages, many ids, many threads."""

from __future__ import annotations

import pytest

from mastra_convex import TooLargeError, ValidationError
from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Engine, Get, Put
from mastra_convex_domains import MemoryStore
from tests.data import ids, message, messages, thread
from tests.effort import some_backends

_LARGE = "x" * 900_000
_ROW = {"thread_id": "t1", "role": "user", "type": "v2"}


@some_backends("sqlite")
async def test_large_messages_are_changed_and_deleted_in_parts(memory: MemoryStore) -> None:
    large = [message(n, text=_LARGE) for n in range(20)]
    await memory.save_messages(large)
    some = [{"id": each.id, "content": {"metadata": {"n": n}}} for n, each in enumerate(large[:11])]
    changed = await memory.update_messages(some)
    assert [each.content["metadata"] for each in changed] == [{"n": n} for n in range(11)]
    assert all(each.text == _LARGE for each in changed)
    await memory.delete_messages(ids(large))
    assert (await memory.list_messages("t1", per_page=1)).total == 0


async def test_an_update_that_cannot_be_stored_changes_none(memory: MemoryStore) -> None:
    await memory.save_messages([message(0), message(1)])
    updates = [{"id": "t1-m00000", "role": "system"}, {"id": "t1-m00001", "type": "x" * (1 << 20)}]
    with pytest.raises(TooLargeError):
        await memory.update_messages(updates)
    assert (await memory.list_messages("t1")).messages == [message(0), message(1)]


async def test_more_ids_than_one_call_takes(memory: MemoryStore) -> None:
    await memory.save_messages(messages(2))
    wanted = ["t1-m00001", *(f"nobody-{n}" for n in range(9_000)), "t1-m00000"]
    assert ids(await memory.list_messages_by_id(wanted)) == ["t1-m00000", "t1-m00001"]


async def test_a_list_takes_2000_threads_and_says_so(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    await memory.save_messages(messages(3))
    many = [f"empty-{n}" for n in range(1_999)]
    page = await memory.list_messages([*many, "t1"], per_page=2, order_by="-created_at")
    assert ids(page.messages) == ["t1-m00002", "t1-m00001"]
    assert page.total == 3
    with pytest.raises(ValidationError, match=r"thread_id takes at most 2,000"):
        await memory.list_messages([*many, "t1", "t2"])


async def test_what_a_commit_returns_is_complete(engine: Engine) -> None:
    records = Records(engine, {})
    keys = [[f"m{n:05}"] for n in range(5)]
    rows = [{**_ROW, "id": key, "content": _LARGE, "createdAt": "2026-01-01T00:00:00.000Z"} for [key] in keys]
    await records.commit([Put(table="mastra_messages", rows=rows)])
    again = [key for key in keys for _ in range(3)]
    result = await records.commit([], returning=[Get(table="mastra_messages", keys=again)])
    assert [row and row["id"] for row in result.returned[0].rows] == [key for [key] in again]
