"""Opening, closing, cancelling, many tasks, several event loops."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from mastra_convex.engine.protocol import Commit, Get, Put
from mastra_convex.errors import ClosedError, ConfigurationError, ValidationError
from mastra_convex.local.engine import LocalEngine
from tests.local.tables import COUNTER, NOTES, add_one, counted, get, locked, put


@pytest.fixture(params=["in memory", "on a file"])
async def local(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(":memory:" if request.param == "in memory" else tmp_path / "file.db", [NOTES])
    yield engine
    await engine.aclose()


def test_a_constructor_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    assert "file.db" in repr(LocalEngine(path, [NOTES]))
    assert not path.exists()


async def test_memory_is_private() -> None:
    first, second = LocalEngine(":memory:", [NOTES]), LocalEngine(":memory:", [NOTES])
    await put(first, COUNTER)
    assert await get(second, "counter") == [None]
    await first.aclose()
    await second.aclose()


async def test_a_file_keeps_its_rows(tmp_path: Path) -> None:
    for expected in (0, 1):
        engine = LocalEngine(str(tmp_path / "file.db"), [NOTES])
        if expected == 0:
            await put(engine, COUNTER)
        await engine.commit(add_one())
        assert await counted(engine) == expected + 1
        await engine.aclose()


async def test_a_closed_engine_says_so(local: LocalEngine) -> None:
    await put(local, COUNTER)
    await local.aclose()
    await local.aclose()
    with pytest.raises(ClosedError):
        await counted(local)
    with pytest.raises(ClosedError):
        await local.commit(add_one())


async def test_an_engine_that_was_never_used_can_be_closed(local: LocalEngine) -> None:
    await local.aclose()
    with pytest.raises(ClosedError):
        await counted(local)


async def test_closing_leaves_one_file(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "file.db", [NOTES])
    await put(engine, COUNTER)
    assert await counted(engine) == 0
    await engine.aclose()
    assert os.listdir(tmp_path) == ["file.db"]


async def test_closing_ends_all_threads(local: LocalEngine) -> None:
    threads = set(threading.enumerate())
    await put(local, *({"id": str(n)} for n in range(100)))
    await asyncio.gather(*(get(local, *map(str, range(101))) for _ in range(10)))
    mine = set(threading.enumerate()) - threads
    assert mine
    await local.aclose()
    for thread in mine:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()


async def test_closing_waits_for_calls_in_flight(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "file.db", [NOTES])
    await put(engine, COUNTER)
    async with asyncio.TaskGroup() as group:
        commits = [group.create_task(engine.commit(add_one())) for _ in range(20)]
        reads = [group.create_task(counted(engine)) for _ in range(20)]
        await asyncio.sleep(0)
        await engine.aclose()
    assert {commit.result().status for commit in commits} == {"done"}
    assert all(0 <= read.result() <= 20 for read in reads)
    again = LocalEngine(tmp_path / "file.db", [NOTES])
    assert await counted(again) == 20
    await again.aclose()


async def test_a_thousand_tasks(local: LocalEngine) -> None:
    await put(local, COUNTER)
    await asyncio.gather(*(local.commit(add_one()) if n % 2 else counted(local) for n in range(1000)))
    assert await counted(local) == 500


async def test_a_foreign_lock_blocks_neither_reads_nor_other_tasks(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    engine = LocalEngine(path, [NOTES])
    await put(engine, COUNTER)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [asyncio.create_task(engine.commit(add_one())) for _ in range(3)]
    for _ in range(20):  # were the loop blocked, the lock would never be released
        assert await counted(engine) == 0
    assert not any(task.done() for task in waiting)
    other.execute("COMMIT")
    other.close()
    assert [result.status for result in await asyncio.gather(*waiting)] == ["done"] * 3
    assert await counted(engine) == 3
    await engine.aclose()


@pytest.mark.parametrize("scoped", [True, False], ids=["cancel scope", "task.cancel"])
async def test_a_cancelled_commit_is_whole_or_not_at_all(local: LocalEngine, scoped: bool) -> None:
    """Each commit writes two rows; whatever is cancelled, both are there or none, and the engine goes on."""

    async def write(n: int) -> None:
        rows = [{"id": f"{n}-{half}"} for half in range(2)]
        await local.commit(Commit(id=str(n), ops=[Put(table="notes", rows=[row]) for row in rows]))

    await put(local, COUNTER)
    for n in range(40):
        if scoped:
            async with anyio.create_task_group() as group:
                group.start_soon(write, n)
                for _ in range(n % 8):
                    await asyncio.sleep(0)
                group.cancel_scope.cancel()
        else:
            task = asyncio.create_task(write(n))
            for _ in range(n % 8):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
    assert (await local.commit(add_one())).status == "done"
    for n in range(40):
        halves = await get(local, f"{n}-0", f"{n}-1")
        assert halves[0] is halves[1] is None or None not in halves


async def test_an_operation_that_fails_leaves_the_engine_usable(local: LocalEngine) -> None:
    await put(local, COUNTER)
    for _ in range(20):
        with pytest.raises(ValidationError):
            await local.read([Get(table="notes", keys=[["a", "b"]])])
        with pytest.raises(ValidationError):
            await put(local, {"id": "a"}, {"nothing": 1})
    assert await get(local, "a") == [None]
    assert await counted(local) == 0


@pytest.mark.parametrize("kind", ["in memory", "on a file"])
def test_one_event_loop_after_another(tmp_path: Path, kind: str) -> None:
    engine = LocalEngine(":memory:" if kind == "in memory" else tmp_path / "file.db", [NOTES])
    asyncio.run(_use(engine, 10))
    asyncio.run(_use(engine, 10))
    assert asyncio.run(counted(engine)) == 20
    asyncio.run(engine.aclose())


@pytest.mark.parametrize("kind", ["in memory", "on a file"])
def test_several_event_loops_at_once(tmp_path: Path, kind: str) -> None:
    engine = LocalEngine(":memory:" if kind == "in memory" else tmp_path / "file.db", [NOTES])
    asyncio.run(_use(engine, 0))
    threads = [threading.Thread(target=lambda: asyncio.run(_use(engine, 25))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(counted(engine)) == 150
    asyncio.run(engine.aclose())


def test_a_loop_that_is_closed_with_a_call_in_flight_is_followed_by_another(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    engine = LocalEngine(path, [NOTES])
    asyncio.run(put(engine, COUNTER))
    loop = asyncio.new_event_loop()
    with locked(path):
        pending = loop.create_task(engine.commit(add_one()))
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
    asyncio.run(_use(engine, 1))
    assert not pending.done()
    asyncio.run(engine.aclose())


async def _use(engine: LocalEngine, times: int) -> None:
    if await get(engine, "counter") == [None]:
        await put(engine, COUNTER)
    await asyncio.gather(*(engine.commit(add_one()) for _ in range(times)), *(counted(engine) for _ in range(times)))


def unusable(directory: Path, kind: str) -> Path:
    text = directory / "text.db"
    text.write_text("this is no database, although it has some length" * 100)
    paths = {"no database": text, "no directory": directory / "none" / "file.db", "a directory": directory}
    return paths[kind]


@pytest.mark.parametrize("kind", ["no database", "no directory", "a directory"])
async def test_an_unusable_path_is_named(tmp_path: Path, kind: str) -> None:
    path = unusable(tmp_path, kind)
    engine = LocalEngine(path, [NOTES])
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            await counted(engine)
        assert str(path) in str(caught.value)
        with pytest.raises(ConfigurationError):
            await put(engine, COUNTER)
    await engine.aclose()


async def test_a_path_that_cannot_be_written_is_named() -> None:
    engine = LocalEngine("/proc/file.db", [NOTES])
    with pytest.raises(ConfigurationError, match=r"/proc/file\.db"):
        await put(engine, COUNTER)
    await engine.aclose()


async def test_two_declarations_of_one_name_are_refused() -> None:
    other = type(NOTES)(name="notes", fields=NOTES.fields, indexes=NOTES.indexes[:1])
    with pytest.raises(ConfigurationError):
        LocalEngine(":memory:", [NOTES, other])
