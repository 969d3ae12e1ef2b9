"""Rows that others wrote: plain text and foreign JSON as content, metadata as JSON text, no resource."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import anyio
import pytest

from mastra_convex import ConflictError, DamagedRowError
from mastra_convex.engine.protocol import Commit, Get, GetResult, Put
from mastra_convex_domains import MemoryStore
from tests.backends import Backend
from tests.data import at, ids, thread
from tests.effort import once
from tests.reliability.large.between import Between, Call

_TIME = "2026-01-01T00:00:00.000Z"
_FOREIGN = '{"parts": [], "big": 12345678901234567890, "metadata": {"a": 1.0}}'


async def put(backend: Backend, table: str, *rows: dict[str, Any]) -> None:
    await backend.engine().commit(Commit(id=uuid4().hex, ops=[Put(table=table, rows=rows)]))


def row(id: str, content: str, **columns: str) -> dict[str, Any]:
    fixed = {"thread_id": "t1", "role": "user", "type": "v2", "createdAt": _TIME}
    return {"id": id, "content": content, **fixed, **columns}


@pytest.mark.parametrize(("content", "text"), [("as it was", "as it was"), ('"said"', "said"), ('{"x": 1}', "")])
async def test_concurrent_updates_of_older_content_are_all_kept(backend: Backend, content: str, text: str) -> None:
    await put(backend, "mastra_messages", row("m1", content))

    async def annotate(memory: MemoryStore, n: int) -> None:
        await memory.update_messages([{"id": "m1", "content": {"metadata": {f"k{n}": n}}}])

    async with anyio.create_task_group() as tasks:
        for n in range(8):
            tasks.start_soon(annotate, backend.store().memory, n)
    [merged] = await backend.store().memory.list_messages_by_id(["m1"])
    assert merged.content["metadata"] == {f"k{n}": n for n in range(8)}
    assert merged.text == text


async def test_updates_keep_their_order_when_somebody_else_is_quicker(backend: Backend) -> None:
    await put(backend, "mastra_messages", row("m1", "as it was"), row("m2", "too"))
    others = iter(["said meanwhile"])

    async def be_quicker(call: Call) -> None:
        for text in others if isinstance(call, Commit) else ():
            await put(backend, "mastra_messages", row("m1", text))

    memory = MemoryStore.on(Between(backend.engine(), be_quicker))
    changes = [{"id": id, "content": {"metadata": {"n": n}}} for n in range(3) for id in ("m1", "m2")]
    updated = await memory.update_messages(changes)
    assert [(each.id, each.text, each.content["metadata"]) for each in updated] == [
        ("m1", "said meanwhile", {"n": 2}),
        ("m2", "too", {"n": 2}),
    ]


@once
async def test_updates_of_older_content_that_keeps_changing_are_given_up(backend: Backend) -> None:
    await put(backend, "mastra_messages", row("m1", "as it was"))

    async def be_quicker(call: Call) -> None:
        if isinstance(call, Commit):
            await put(backend, "mastra_messages", row("m1", uuid4().hex))

    memory = MemoryStore.on(Between(backend.engine(), be_quicker))
    with pytest.raises(ConflictError) as raised:
        await memory.update_messages([{"id": "m1", "content": {"metadata": {"a": 1}}}])
    assert raised.value.retryable


async def test_a_clone_has_the_stored_content_byte_for_byte(backend: Backend) -> None:
    memory = backend.store().memory
    await memory.save_thread(thread())
    await put(
        backend,
        "mastra_messages",
        row("m1", "as it was"),
        row("m2", _FOREIGN, role="tool"),
        row("m3", "", resourceId="b"),
    )
    clone = await memory.clone_thread("t1", new_thread_id="t2")
    assert list(clone.message_id_map) == ["m1", "m2", "m3"]
    assert [each.resource_id for each in clone.cloned_messages] == ["user-1", "user-1", "b"]
    keys = [[each] for each in clone.message_id_map.values()]
    [stored] = await backend.engine().read([Get(table="mastra_messages", keys=keys)])
    assert isinstance(stored, GetResult)
    assert [each["content"] for each in stored.rows if each] == ["as it was", _FOREIGN, ""]
    assert [each.role for each in clone.cloned_messages] == ["user", "tool", "user"]
    assert ids((await memory.list_messages("t2")).messages) == ids(clone.cloned_messages)


async def test_metadata_that_is_json_text_is_read_and_merged(backend: Backend) -> None:
    times = {"createdAt": _TIME, "updatedAt": _TIME}
    old = {"id": "t1", "resourceId": "u", "title": "", "metadata": '"{\\"a\\": 1}"', **times}
    await put(backend, "mastra_threads", old)
    await put(backend, "mastra_resources", {"id": "u", "metadata": '{"b": 2}', **times})
    memory = backend.store().memory
    assert (await memory.update_thread("t1", metadata={"c": 3})).metadata == {"a": 1, "c": 3}
    assert (await memory.update_resource("u", metadata={"c": 3})).metadata == {"b": 2, "c": 3}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("2026-01-01T00:00:00", at(0)),
        ("2026-01-01", at(0)),
        ("2026-01-01T02:00:00+02:00", at(0)),
        ("2026-01-01T00:00:00.123456Z", at(0.123)),
    ],
)
async def test_times_that_others_wrote_in_another_form(backend: Backend, stored: str, read: datetime) -> None:
    await put(backend, "mastra_messages", row("m1", "text", createdAt=stored))
    [found] = (await backend.store().memory.list_messages("t1")).messages
    assert found.created_at == read


async def test_a_row_that_is_no_record_is_our_error(backend: Backend) -> None:
    await put(backend, "mastra_messages", row("m1", "text", createdAt="yesterday"))
    with pytest.raises(DamagedRowError, match=r"stored Message\.created_at") as raised:
        await backend.store().memory.list_messages("t1")
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_LIST_MESSAGES_INVALID_RECORD"
    assert raised.value.details == {"table": "mastra_messages", "id": "m1"}
