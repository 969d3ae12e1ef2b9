"""What a watch costs for each change: each figure is a promise of docs/cost.md, "Live queries"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mastra_convex_domains import MemoryStore
from tests.backends import ConvexHost
from tests.cost.test_memory_cost import kilobyte
from tests.data import thread
from tests.watching import watching

Watch = Callable[[MemoryStore], AsyncIterator[Any]]

COSTS: dict[str, tuple[Watch, int, int]] = {
    "page of 20": (lambda memory: memory.watch_messages("big", per_page=20), 21, 26_200),
    "page of 5": (lambda memory: memory.watch_messages("big", per_page=5), 6, 7_700),
    "with a total": (lambda memory: memory.watch_messages("big", per_page=20, include_total=True), 51, 25_000),
    "thread": (lambda memory: memory.watch_thread("big"), 1, 500),
}
"""A watch, and what one more message costs: documents read and bytes sent."""


@pytest.fixture
async def filled(memory: MemoryStore) -> MemoryStore:
    """50 messages in a thread."""
    await memory.save_messages([kilobyte(n) for n in range(50)], thread=thread("big"))
    return memory


async def calls_so_far(host: ConvexHost) -> list[dict[str, Any]]:
    """The calls since this was asked last. A watched query that runs is one of the kind `live`."""
    calls: list[dict[str, Any]] = (await host.stats())["calls"]
    await host.reset(keep="data")
    return calls


@pytest.mark.parametrize("name", COSTS)
async def test_a_change_is_one_call_for_each_watch(filled: MemoryStore, host: ConvexHost, name: str) -> None:
    watch, documents, most_bytes = COSTS[name]
    async with watching(watch(filled)) as states, watching(watch(filled)) as equal:
        for each in (states, equal):
            await each.next()
        await calls_so_far(host)
        await filled.save_messages([kilobyte(50)])
        assert await states.next() == await equal.next()
        [written, live] = await calls_so_far(host)  # equal watches are one query
    assert (written["kind"], live["kind"]) == ("mutation", "live")
    assert live["docsRead"] == documents
    assert most_bytes / 2 < live["responseBytes"] <= most_bytes
    assert live["bytesRead"] <= 1_250 * documents


async def test_a_followed_message_is_two_small_calls(filled: MemoryStore, host: ConvexHost) -> None:
    async with watching(filled.follow_messages("big", after=kilobyte(48).id)) as messages:
        assert await messages.next() == kilobyte(49)
        await calls_so_far(host)
        await filled.save_messages([kilobyte(50)])
        assert await messages.next() == kilobyte(50)
        calls = {call["kind"]: call for call in await calls_so_far(host)}
    assert calls.keys() == {"mutation", "live", "query"}
    assert [calls[kind]["docsRead"] for kind in ("live", "query")] == [1, 2]
    assert calls["live"]["responseBytes"] < 300
