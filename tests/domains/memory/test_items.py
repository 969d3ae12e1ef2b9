"""Items of agent frameworks: one message each, results in the message of their call (docs/contract.md)."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex import ConflictError, ValidationError
from mastra_convex.domain import Edit, to_json
from mastra_convex_domains import ItemLog, MemoryStore, Message, NewItem, Thread, ToolResult
from tests.data import at

THREAD = Thread(id="t1", resource_id="user-1", title="Trip", metadata={"own": 1})


@pytest.fixture
def log(memory: MemoryStore) -> ItemLog:
    return memory.items("test")


def said(text: str, **options: Any) -> NewItem:
    return NewItem(role="user", parts=[{"type": "text", "text": text}], item=to_json({"says": text}), **options)


def called(*ids: str) -> NewItem:
    calls = [{"state": "call", "toolCallId": id, "toolName": "weather", "args": {"city": "Rome"}} for id in ids]
    parts = [{"type": "tool-invocation", "toolInvocation": call} for call in calls]
    return NewItem(role="assistant", parts=parts, item=to_json({"calls": ids}))


def answered(*ids: str) -> NewItem:
    results = [ToolResult(call_id=id, outcome={"state": "result", "result": f"sunny {id}"}) for id in ids]
    return NewItem(role="user", parts=results, item=to_json({"answers": ids}))


async def texts(log: ItemLog, limit: int | None = None) -> list[str | None]:
    return [each.item for each in await log.latest("t1", limit=limit)]


async def rows(memory: MemoryStore) -> list[Message]:
    return (await memory.list_messages("t1", per_page=False)).messages


async def test_items_come_back_exactly_in_order_and_make_their_thread(log: ItemLog, memory: MemoryStore) -> None:
    await log.append(THREAD, [said("a"), said("b")])
    await log.append({"id": "t1", "resource_id": "another", "title": "Other"}, [said("c")])
    assert await texts(log) == ['{"says":"a"}', '{"says":"b"}', '{"says":"c"}']
    assert await texts(log, 2) == ['{"says":"b"}', '{"says":"c"}']
    assert await log.count("t1") == 3
    loaded = await log.load("t1", limit=1, resources=["user-1"])
    assert loaded.thread is not None
    assert (loaded.thread.title, loaded.thread.resource_id, loaded.thread.metadata) == ("Trip", "user-1", {"own": 1})
    assert [each.item for each in loaded.items] == ['{"says":"c"}']
    assert loaded.resources == [None]
    assert [message.text for message in await rows(memory)] == ["a", "b", "c"]
    await log.clear("t1")
    assert await texts(log) == []
    assert await memory.get_thread_by_id("t1") is not None


async def test_an_item_comes_after_a_tail_in_the_future(log: ItemLog, memory: MemoryStore) -> None:
    skewed = Message(thread_id="t1", resource_id="user-1", role="user", content="late", created_at=at(10**9))
    await memory.save_messages([skewed])
    await log.append(THREAD, [said("a"), said("b", created_at=at(0))])
    assert [message.text for message in await rows(memory)] == ["late", "a", "b"]
    [late, *_] = await log.latest("t1")
    assert late.item is None
    assert late.message == skewed


async def test_results_are_shown_in_the_message_of_their_call(log: ItemLog, memory: MemoryStore) -> None:
    await log.append(THREAD, [called("c1", "c2"), answered("c1")])
    await log.append(THREAD, [answered("c2"), answered("unknown")])
    both, first, second, orphan = await rows(memory)
    assert [part["toolInvocation"]["result"] for part in both.content["parts"]] == ["sunny c1", "sunny c2"]
    assert [first.role, second.role, orphan.role] == ["system", "system", "assistant"]
    assert orphan.content["parts"][0]["toolInvocation"] == {
        "state": "result", "toolCallId": "unknown", "toolName": "tool", "args": {}, "result": "sunny unknown"
    }  # fmt: skip
    await log.pop("t1")
    await log.pop("t1")
    states = [part["toolInvocation"]["state"] for part in (await rows(memory))[0].content["parts"]]
    assert states == ["result", "call"]


async def test_pop_gives_each_caller_another_item(log: ItemLog) -> None:
    await log.append(THREAD, [said(str(n)) for n in range(30)])
    popped: list[str | None] = []

    async def pop() -> None:
        item = await log.pop("t1")
        popped.append(None if item is None else item.item)

    async with anyio.create_task_group() as group:
        for _ in range(32):
            group.start_soon(pop)
    assert len(set(popped)) == 31
    assert popped.count(None) == 2


async def test_a_commit_can_expect_and_change_more(log: ItemLog, memory: MemoryStore) -> None:
    def revised(revision: str, **state: int) -> list[Any]:
        edits = [
            Edit(path=["metadata", "adk", "revision"], reducer="set", value=to_json(revision)),
            Edit(path=["metadata", "adk", "state"], reducer="merge", value=to_json(state)),
        ]
        likes = Edit(path=["metadata"], reducer="merge", value='{"likes":"tea"}')
        return [*log.change_thread("t1", *edits), *log.change_resource("user-1", likes)]

    await log.append(THREAD, [], expects=[log.is_new("t1")], also=revised("r1", a=1))
    holds = log.has("t1", ["metadata", "adk", "revision"], "r1")
    await log.append(THREAD, [said("a")], expects=[holds], also=revised("r2", b=2))
    for expects in ([holds], [log.is_new("t1")], [log.exists("nothing")]):
        with pytest.raises(ConflictError) as raised:
            await log.append(THREAD, [said("lost")], expects=expects, also=revised("r3"))
        assert raised.value.details == {"expects": [0]}
    with pytest.raises(ConflictError):
        await log.delete_thread("t1", expects=[holds])
    loaded = await log.load("t1", resources=["user-1"])
    assert loaded.thread is not None
    assert loaded.thread.metadata == {"own": 1, "adk": {"revision": "r2", "state": {"a": 1, "b": 2}}}
    assert [resource and resource.metadata for resource in loaded.resources] == [{"likes": "tea"}]
    assert len(loaded.items) == 1
    [item] = loaded.items
    assert await log.get(["nothing", item.id]) == [None, item]
    await log.delete_thread("t1", expects=[log.has("t1", ["metadata", "adk", "revision"], "r2")])
    assert await memory.get_thread_by_id("t1") is None
    assert await rows(memory) == []


@pytest.mark.parametrize("key", ["", "mastra", "createdAt", "with.dot"])
async def test_a_key_that_mastra_uses_is_refused(memory: MemoryStore, key: str) -> None:
    with pytest.raises(ValidationError, match="key must be"):
        memory.items(key)


async def test_threads_of_a_resource_or_of_its_children_are_loaded_with_its_data(log: ItemLog) -> None:
    for name in ("app", "app/a", "app/b", "app0", "app-1"):
        thread = {"id": f"t-{name}", "resource_id": name}
        edit = Edit(path=["metadata", "name"], reducer="set", value=to_json(name))
        [data, none] = await log.append(thread, [], also=log.change_resource(name, edit), resources=[name, "none"])
        assert data is not None
        assert (data.metadata, none) == ({"name": name}, None)
    loaded = await log.load_threads("app", has_children=True, resources=["app"])
    assert [thread.id for thread in loaded.threads] == ["t-app/a", "t-app/b"]
    assert {id: resource.metadata["name"] for id, resource in loaded.resources.items()} == {
        name: name for name in ("app", "app/a", "app/b")
    }
    loaded = await log.load_threads("app", resources=["none"])
    assert ([thread.id for thread in loaded.threads], list(loaded.resources)) == (["t-app"], ["app"])


async def test_items_are_loaded_from_a_time_on(log: ItemLog) -> None:
    await log.append(THREAD, [said(str(n), created_at=at(n)) for n in range(4)])
    assert [each.item for each in (await log.load("t1", since=at(2))).items] == ['{"says":"2"}', '{"says":"3"}']
    assert [each.item for each in (await log.load("t1", since=at(1), limit=1)).items] == ['{"says":"3"}']
    with pytest.raises(ValidationError, match="since"):
        await log.load("t1", since=at(1).replace(tzinfo=None))


async def test_items_until_one_come_without_their_thread_being_known(log: ItemLog) -> None:
    given = [said(text) for text in "abcd"]
    await log.append(THREAD, given)
    await log.append({"id": "t2", "resource_id": "user-1"}, [said("e")])
    assert [each.id for each in await log.until(given[2].id)] == [item.id for item in given[:3]]
    assert [each.item for each in await log.until(given[2].id, limit=2)] == ['{"says":"b"}', '{"says":"c"}']
    assert await log.until("unknown") == []
    with pytest.raises(ValidationError, match="limit must be >= 1"):
        await log.until(given[0].id, limit=0)
