"""Others that write while a store is pruned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mastra_convex import ConvexStore, PruneResult
from tests.retention.test_prune import days_ago, ids, message, messages, thread


async def test_a_row_that_became_younger_stays(tmp_path: Path) -> None:
    """All rows are looked up before the first batch, so that the later ones change in between."""

    async def renew(store: ConvexStore) -> None:
        await store.memory.save_thread(thread("t1", 1))
        await store.memory.save_messages([message("t0-m0001", 1, thread_id="t0")])

    async with ConvexStore.local(tmp_path / "store.db") as store:
        for n in range(3):
            await store.memory.save_thread(thread(f"t{n}", 40 - n))
            await store.memory.save_messages(messages(2, 10, thread_id=f"t{n}"))
        once = _meanwhile(tmp_path / "store.db", renew)
        [result] = await store.memory.prune({"threads": {"max_age": "30d", "batch_size": 1}}, progress=once)
        assert (result.deleted, result.done) == (2, True)
        assert [thread.id async for thread in store.memory.iter_threads()] == ["t1"]
        assert await ids(store.memory, "t1") == ["t1-m0000", "t1-m0001"]


async def test_a_message_that_became_younger_stays(tmp_path: Path) -> None:
    async def renew(store: ConvexStore) -> None:
        await store.memory.save_messages([message("t1-m0002", 1)])

    async with ConvexStore.local(tmp_path / "store.db") as store:
        await store.memory.save_messages(messages(4, 40))
        once = _meanwhile(tmp_path / "store.db", renew)
        [result] = await store.memory.prune({"messages": {"max_age": "30d", "batch_size": 2}}, progress=once)
        assert (result.deleted, result.done) == (3, True)
        assert await ids(store.memory) == ["t1-m0002"]
        assert days_ago(2) < (await store.memory.list_messages("t1")).messages[0].created_at


def _meanwhile(path: Path, write: Callable[[ConvexStore], Awaitable[None]]) -> Callable[[PruneResult], None]:
    """A progress callback that lets another store write, to the end of that, after the first batch."""
    written: list[PruneResult] = []

    async def open_and_write() -> None:
        async with ConvexStore.local(path) as other:
            await write(other)

    def progress(result: PruneResult) -> None:
        if not written:
            written.append(result)
            with ThreadPoolExecutor(1) as threads:
                threads.submit(asyncio.run, open_and_write()).result()

    return progress
