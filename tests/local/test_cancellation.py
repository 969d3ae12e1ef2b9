"""A local call that was cancelled, or timed out, is never applied later: whatever its thread waits for or does."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from mastra_convex import ConvexStore
from mastra_convex.engine.protocol import Commit, Patch, Scan, ScanResult
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from tests.data import thread
from tests.local.tables import NOTES, get, locked, put
from tests.local.vectors import POINTS, search

Work = Coroutine[Any, Any, Any]
PROMPTLY = 0.05
ROWS = 200


async def timeout(work: Work) -> None:
    async with asyncio.timeout(PROMPTLY):
        await work


async def wait_for(work: Work) -> None:
    await asyncio.wait_for(work, PROMPTLY)


async def scope(work: Work) -> None:
    with anyio.fail_after(PROMPTLY):
        await work


async def cancel(work: Work) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(PROMPTLY)
    task.cancel()
    await task


GIVE_UP = pytest.mark.parametrize("give_up", [timeout, wait_for, scope, cancel])


@GIVE_UP
async def test_what_waits_for_a_lock_is_never_applied_later(
    tmp_path: Path, give_up: Callable[[Work], Awaitable[None]]
) -> None:
    """Its caller is told while the lock is still held; so is one that waits behind it."""
    path = tmp_path / "file.db"
    async with ConvexStore.local(path) as other, ConvexStore.local(path) as store:
        await other.memory.save_thread(thread("t", title="old"))
        await store.init()

        async def several() -> None:
            await asyncio.gather(*(store.memory.update_thread("t", title=f"zombie {n}") for n in range(3)))

        with locked(path), pytest.raises((TimeoutError, asyncio.CancelledError)):
            await give_up(several())
        await other.memory.update_thread("t", metadata={"seen": True})
        await store.aclose()  # waits for its threads
        found = await other.memory.get_thread_by_id("t")
        assert found is not None
        assert (found.title, found.metadata) == ("old", {"seen": True})


async def test_a_later_write_is_never_overwritten(tmp_path: Path) -> None:
    """One store gives up, another one writes at once; forty times."""
    path = tmp_path / "file.db"
    async with ConvexStore.local(path) as first, ConvexStore.local(path) as second:
        await first.memory.save_thread(thread("t", title="old"))
        await second.init()
        for n in range(40):
            with locked(path):
                waiting = asyncio.create_task(first.memory.update_thread("t", title="zombie"))
                await asyncio.sleep(n / 4_000)
                waiting.cancel()
                await asyncio.wait([waiting])
            await second.memory.update_thread("t", title=f"new {n}")
            await first.sweep()  # after what its thread had to do before
            found = await second.memory.get_thread_by_id("t")
            assert found is not None
            assert found.title == f"new {n}"


@pytest.mark.long
@pytest.mark.parametrize("scoped", [True, False], ids=["cancel scope", "task.cancel"])
async def test_nothing_is_applied_after_the_caller_was_told(tmp_path: Path, scoped: bool) -> None:
    """However far the thread has come: a large commit is cancelled after each sixtieth of the time that it takes."""
    path = tmp_path / "file.db"
    engine = LocalEngine(path, [NOTES])

    async def write() -> None:
        await put(engine, *({"id": uuid.uuid4().hex, "info": {"text": "x" * 20_000}} for _ in range(ROWS)))

    started = time.perf_counter()
    await write()
    duration = time.perf_counter() - started
    with closing(sqlite3.connect(path)) as watcher:

        def stored() -> int:
            (rows,) = watcher.execute("SELECT count(*) FROM notes").fetchone()
            return int(rows)

        for n in range(60):
            before = stored()
            if scoped:
                with anyio.move_on_after(n * duration / 60):
                    await write()
            else:
                task = asyncio.create_task(write())
                await asyncio.sleep(n * duration / 60)
                task.cancel()
                await asyncio.wait([task])
            told = stored()
            await engine.sweep()  # after what the thread had to do before
            assert stored() == told
            assert told - before in (0, ROWS)
    await engine.aclose()


async def test_callers_are_served_in_their_order(tmp_path: Path) -> None:
    """Also where some of them give up."""
    path = tmp_path / "file.db"
    engine = LocalEngine(path, [NOTES])
    await put(engine, {"id": "a", "info": {"order": []}})

    async def append(n: int) -> None:
        change = Change(edits=[Edit(path=["info", "order"], reducer="append", value=f"[{n}]")])
        await engine.commit(Commit(id=str(n), ops=[Patch(table="notes", keys=[["a"]], change=change)]))

    with locked(path):
        callers = [asyncio.create_task(append(n)) for n in range(20)]
        await asyncio.sleep(PROMPTLY)
        for caller in callers[::3]:
            caller.cancel()
        await asyncio.wait(callers[::3])
    await asyncio.wait(callers)
    [row] = await get(engine, "a")
    assert row is not None
    assert row["info"]["order"] == [n for n in range(20) if n % 3]
    await engine.aclose()


async def test_reads_and_searches_that_were_cancelled_keep_no_thread(tmp_path: Path) -> None:
    """More of them than there are threads, each larger than is read at once."""
    engine = LocalEngine(tmp_path / "file.db", [NOTES, POINTS])
    await put(engine, *({"id": str(n), "info": {"text": "x" * 10_000}} for n in range(100)))
    every = Scan(table="notes", index="by_record_id")
    for n in range(30):
        calls = [asyncio.create_task(engine.read([every])), asyncio.create_task(engine.search(search(1.0, 0.0)))]
        for _ in range(n):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    [found] = await engine.read([every])
    assert isinstance(found, ScanResult)
    assert len(found.rows) == 100
    assert (await engine.search(search(1.0, 0.0))).hits == []
    await engine.aclose()
