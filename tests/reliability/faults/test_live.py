"""Watches over connections that are cut and servers that are killed: the last state comes, and none goes back."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mastra_convex import ConvexStore
from mastra_convex.remote import live
from tests.backends import Backend, remote_store
from tests.effort import effort, some
from tests.reliability.faults.conftest import PATIENCE
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import LAST, PATIENT, serve_until_killed, write_counts
from tests.summary import Figure
from tests.watching import other_tasks

NAMES = [f"writer {n}" for n in range(4)]
_GUARD = 60.0
"""Seconds after which a last state that does not come fails the test."""


class Relay:
    """Passes bytes between clients and a server until it is told to cut."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(self._target.hostname, self._target.port)
        ends = {writer, here}
        self._writers |= ends
        try:
            await asyncio.gather(self._pass(reader, here), self._pass(there, writer), return_exceptions=True)
        finally:
            self._writers -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relay_to(target: str) -> AsyncGenerator[tuple[Relay, str]]:
    relay = Relay(target)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    try:
        yield relay, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        relay.cut()
        server.close()
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(live, "_LONGEST_WAIT", 0.05)


@asynccontextmanager
async def following(store: ConvexStore, names: Sequence[str]) -> AsyncGenerator[dict[str, list[int]]]:
    """Follows the count under each name, from before the context to the last count, which must come after it.

    Gives what each watch was told, which must never go back. While connections are cut a watch may be told nothing.
    """
    watches = [store.thread_state.watch_state("t1", type=name) for name in names]
    seen = {name: [await anext(watch) or 0] for name, watch in zip(names, watches, strict=True)}
    tasks = [asyncio.create_task(_follow(*each)) for each in zip(watches, seen.values(), strict=True)]
    try:
        yield seen
        await asyncio.wait(tasks, timeout=_GUARD)
    finally:
        for task in tasks:
            task.cancel()
        failures = [end for end in await asyncio.gather(*tasks, return_exceptions=True) if end is not None]
    stored = {name: await store.thread_state.get_state("t1", type=name) for name in names}
    told = f"{failures=}, {stored=}, seen={ {name: states[-9:] for name, states in seen.items()} }"
    assert all(states[-1] == LAST for states in seen.values()), told
    back = {name: step for name, states in seen.items() for step in pairwise(states) if step[0] >= step[1]}
    assert not back, f"{back=}, {told}"


async def _follow(watch: AsyncGenerator[Any], states: list[int]) -> None:
    async with aclosing(watch):
        async for state in watch:
            states.append(state)
            if state == LAST:
                return


@asynccontextmanager
async def counting(url: str, names: Sequence[str], counts: list[int]) -> AsyncGenerator[None]:
    """Has a process for each name count while the context lasts; each then writes the last, and its count is kept."""
    with ExitStack() as stack:
        writers = [stack.enter_context(child(write_counts, url, name)) for name in names]
        await asyncio.gather(*(asyncio.to_thread(writer.told) for writer in writers))  # all have begun
        yield
        for writer in writers:
            writer.connection.send("the end")
        counts += await asyncio.gather(*(asyncio.to_thread(writer.told) for writer in writers))


async def more(seen: dict[str, list[int]]) -> None:
    """Waits until a watch is told another state."""
    before = sum(map(len, seen.values()))
    try:
        async with asyncio.timeout(_GUARD):
            while sum(map(len, seen.values())) == before:  # noqa: ASYNC110  # it is told to another task
                await asyncio.sleep(0.001)
    except TimeoutError:
        pytest.fail(f"no watch is told more than { {name: states[-9:] for name, states in seen.items()} }")


@pytest.mark.parametrize("cuts", some([15, effort(60, 1_000)], [15]))
@pytest.mark.parametrize("backend", ["server", "convex-test"], indirect=True)
async def test_the_last_state_comes_over_connections_that_are_cut(
    backend: Backend, cuts: int, figure: Figure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mastra_convex.live")  # shown when it fails
    seed = random.randrange(1 << 32)
    print(f"{seed=}")
    chance = random.Random(seed)
    counts: list[int] = []
    store = backend.store()
    await store.init()
    url = store._location  # pyright: ignore[reportPrivateUsage]  # the relay needs to be told
    async with relay_to(url) as (relay, cut_url), remote_store(cut_url, None, retry=PATIENT) as reader:
        async with following(reader, NAMES) as seen, counting(url, NAMES, counts):
            for n in range(cuts):
                await asyncio.sleep(chance.random() / 50)  # most connections are cut before they are answered
                if n % 10 == 9:
                    await more(seen)
                relay.cut()
        figure(f"live, {backend.name}, {cuts} cuts", f"{sum(counts):,} writes, {sum(map(len, seen.values())):,} told")


@pytest.mark.parametrize("kills", some([2, effort(8, 50)], [2]))
async def test_the_last_state_comes_from_servers_that_are_killed(
    tmp_path: Path, port: int, kills: int, figure: Figure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mastra_convex.live")  # shown when it fails
    seed = random.randrange(1 << 32)
    print(f"{seed=}")
    chance = random.Random(seed)
    url = f"http://127.0.0.1:{port}"
    counts: list[int] = []
    async with AsyncExitStack() as stack:
        server = stack.enter_context(child(serve_until_killed, tmp_path / "store.db", port))
        store = await stack.enter_async_context(remote_store(url, None, timeout=PATIENCE, retry=PATIENT))
        async with following(store, NAMES) as seen, counting(url, NAMES, counts):
            for n in range(kills):
                await store.thread_state.set_state("t1", type="kill", value=n)  # the server is up
                await asyncio.sleep(chance.random() / 10)
                server.kill()
                server = stack.enter_context(child(serve_until_killed, tmp_path / "store.db", port))
        assert await store.thread_state.get_state("t1", type="kill") == kills - 1
        figure(f"live, {kills} kills", f"{sum(counts):,} writes, {sum(map(len, seen.values())):,} told")


@pytest.mark.long
@pytest.mark.parametrize("backend", ["server"], indirect=True)
async def test_ten_thousand_watches_leave_nothing(backend: Backend) -> None:
    store = backend.store()
    await store.init()

    async def open_and_end(n: int) -> None:
        watch = store.memory.watch_thread(f"t{n % 20}")
        await anext(watch)
        match n % 4:
            case 0:
                await watch.aclose()
            case 1:
                waiting = asyncio.ensure_future(anext(watch))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            case 2:
                async for _ in store.memory.watch_thread(f"t{n % 20}"):
                    break
            case _:
                pass  # the watch is garbage

    async def open_many(count: int) -> tuple[int, int]:
        """Returns the bytes that are allocated, and the open descriptors, once nothing is watched any more."""
        for start in range(0, count, 100):
            await asyncio.gather(*map(open_and_end, range(start, start + 100)))
        async with asyncio.timeout(20):
            while other_tasks() - before:  # tasks tell nobody of their end
                gc.collect()
                await asyncio.sleep(0.01)
        return tracemalloc.get_traced_memory()[0], len(os.listdir("/dev/fd"))

    before = other_tasks()
    tracemalloc.start()
    try:
        memory, descriptors = await open_many(1_000)
        more_memory, more_descriptors = await open_many(10_000)
    finally:
        tracemalloc.stop()
    assert more_descriptors <= descriptors + 4  # connections of the pool
    assert more_memory - memory < 500_000
