"""Python and the stock TypeScript store on one database: each reads and updates what the other wrote."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import SchemaMismatchError
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import MemoryStore, Message, Resource, Thread
from tests.backends import ConvexHost, remote_store
from tests.data import at, message
from tests.interop.conftest import StockStore

METADATA: dict[str, Any] = {"title": "名字 🎉", "nested": {"list": [1, 2.5, None, True, {"a": "б"}]}, "n": 3}


def without_system_fields(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


async def test_typescript_reads_threads_of_python(memory: MemoryStore, stock: StockStore) -> None:
    thread = await memory.save_thread(Thread(id="t1", resource_id="u", title="Разговор 对话", metadata=METADATA))
    found = await stock.call("memory", "getThreadById", {"threadId": "t1"})
    assert without_system_fields(found) == {
        "id": "t1",
        "resourceId": "u",
        "title": "Разговор 对话",
        "metadata": METADATA,
        "createdAt": to_iso(thread.created_at),
        "updatedAt": to_iso(thread.updated_at),
    }
    page = await stock.call("memory", "listThreads", {"filter": {"resourceId": "u"}, "page": 0, "perPage": 10})
    assert (page["total"], page["threads"][0]["id"]) == (1, "t1")


async def test_python_reads_threads_of_typescript(memory: MemoryStore, stock: StockStore) -> None:
    thread = {
        "id": "t1",
        "resourceId": "u",
        "title": "Hello 🎉",
        "metadata": METADATA,
        "createdAt": to_iso(at(0)),
        "updatedAt": to_iso(at(1)),
    }
    await stock.call("memory", "saveThread", {"thread": thread})
    expected = Thread(id="t1", resource_id="u", title="Hello 🎉", metadata=METADATA, created_at=at(0), updated_at=at(1))
    assert await memory.get_thread_by_id("t1") == expected
    assert (await memory.list_threads(metadata={"nested": METADATA["nested"]})).threads == [expected]


async def test_typescript_reads_messages_of_python(memory: MemoryStore, stock: StockStore) -> None:
    content = {"format": 2, "parts": [{"type": "text", "text": '你好 🎉\n"quoted"'}], "metadata": METADATA}
    await memory.save_thread(Thread(id="t1", resource_id="u"))
    await memory.save_messages([message(0, resource_id="u").model_copy(update={"content": content})])
    page = await stock.call("memory", "listMessages", {"threadId": "t1"})
    [found] = page["messages"]
    assert without_system_fields(found) == {
        "id": "t1-m00000",
        "threadId": "t1",
        "resourceId": "u",
        "role": "user",
        "type": "v2",
        "content": content,
        "createdAt": to_iso(at(0)),
    }


async def test_python_reads_messages_of_typescript(memory: MemoryStore, stock: StockStore) -> None:
    content = {"format": 2, "parts": [{"type": "text", "text": "你好 🎉", "$ref": {"ключ": 1}}], "metadata": METADATA}
    row = {"threadId": "t1", "resourceId": "u", "role": "assistant", "type": "v2", "content": content}
    for n in range(3):
        await stock.call("memory", "saveMessages", {"messages": [{**row, "id": f"m{n}", "createdAt": to_iso(at(n))}]})
    page = await memory.list_messages("t1", metadata={"n": 3}, order_by="-created_at", per_page=2)
    assert [m.id for m in page.messages] == ["m2", "m1"]
    assert page.total == 3
    assert page.messages[0] == Message(
        id="m2", thread_id="t1", resource_id="u", role="assistant", content=content, created_at=at(2)
    )


async def test_resources_go_both_ways(memory: MemoryStore, stock: StockStore) -> None:
    await memory.save_resource(Resource(id="py", working_memory="# 计划", metadata=METADATA))
    found = await stock.call("memory", "getResourceById", {"resourceId": "py"})
    assert (found["workingMemory"], found["metadata"]) == ("# 计划", METADATA)
    await stock.call("memory", "updateResource", {"resourceId": "ts", "workingMemory": "заметка", "metadata": METADATA})
    resource = await memory.get_resource_by_id("ts")
    assert resource is not None
    assert (resource.working_memory, resource.metadata) == ("заметка", METADATA)


async def test_each_sees_the_updates_of_the_other(memory: MemoryStore, stock: StockStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="u", title="first", metadata={"py": 1}))
    await stock.call("memory", "updateThread", {"id": "t1", "title": "second", "metadata": {"ts": 2}})
    updated = await memory.update_thread("t1", metadata={"py": 3})
    assert (updated.title, updated.metadata) == ("second", {"py": 3, "ts": 2})
    found = await stock.call("memory", "getThreadById", {"threadId": "t1"})
    assert found["metadata"] == {"py": 3, "ts": 2}

    await memory.save_messages([message(0)])
    await stock.call(
        "memory", "updateMessages", {"messages": [{"id": "t1-m00000", "content": {"metadata": {"seen": True}}}]}
    )
    await memory.update_messages([{"id": "t1-m00000", "content": {"metadata": {"rating": 5}}}])
    page = await stock.call("memory", "listMessages", {"threadId": "t1"})
    assert page["messages"][0]["content"]["metadata"] == {"seen": True, "rating": 5}
    await stock.call("memory", "deleteMessages", ["t1-m00000"])
    assert (await memory.list_messages("t1")).messages == []

    await stock.call("memory", "deleteThread", {"threadId": "t1"})
    assert await memory.get_thread_by_id("t1") is None


async def test_keys_that_convex_refuses_survive_updates_by_typescript(memory: MemoryStore, stock: StockStore) -> None:
    refused: dict[str, Any] = {"$schema": "s", "名字": {"$ref": [1]}, "plain": {"$deep": 1, "ok": 2}}
    await memory.save_thread(Thread(id="t1", resource_id="u", title="x", metadata=refused))
    await memory.save_resource(Resource(id="u", metadata=refused))

    found = await stock.call("memory", "getThreadById", {"threadId": "t1"})
    assert found["metadata"]["plain"]["ok"] == 2
    await stock.call("memory", "updateThread", {"id": "t1", "title": "y", "metadata": {"added": True}})
    await stock.call("memory", "updateResource", {"resourceId": "u", "metadata": {"added": True}})

    thread, resource = await memory.get_thread_by_id("t1"), await memory.get_resource_by_id("u")
    assert thread is not None
    assert resource is not None
    assert (thread.title, thread.metadata) == ("y", {**refused, "added": True})
    assert resource.metadata == {**refused, "added": True}


async def test_a_clone_by_python_is_a_thread_for_typescript(memory: MemoryStore, stock: StockStore) -> None:
    await stock.call(
        "memory",
        "saveThread",
        {
            "thread": {
                "id": "t1",
                "resourceId": "u",
                "title": "Plan",
                "createdAt": to_iso(at(0)),
                "updatedAt": to_iso(at(0)),
            }
        },
    )
    await memory.save_messages([message(n) for n in range(3)])
    clone = await memory.clone_thread("t1", new_thread_id="c1")
    page = await stock.call("memory", "listMessages", {"threadId": "c1"})
    assert [m["id"] for m in page["messages"]] == [m.id for m in clone.cloned_messages]
    assert (await stock.call("memory", "getThreadById", {"threadId": "c1"}))["title"] == "Clone of Plan"


async def test_older_rows_are_read(memory: MemoryStore, interop_host: ConvexHost) -> None:
    times = {"createdAt": to_iso(at(0)), "updatedAt": to_iso(at(0))}
    await interop_host.load(
        {
            "mastra_threads": [{"id": "t1", "resourceId": "u", "title": "x", "metadata": '{"a": {"b": 1}}', **times}],
            "mastra_messages": [
                {
                    "id": "m1",
                    "thread_id": "t1",
                    "content": '"just text"',
                    "role": "user",
                    "type": "text",
                    "createdAt": to_iso(at(0)),
                }
            ],
        }
    )
    thread = await memory.get_thread_by_id("t1")
    assert thread is not None
    assert thread.metadata == {"a": {"b": 1}}
    assert (await memory.update_thread("t1", metadata={"c": 2})).metadata == {"a": {"b": 1}, "c": 2}
    [old] = (await memory.list_messages("t1")).messages
    assert (old.text, old.resource_id, old.type) == ("just text", None, "text")
    [updated] = await memory.update_messages([{"id": "m1", "content": {"metadata": {"k": 1}}}])
    assert (updated.text, updated.content["metadata"]) == ("just text", {"k": 1})


async def test_roles_and_columns_of_other_writers_are_kept(memory: MemoryStore, interop_host: ConvexHost) -> None:
    row = {"thread_id": "t1", "content": "{}", "type": "v2", "createdAt": to_iso(at(0)), "resourceId": "u"}
    await interop_host.load({"mastra_messages": [{**row, "id": "m1", "role": "tool"}]})
    page = await memory.list_messages("t1")
    assert [(m.id, m.role, m.content) for m in page.messages] == [("m1", "tool", {})]
    assert [m.role for m in await memory.update_messages([{"id": "m1", "type": "x"}])] == ["tool"]


async def test_the_stock_handler_at_our_path_is_named(interop_host: ConvexHost, stock: StockStore) -> None:
    async with remote_store(interop_host.url, None) as store:
        with pytest.raises(SchemaMismatchError, match="@mastra/convex"):
            await store.memory.list_threads()
        with pytest.raises(SchemaMismatchError, match="@mastra/convex"):
            await store.memory.save_thread(Thread(id="t1", resource_id="u"))
