"""Calls that take long leave the event loop to others: work on many items in turns, on a large one in a thread.

What is measured is the processor time of the loop's thread, against the time that the same work takes in one piece: so
neither a slow machine nor a busy one matters.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.values import clean
from mastra_convex_domains import Message
from tests.data import message

MANY = 2_000
LARGE = {"steps": {f"s{n}": {"status": "success", "output": list(range(40)), "score": n + 0.5} for n in range(5_000)}}


async def longest_turn(work: Awaitable[object]) -> float:
    """Returns the most seconds of processor time that the loop's thread spent between two turns of another task."""
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        last = time.thread_time()
        while not done:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        await work
    finally:
        done = True
        await watcher
    return longest


def in_one_piece(work: Callable[[], Any]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[ConvexStore]:
    async with ConvexStore.local(tmp_path / "agent.db") as store:
        await store.memory.save_thread({"id": "t1", "resource_id": "u1"})
        gc.collect()
        gc.disable()  # a collection takes long in a process with many tests, whoever made the garbage
        try:
            yield store
        finally:
            gc.enable()


async def least_of_longest(call: Callable[[], Awaitable[object]]) -> float:
    """Returns the least `longest_turn` of some calls: work that is done in one piece takes as long each time."""
    return min([await longest_turn(call()) for _ in range(5)])


@pytest.mark.long
async def test_saving_and_listing_many_messages_is_done_in_turns(local: ConvexStore) -> None:
    given = [message(n).model_dump() for n in range(MANY)]
    whole = in_one_piece(lambda: [clean(Message.model_validate(one).content, "content") for one in given])
    assert await least_of_longest(lambda: local.memory.save_messages(given)) < whole / 2
    whole = in_one_piece(lambda: [Message.model_validate(one) for one in given])
    assert await least_of_longest(lambda: local.memory.list_messages("t1", per_page=False)) < whole / 2


@pytest.mark.long
async def test_a_large_value_is_worked_on_in_a_thread(local: ConvexStore) -> None:
    whole = in_one_piece(lambda: [clean(LARGE, "value") for _ in range(2)])
    workflows, documents = local.workflows, local.documents
    for call in (
        lambda: workflows.persist_workflow_snapshot("w", run_id="r", snapshot=LARGE),
        lambda: workflows.load_workflow_snapshot("w", run_id="r"),
        lambda: documents.put("t", record={"id": "a", **LARGE}),
    ):
        assert await least_of_longest(call) < whole / 6
