"""Threads of agent frameworks in TypeScript: nothing is missing, empty or shown twice, and prompts are valid."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from mastra_convex import ConvexStore
from mastra_convex.adapters.openai_agents import StoreSession
from mastra_convex.testing.convex_host import node
from tests.backends import FUNCTIONS
from tests.interop.conftest import StockStore

Views = dict[str, list[dict[str, Any]]]
Show = Callable[[list[dict[str, Any]]], Awaitable[Views]]

CONVERSATIONS = Path(__file__).parent / "conversations"


def conversations(framework: str) -> list[Any]:
    found = json.loads((CONVERSATIONS / f"{framework}.json").read_text(encoding="utf-8"))
    return [pytest.param(conversation, id=conversation["name"]) for conversation in found]


@pytest.fixture(scope="module")
async def show() -> AsyncIterator[Show]:
    """Shows stored messages by Mastra's MessageList."""
    command = [node(), str(FUNCTIONS / "tests" / "interop" / "message_list.mjs")]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, answers = process.stdin, BufferedByteReceiveStream(process.stdout)

        async def views(messages: list[dict[str, Any]]) -> Views:
            await stdin.send(orjson.dumps({"messages": messages}) + b"\n")
            answer: Views = orjson.loads(await answers.receive_until(b"\n", 1 << 20))
            assert "error" not in answer, answer
            return answer

        yield views
        process.terminate()


def check(rows: list[dict[str, Any]], views: Views, expected: dict[str, Any]) -> None:
    for view in ("v4", "v5", "prompt"):
        text = orjson.dumps(views[view]).decode()
        wanted = [piece[1:-1] if piece.startswith('"') else piece for piece in map(as_json, expected.get(view, []))]
        assert [piece for piece in wanted if piece not in text] == []
    shown = [row for row in rows if row["role"] != "system"]
    assert [len(views[view]) for view in ("v4", "v5", "v6")] == [len(shown)] * 3
    parts = [part for message in views["v5"] for part in message["parts"]]
    assert all(message["parts"] for message in views["v5"])
    calls = [part["toolCallId"] for part in parts if "toolCallId" in part]
    assert len(calls) == len(set(calls))


def as_json(value: Any) -> str:
    return orjson.dumps(value).decode()


@pytest.mark.parametrize("conversation", conversations("openai_agents"))
async def test_a_session_of_openai_agents(
    ours: ConvexStore, stock: StockStore, show: Show, conversation: dict[str, Any]
) -> None:
    session = StoreSession("t1", ours, resource_id="user-1")
    for item in conversation["items"]:  # one by one, so that results find calls that were stored before
        await session.add_items([item])
    rows = (await stock.call("memory", "listMessages", {"threadId": "t1", "perPage": False}))["messages"]
    assert len(rows) == len(conversation["items"])
    check(rows, await show(rows), conversation)
    kept = [json.loads(row["content"]["metadata"]["openaiAgents"]["item"]) for row in rows]
    assert kept == conversation["items"] == await session.get_items()
