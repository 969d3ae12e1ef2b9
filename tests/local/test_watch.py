"""Watches of a file that other stores and programs write to."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from mastra_convex.engine.protocol import Get
from mastra_convex.local.engine import LocalEngine
from tests.backends import all_tables
from tests.engine.rows import THREADS, put, thread
from tests.watching import watching

A = Get(table=THREADS, keys=[["a"]])


async def test_commits_of_another_connection_are_told(tmp_path: Path) -> None:
    mine, other = (LocalEngine(tmp_path / "store.db", all_tables()) for _ in range(2))
    async with watching(mine.watch([A])) as states:
        await states.next()
        for n in range(3):
            await put(other, THREADS, thread("a", title=str(n)))
            assert await states.next() == await mine.read([A])
    await mine.aclose()
    await other.aclose()


async def test_a_store_of_several_event_loops_tells_all(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "store.db", all_tables())
    seen: list[str] = []
    is_watching = threading.Event()

    async def watch() -> None:
        async with watching(engine.watch([A])) as states:
            while seen[-1:] != ["last"]:
                [row] = (await states.next())[0].rows
                seen.append("" if row is None else row["title"])
                is_watching.set()

    thread_of_watcher = threading.Thread(target=lambda: asyncio.run(watch()), daemon=True)
    thread_of_watcher.start()
    await asyncio.to_thread(is_watching.wait, 20)
    await put(engine, THREADS, thread("a", title="last"))
    await asyncio.to_thread(thread_of_watcher.join, 20)
    assert seen == ["", "last"]
    await engine.aclose()


@pytest.mark.long
async def test_ten_thousand_watches_leave_nothing(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "store.db", all_tables())
    threads = threading.active_count()
    for _ in range(100):
        watches = [engine.watch([A]) for _ in range(100)]
        await asyncio.gather(*map(anext, watches))
        await asyncio.gather(*(watch.aclose() for watch in watches))
    watches_of_database = engine._database.watches  # pyright: ignore[reportPrivateUsage]
    assert not watches_of_database
    assert {name: value for name, value in vars(watches_of_database).items() if name in ("_watchers", "_polls")} == {
        "_watchers": {},
        "_polls": {},
    }
    assert threading.active_count() <= threads + 4  # idle readers
    await engine.aclose()
