"""Watches: the results of a read, now and whenever they are others, on every backend."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from mastra_convex.engine.protocol import (
    Bound,
    Delete,
    DeleteRange,
    Engine,
    Get,
    IndexRange,
    Neighbours,
    Patch,
    PatchRange,
    Put,
    Scan,
)
from mastra_convex.errors import ClosedError, SchemaMismatchError, ValidationError
from mastra_convex.rows.changes import Change, Edit
from tests.backends import Backend
from tests.effort import some_backends
from tests.engine.rows import MESSAGES, THREADS, commit, ids, message, put, thread, when
from tests.watching import other_tasks, watching

NEWEST = Scan(table=MESSAGES, index="by_thread_created", prefixes=[["t1"]], order="desc", limit=3)
WRITES: dict[str, Callable[[Engine], Any]] = {
    "put": lambda engine: put(engine, MESSAGES, message("new", createdAt="2030")),
    "replace": lambda engine: put(engine, MESSAGES, message("m2", content='"other"', createdAt="2024-2")),
    "patch": lambda engine: commit(engine, Patch(table=MESSAGES, keys=[["m2"]], change=Change(set={"role": "system"}))),
    "edit": lambda engine: commit(
        engine,
        Patch(
            table=MESSAGES,
            keys=[["m2"]],
            change=Change(edits=[Edit(path=["content"], reducer="set", value='"edited"')]),
        ),
    ),
    "move into": lambda engine: commit(
        engine, Patch(table=MESSAGES, keys=[["other"]], change=Change(set={"thread_id": "t1", "createdAt": "2031"}))
    ),
    "move away": lambda engine: commit(
        engine, Patch(table=MESSAGES, keys=[["m2"]], change=Change(set={"thread_id": "t2"}))
    ),
    "delete": lambda engine: commit(engine, Delete(table=MESSAGES, keys=[["m2"]])),
    "delete range": lambda engine: commit(
        engine, DeleteRange(range=IndexRange(table=MESSAGES, index="by_thread", prefix=["t1"]))
    ),
    "patch range": lambda engine: commit(
        engine,
        PatchRange(
            range=IndexRange(table=MESSAGES, index="by_thread", prefix=["t1"]), change=Change(set={"role": "tool"})
        ),
    ),
}


@pytest.fixture
async def three(engine: Engine) -> Engine:
    await put(engine, MESSAGES, *(message(f"m{n}", createdAt=f"2024-{n}") for n in range(3)))
    await put(engine, MESSAGES, message("other", thread_id="t2"))
    return engine


@pytest.mark.parametrize("kind", WRITES)
async def test_a_write_gives_what_a_read_gives(three: Engine, kind: str) -> None:
    async with watching(three.watch([NEWEST])) as states:
        assert await states.next() == await three.read([NEWEST])
        await WRITES[kind](three)
        assert await states.next() == await three.read([NEWEST])


async def test_writes_elsewhere_are_silent(three: Engine) -> None:
    async with watching(three.watch([NEWEST])) as states:
        first = await states.next()
        await put(three, MESSAGES, message("m9", thread_id="t2"))
        await put(three, MESSAGES, message("m2", createdAt="2024-2"))  # as it is already
        await put(three, THREADS, thread("t1"))
        await WRITES["put"](three)
        second = await states.next()
        assert second != first
        assert ids(second[0].rows) == ["new", "m2", "m1"]


async def test_all_reads_of_a_watch_are_of_one_snapshot(engine: Engine) -> None:
    ops = [Get(table=THREADS, keys=[["a"]]), Get(table=MESSAGES, keys=[["a"]])]
    async with watching(engine.watch(ops)) as states:
        await states.next()
        for n in range(10):
            await commit(
                engine,
                Put(table=THREADS, rows=[thread("a", title=str(n))]),
                Put(table=MESSAGES, rows=[message("a", content=str(n))]),
            )
        seen: list[int] = []
        while seen[-1:] != [9]:
            threads, messages = await states.next()
            [row], [other] = threads.rows, messages.rows
            assert row is not None
            assert other is not None
            assert row["title"] == other["content"]
            seen.append(int(row["title"]))
        assert seen == sorted(set(seen))


async def test_a_slow_consumer_gets_the_newest(engine: Engine) -> None:
    get = Get(table=THREADS, keys=[["a"]])
    async with watching(engine.watch([get])) as slow, watching(engine.watch([get])) as quick:
        await slow.next()
        await quick.next()
        for n in range(20):
            await put(engine, THREADS, thread("a", title=str(n)))
        await quick.until(await engine.read([get]))
        seen = await slow.until(await engine.read([get]))
        assert len(seen) <= 2


async def test_a_watch_of_what_is_not_there_yet(engine: Engine) -> None:
    ops: list[Any] = [
        Get(table=THREADS, keys=[["a"], ["b"]], paths=[["title"]]),
        Neighbours(table=MESSAGES, key=["m"], index="by_thread_created", before=1, after=1),
        Scan(table=MESSAGES, index="by_created", lower=Bound(value="2025"), total=True, limit=0),
        Scan(table=THREADS, index="by_record_id", where=[when("title", "eq", "x")]),
    ]
    async with watching(engine.watch(ops)) as states:
        assert await states.next() == await engine.read(ops)
        for row in (thread("b", title="x"), thread("a", title="x")):
            await put(engine, THREADS, row)
            assert await states.next() == await engine.read(ops)
        await put(engine, MESSAGES, message("m", createdAt="2026"), message("before"))
        assert await states.next() == await engine.read(ops)


@some_backends("memory", "sqlite", "server")
async def test_hundred_watches_are_told_of_their_own(engine: Engine) -> None:
    gets = [Get(table=THREADS, keys=[[f"t{n}"]]) for n in range(100)]
    watches = [engine.watch([get]) for get in gets]
    try:
        await asyncio.gather(*map(anext, watches))
        await put(engine, THREADS, *(thread(f"t{n}") for n in range(100)))
        for n, result in enumerate(await asyncio.gather(*map(anext, watches))):
            assert ids(result[0].rows) == [f"t{n}"]
    finally:
        for watch in watches:
            await watch.aclose()


@pytest.mark.parametrize(
    ("op", "error"),
    [
        (Get(table="nothing", keys=[["a"]]), SchemaMismatchError),
        (Scan(table=THREADS, index="by_nothing"), SchemaMismatchError),
        (Scan(table=THREADS, index="by_record_id", limit=-1), ValidationError),
    ],
)
async def test_a_read_that_fails_fails_alike(engine: Engine, op: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as read:
        await engine.read([op])
    async with watching(engine.watch([op])) as states:
        with pytest.raises(error) as watched:
            await states.next()
    assert type(watched.value) is type(read.value)


async def test_closing_ends_watches(backend: Backend) -> None:
    store = backend.store()
    engine = store._engine  # pyright: ignore[reportPrivateUsage]
    watch = engine.watch([NEWEST])
    await anext(watch)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(ClosedError):
        await waiting
    with pytest.raises(ClosedError):
        await anext(engine.watch([NEWEST]))


@pytest.mark.parametrize("end", ["break", "cancel", "aclose", "garbage"])
async def test_a_watch_that_ends_leaves_no_task(three: Engine, end: str) -> None:
    await three.read([NEWEST])
    before = other_tasks()
    for _ in range(5):
        watch = three.watch([NEWEST])
        await anext(watch)
        if end == "cancel":
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        elif end == "aclose":
            await watch.aclose()
        elif end == "break":
            async for _state in three.watch([NEWEST]):
                break
        del watch
    gc.collect()
    async with asyncio.timeout(20):
        while other_tasks() - before:  # noqa: ASYNC110  # tasks tell nobody of their end
            await asyncio.sleep(0.001)
