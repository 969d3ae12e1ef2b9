"""Histories of LangChain's chats, in and without an event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.background_loop import OnEventLoopError
from mastra_convex.adapters.langchain_history import StoreChatHistory
from mastra_convex_domains import MemoryStore, Message
from tests.adapters.pages import run_page
from tests.data import at
from tests.effort import once, some_backends

CALL = ToolCall(name="measure", args={"place": "fjord"}, id="c1", type="tool_call")
BROKEN = InvalidToolCall(name="measure", args="{fjord", id="c2", error="no JSON", type="invalid_tool_call")
TALK: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage([{"type": "text", "text": "How deep?"}, {"type": "image", "url": "https://example.com/a.png"}]),
    AIMessage([{"type": "reasoning", "reasoning": "I measure."}], tool_calls=[CALL], invalid_tool_calls=[BROKEN]),
    ToolMessage('{"depth": 1308.5}', tool_call_id="c1", artifact={"raw": [1.0, 2]}),
    AIMessage("1308.5 metres.", id="m1", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
    ChatMessage(content="Indeed.", role="expert"),
]


@pytest.fixture
def history(store: ConvexStore) -> StoreChatHistory:
    return StoreChatHistory("c1", store, resource_id="user-1")


async def shown(memory: MemoryStore) -> list[Message]:
    found = (await memory.list_messages("c1", per_page=False)).messages
    return [message for message in found if message.role != "system"]


async def test_messages_come_back_as_they_were(history: StoreChatHistory, memory: MemoryStore) -> None:
    assert await history.aget_messages() == []
    await history.aadd_messages(TALK[:3])
    await history.aadd_messages(TALK[3:])
    assert await history.aget_messages() == TALK
    question, call, answer = await shown(memory)
    kinds = [[part["type"] for part in message.content["parts"]] for message in (question, call, answer)]
    assert kinds == [["text", "file"], ["reasoning", "tool-invocation", "tool-invocation"], ["text"]]
    done, failed = (part["toolInvocation"] for part in call.content["parts"][1:])
    assert (done["args"], done["result"]) == ({"place": "fjord"}, {"depth": 1308.5})
    assert (failed["state"], failed["args"], failed["errorText"]) == ("output-error", {"input": "{fjord"}, "no JSON")
    await history.aclear()
    assert await history.aget_messages() == []


@once
async def test_a_limit_gives_the_newest(store: ConvexStore) -> None:
    await StoreChatHistory("c1", store).aadd_messages(TALK)
    assert await StoreChatHistory("c1", store, limit=2).aget_messages() == TALK[-2:]
    assert await StoreChatHistory("c1", store, limit=0).aget_messages() == []


@once
async def test_a_message_that_is_no_json_leaves_nothing(history: StoreChatHistory) -> None:
    with pytest.raises(ValidationError, match="an item must be a JSON value"):
        await history.aadd_messages([TALK[0], ToolMessage("ok", tool_call_id="c1", artifact=object())])
    assert await history.aget_messages() == []


@once
async def test_messages_of_typescript_are_read(history: StoreChatHistory, memory: MemoryStore) -> None:
    def row(n: int, role: Any, *parts: dict[str, Any]) -> Message:
        content = {"format": 2, "parts": list(parts)}
        return Message(thread_id="c1", resource_id="user-1", role=role, content=content, created_at=at(n))

    done = {"state": "output-error", "toolCallId": "c1", "toolName": "measure", "args": {"n": 1}, "errorText": "fog"}
    picture = {"type": "file", "mimeType": "image/png", "data": "data:image/png;base64,iVBORw0KGgo="}
    await memory.save_messages(
        [
            row(0, "user", {"type": "text", "text": "See"}, picture),
            row(1, "assistant", {"type": "tool-invocation", "toolInvocation": done}, {"type": "text", "text": "Fog."}),
        ]
    )
    image = {"type": "image", "mime_type": "image/png", "base64": "iVBORw0KGgo="}
    assert await history.aget_messages() == [
        HumanMessage([{"type": "text", "text": "See"}, image]),
        AIMessage("Fog.", tool_calls=[ToolCall(name="measure", args={"n": 1}, id="c1")]),
        ToolMessage("fog", tool_call_id="c1", name="measure", status="error"),
    ]


@some_backends("sqlite")
async def test_a_chain_remembers_with_and_without_an_event_loop(store: ConvexStore) -> None:
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{question}")])
    chain = RunnableWithMessageHistory(
        prompt | FakeListChatModel(responses=["Tallinn.", "Tartu."]),
        lambda session_id: StoreChatHistory(session_id, store),
        input_messages_key="question",
        history_messages_key="history",
    )
    config: Any = {"configurable": {"session_id": "c1"}}
    await chain.ainvoke({"question": "The capital?"}, config)
    await asyncio.to_thread(chain.invoke, {"question": "And the second city?"}, config)
    history = StoreChatHistory("c1", store)
    said = [message.content for message in await history.aget_messages()]
    assert said == ["The capital?", "Tallinn.", "And the second city?", "Tartu."]
    with pytest.raises(OnEventLoopError):
        _ = history.messages
    await asyncio.to_thread(history.add_user_message, "Thanks")
    assert len(await asyncio.to_thread(lambda: history.messages)) == 5
    await asyncio.to_thread(history.clear)
    assert await history.aget_messages() == []


async def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("langchain-history.md")
