"""Threads of agent frameworks in TypeScript: nothing is missing, empty or shown twice, and prompts are valid."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from mastra_convex.adapters import google_adk_parts, langchain_messages, openai_items, pydantic_ai_parts
from mastra_convex.adapters.projection import latest_items, new_item
from mastra_convex.testing.convex_host import node
from mastra_convex_domains import MemoryStore
from tests.backends import FUNCTIONS
from tests.interop.conftest import StockStore

Views = dict[str, list[dict[str, Any]]]
Show = Callable[[list[dict[str, Any]]], Awaitable[Views]]

CONVERSATIONS = Path(__file__).parent / "conversations"


TABLES: dict[str, Any] = {
    "openaiAgents": openai_items,
    "langchain": langchain_messages,
    "pydanticAi": pydantic_ai_parts,
    "adk": google_adk_parts,
}
"""The tables of what becomes what, by the keys of the frameworks."""


def conversations() -> Iterator[Any]:
    for key in TABLES:
        for conversation in json.loads((CONVERSATIONS / f"{key}.json").read_text(encoding="utf-8")):
            yield pytest.param(key, conversation, id=f"{key}: {conversation['name']}")


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
    assert all(any(map(is_shown, message["parts"])) for message in views["v5"])
    calls = [part["toolCallId"] for part in parts if "toolCallId" in part]
    assert len(calls) == len(set(calls))


def is_shown(part: dict[str, Any]) -> bool:
    return not part["type"].startswith("data-") and part["type"] != "step-start"


def as_json(value: Any) -> str:
    return orjson.dumps(value).decode()


@pytest.mark.parametrize(("key", "conversation"), list(conversations()))
async def test_a_conversation_is_shown(
    memory: MemoryStore, stock: StockStore, show: Show, key: str, conversation: dict[str, Any]
) -> None:
    log, items = memory.items(key), conversation["items"]
    for item in items:  # one by one, so that results find calls that were stored before
        role, parts = TABLES[key].parts_of(item)
        await log.append({"id": "t1", "resource_id": "user-1"}, [new_item(item, role, parts, name=TABLES[key].DATA)])
    rows = (await stock.call("memory", "listMessages", {"threadId": "t1", "perPage": False}))["messages"]
    check(rows, await show(rows), conversation)
    assert [json.loads(row["content"]["metadata"][key]["item"]) for row in rows] == items
    assert await latest_items(log, "t1", None, lambda role, content: []) == items
