"""Conversations of pydantic-ai: one scenario on its own store and on ours, and what that leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, BinaryContent, BinaryImage, ImageUrl, UserError
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
    InMemoryConversationStore,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.pydantic_ai import StoreConversations
from mastra_convex_domains import MemoryStore
from tests.adapters.pages import run_example, run_page
from tests.backends import Backend, ConvexHost, remote_store


def asked(text: str) -> ModelRequest:
    return ModelRequest(parts=[UserPromptPart(text)])


def said(text: str) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text)])


def turn(n: int) -> list[ModelMessage]:
    return [asked(f"Question {n}"), said(f"Answer {n}")]


def texts(messages: Sequence[ModelMessage]) -> list[Any]:
    return [getattr(part, "content", None) for message in messages for part in message.parts]


async def refused(attempt: Any) -> str:
    """The error that a call raises, without the ids that differ from store to store."""
    with pytest.raises((UserError, LookupError)) as raised:
        await attempt
    return type(raised.value).__name__


class Scenario:
    """Does to a store all that its contract has, and notes what can be seen."""

    def __init__(self, store: ConversationStore) -> None:
        self.store = store
        self.seen: list[Any] = []

    async def see(self, *ids: str) -> None:
        for id in ids:
            conversation = await self.store.load(id)
            self.seen.append(conversation and texts(conversation.messages))
            entries = await self.store.load_entries(id, limit=3) or []
            places = {entry.id: n for n, entry in enumerate(entries)}
            self.seen.append([(places.get(entry.parent_id or ""), texts([entry.message])) for entry in entries])
            record = await self.store.read_record(id)
            if record is not None:
                self.seen.append((record.scope, record.forked_from, len(record.branches), record.usage.requests))

    async def run(self) -> list[Any]:
        store = self.store
        self.seen += [await store.load("c1"), await store.read_record("c1"), await store.list_conversations()]
        first = Conversation(conversation_id="c1", messages=turn(0))
        self.seen.append(len(await store.save(first, scope="user-1")))
        stale = await store.load("c1")
        assert stale is not None
        first.messages += turn(1)
        self.seen.append(len(await store.save(first)))
        self.seen.append(await store.save(first))
        await self.see("c1")

        stale.messages += turn(9)
        self.seen.append(await refused(store.save(stale)))
        self.seen.append(await refused(store.save(Conversation(conversation_id="c1", messages=turn(9)))))
        self.seen.append(await store.load("c1", scope="user-2"))
        self.seen.append(await refused(store.save(first, scope="user-2")))
        await self.see("c1")

        rewritten = Conversation(conversation_id="c1", messages=[*turn(0), *turn(2)], revision=first.revision)
        self.seen.append(len(await store.save(rewritten)))  # branches off the first turn
        await self.see("c1")
        record = await store.read_record("c1")
        assert record is not None
        back = await store.branch("c1", from_entry=record.branches[0], expected_revision=record.revision)
        back.messages += turn(3)
        self.seen.append(len(await store.save(back)))
        self.seen.append(await refused(store.branch("c1", at=1, expected_revision=record.revision)))
        self.seen.append(await refused(store.branch("c1", from_entry="unknown", expected_revision=back.revision or "")))
        await self.see("c1")

        fork = await store.fork("c1", at=2, new_conversation_id="c2")
        fork.messages += turn(4)
        self.seen.append(len(await store.save(fork)))
        again = await store.fork("c2", new_conversation_id="c3", scope="user-2")
        self.seen.append(await refused(store.fork("c1", new_conversation_id="c2")))
        await self.see("c1", "c2", "c3")
        for scope in (None, "user-1", "user-2", "user-3"):
            listed = await store.list_conversations(scope=scope)
            self.seen.append([record.conversation_id for record in listed])
        self.seen.append([record.conversation_id for record in await store.list_conversations(limit=2)])

        await store.delete("c1", scope="user-2")
        await store.delete("c1")
        await store.delete("c1")
        self.seen.append(await refused(store.delete_record("c1", expected_revision="unknown")))
        self.seen.append(await refused(store.save(back)))
        await self.see("c1", "c2", "c3")
        new = Conversation(conversation_id="c1", messages=turn(5))
        await store.save(new, scope="user-1")
        await self.see("c1", "c2")
        await store.delete("c2")
        again.messages += turn(6)
        await store.save(again)
        await self.see("c1", "c2", "c3")
        await store.delete("c3")
        await store.delete("c1")
        self.seen += [await store.list_conversations(), await refused(store.read_entry(record.head_id or ""))]
        return self.seen


async def test_a_scenario_is_as_in_the_store_of_pydantic_ai(store: ConvexStore) -> None:
    ours = await Scenario(StoreConversations(store)).run()
    assert ours == await Scenario(InMemoryConversationStore()).run()
    assert len(ours) > 50
    assert (await store.memory.list_threads()).total == 0  # what forks shared went with the last of them


async def test_messages_come_back_exactly(store: ConvexStore) -> None:
    every_byte = bytes(range(256))
    files = [BinaryImage(every_byte, media_type="image/png"), BinaryContent(every_byte, media_type="application/pdf")]
    link = ImageUrl("https://x.test/i.png")
    messages: list[ModelMessage] = [
        ModelRequest(parts=[SystemPromptPart("Be brief"), UserPromptPart(["чай 😀", *files, link])]),
        ModelResponse(
            parts=[ThinkingPart("hm", signature="s"), ToolCallPart("look", {"n": 1.0, "large": 2**70}, "call-1")],
            provider_details={"__proto__": [None, True, {"$key": "\0"}]},
        ),
        ModelRequest(parts=[ToolReturnPart("look", {"found": [1, 2.5]}, "call-1")], metadata={"at": "noon"}),
        ModelResponse(parts=[TextPart("x" * 2_000_000)], model_name="none"),
    ]
    conversations = StoreConversations(store)
    await conversations.save(Conversation(conversation_id="c1", messages=messages))
    loaded = await conversations.load("c1")
    assert loaded is not None
    assert loaded.messages == messages
    args = loaded.messages[1].parts[1].args  # type: ignore[union-attr]
    assert isinstance(args, dict)
    assert [type(value) for value in args.values()] == [float, int]
    assert (
        await conversations.save(Conversation(conversation_id="c1", messages=messages, revision=loaded.revision)) == []
    )


@pytest.mark.parametrize("odd", ["\ud800", float("nan"), object()])
async def test_what_would_not_come_back_is_refused(store: ConvexStore, odd: Any) -> None:
    conversations = StoreConversations(store)
    messages: list[ModelMessage] = [asked("Hello"), ModelRequest(parts=[ToolReturnPart("look", {"a": odd}, "call-1")])]
    with pytest.raises(ValidationError, match=r"the message of entry .* cannot be stored"):
        await conversations.save(Conversation(conversation_id="c1", messages=messages))
    assert await conversations.load("c1") is None
    assert await store.memory.get_thread_by_id("c1") is None


async def test_of_20_writers_one_wins_and_nothing_is_left_of_the_others(backend: Backend) -> None:
    stores = [StoreConversations(backend.store()) for _ in range(4)]
    await stores[0].save(Conversation(conversation_id="c1", messages=turn(0)))

    async def write(n: int) -> bool:
        conversation = await stores[n % 4].load("c1")
        assert conversation is not None
        conversation.messages += turn(n)
        await ready.wait()
        try:
            await stores[n % 4].save(conversation)
        except ConversationConflict:
            return False
        return True

    ready = asyncio.Barrier(20)
    won = await asyncio.gather(*[write(n) for n in range(1, 21)])
    assert won.count(True) == 1
    loaded = await stores[0].load("c1")
    assert loaded is not None
    assert texts(loaded.messages) == texts([*turn(0), *turn(won.index(True) + 1)])
    assert (await backend.store().memory.list_messages("c1")).total == 4


async def test_round_trips(host: ConvexHost) -> None:
    async def calls(work: Awaitable[Any]) -> int:
        await host.reset(keep="data")
        await work
        return int((await host.stats())["totals"]["calls"])

    await host.reset()
    async with remote_store(host.url, None) as store:
        await store.init()
        conversations = StoreConversations(store)
        conversation = Conversation(conversation_id="c1", messages=[m for n in range(50) for m in turn(n)])
        assert await calls(conversations.save(conversation, scope="user-1")) == 2
        conversation.messages += turn(50)
        assert await calls(conversations.save(conversation)) == 2
        record = await conversations.read_record("c1")
        assert record is not None
        assert await calls(conversations.read_history(record.head_id)) == 1
        assert await calls(conversations.read_history(record.head_id, limit=20)) == 1
        assert await calls(conversations.load("c1")) == 2
        fork = await conversations.fork("c1", at=40, new_conversation_id="c2")
        fork.messages += turn(51)
        await conversations.save(fork)
        assert await calls(conversations.load("c2")) == 3
        assert await calls(conversations.list_conversations(scope="user-1", limit=2)) == 1
        assert await calls(conversations.delete("c1")) == 3


async def test_an_entry_never_changes(store: ConvexStore) -> None:
    conversations = StoreConversations(store)
    [entry, *_] = await conversations.save(Conversation(conversation_id="c1", messages=turn(0)))
    other = ConversationRecord(conversation_id="c2", head_id=entry.id)
    changed = [replace(entry, message=asked("Something else"))]
    with pytest.raises(ConversationConflict):
        await conversations.write_record(other, new_entries=changed, expected_revision=None)
    lost = ConversationEntry(parent_id="unknown", message=asked("Lost"))
    with pytest.raises(ConversationConflict):
        await conversations.write_record(replace(other, head_id=lost.id), new_entries=[lost], expected_revision=None)
    assert await conversations.read_entry(entry.id) == entry
    assert await conversations.read_record("c2") is None


async def test_records_come_in_the_order_of_their_times(store: ConvexStore) -> None:
    conversations = StoreConversations(store)
    base = ConversationRecord(conversation_id="", head_id=None, scope="user-1")
    for n, hours in enumerate([3, 1, 4, 2]):
        record = replace(base, conversation_id=f"c{n}", updated_at=base.updated_at - timedelta(hours=9 - hours))
        await conversations.write_record(record, expected_revision=None)
    for n in range(3):
        await store.memory.save_thread({"id": f"t{n}", "resource_id": "user-1"})
    for scope in (None, "user-1"):
        found = await conversations.list_conversations(scope=scope)
        assert [record.conversation_id for record in found] == ["c2", "c0", "c3", "c1"]
        found = await conversations.list_conversations(scope=scope, limit=2)
        assert [record.conversation_id for record in found] == ["c2", "c0"]


async def test_a_conversation_is_a_thread_that_mastra_shows(store: ConvexStore, memory: MemoryStore) -> None:
    conversations = StoreConversations(store, resource_id="user-7")
    agent = Agent(TestModel(call_tools=["weather"]), instructions="Be brief")

    @agent.tool_plain
    def weather(city: str) -> dict[str, str]:
        return {"city": city, "sky": "clear"}

    conversation = Conversation(conversation_id="c1")
    for n in range(2):
        result = await agent.run(f"How is the weather? {n}", conversation=conversation)
        await conversations.save(result)
        loaded = await conversations.load("c1")
        assert loaded is not None
        assert loaded.messages == result.all_messages()
        conversation = loaded
    [thread] = (await memory.list_threads(resource_id="user-7")).threads
    rows = (await memory.list_messages(thread.id, per_page=False)).messages
    shown = [row for row in rows if row.role != "system"]
    assert [row.role for row in shown] == [
        "user",
        "assistant",
        "assistant",
        "user",
        "assistant",
    ]  # the second run needs no tool
    assert [part["type"] for part in shown[1].content["parts"]] == ["tool-invocation"]
    call = shown[1].content["parts"][0]["toolInvocation"]
    assert (call["toolName"], call["state"], call["result"]["sky"]) == ("weather", "result", "clear")


async def test_nothing_is_shown_when_the_user_says_so(store: ConvexStore, memory: MemoryStore) -> None:
    conversations = StoreConversations(store, show_parts=False)
    await conversations.save(Conversation(conversation_id="c1", messages=turn(0)))
    assert {row.role for row in (await memory.list_messages("c1")).messages} == {"system"}
    assert texts((await conversations.load("c1") or Conversation()).messages) == texts(turn(0))


async def test_the_example_runs() -> None:
    await run_example(StoreConversations, Conversation=Conversation, ModelRequest=ModelRequest)


async def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("pydantic-ai.md")
