"""Watches over connections that are cut and servers that are killed: the last state comes, and none goes back."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mastra_convex import ConvexStore
from mastra_convex.remote import live
from mastra_convex.remote.retry import RetryPolicy
from tests.backends import Backend, remote_store
from tests.effort import effort, some
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import count_up, serve_until_killed
from tests.watching import other_tasks, watching

WRITERS = 4
LAST = 10**9
PATIENT = RetryPolicy(attempts=1_000, base=0.02, cap=0.05)


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
async def relay_to(target: str) -> AsyncIterator[tuple[Relay, str]]:
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


@pytest.mark.parametrize("cuts", some([15, effort(60, 1_000)], [15]))
@pytest.mark.parametrize("backend", ["server", "convex-test"], indirect=True)
async def test_the_last_state_comes_over_connections_that_are_cut(backend: Backend, cuts: int) -> None:
    """Four processes write meanwhile."""
    url = backend.store()._location  # pyright: ignore[reportPrivateUsage]  # for other processes
    chance = random.Random(cuts)
    types = [f"type {n}" for n in range(WRITERS)]
    async with relay_to(url) as (relay, relayed):
        reader = remote_store(relayed, None, retry=PATIENT)
        watches = [asyncio.ensure_future(_states(reader, type, LAST)) for type in types]
        with ExitStack() as stack:
            writers = [stack.enter_context(child(count_up, url, type, LAST)) for type in types]
            for _ in range(cuts):
                await asyncio.sleep(chance.random() / 50)
                relay.cut()
            for writer in writers:
                writer.connection.send("end")
            for writer in writers:
                await asyncio.to_thread(writer.told)
        for seen in await asyncio.gather(*watches):
            assert seen == sorted(seen)
        await reader.aclose()


async def _states(store: ConvexStore, type: str, last: int) -> list[int]:
    """The states that a watch gives, up to the last."""
    seen: list[int] = []
    async with watching(store.thread_state.watch_state("t1", type=type)) as states:
        while seen[-1:] != [last]:
            seen.append(await states.next() or 0)
    return seen


@pytest.mark.parametrize("kills", some([2, effort(8, 50)], [2]))
async def test_the_last_state_comes_from_servers_that_are_killed(tmp_path: Path, port: int, kills: int) -> None:
    url = f"http://127.0.0.1:{port}"
    reader, writer = (remote_store(url, None, timeout=30.0, retry=PATIENT) for _ in range(2))
    watcher: asyncio.Task[list[int]] | None = None
    seen: list[int] = []
    for n in range(kills + 1):
        with child(serve_until_killed, tmp_path / "store.db", port) as server:
            await writer.thread_state.set_state("t1", type="count", value=n)
            watcher = watcher or asyncio.create_task(_states(reader, "count", kills))
            if n == kills:
                seen = await watcher
            server.kill()
    assert seen == sorted(seen)
    await reader.aclose()
    await writer.aclose()


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
