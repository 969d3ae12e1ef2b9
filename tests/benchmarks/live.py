"""How soon a watch is told, and what watchers cost: `python -m tests.benchmarks.live`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.registry import declared_tables
from mastra_convex.remote.secret import Secret
from mastra_convex.server import serve_file

KEY = "benchmark|0123456789"
ROUNDS = 40
WATCHES = 1_000
BESIDE = 100

Write = Callable[[int], Awaitable[object]]

WRITER = """
import asyncio, sys, time
from mastra_convex import ConvexStore

async def run():
    async with ConvexStore.local(sys.argv[1]) as store:
        await store.init()
        for line in sys.stdin:
            await store.thread_state.set_state("t1", type="n", value=time.time())
            print(flush=True)

asyncio.run(run())
"""


async def latency(reader: ConvexStore, write: Write) -> tuple[float, float]:
    """The medians of milliseconds from the moment that a write begins, as it stores that, to the new state; and to its
    own return.
    """
    took: list[float] = []
    wrote: list[float] = []
    watch = reader.thread_state.watch_state("t1", type="n")
    await anext(watch)
    for n in range(ROUNDS):
        state = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.01)
        before = time.time()
        await write(n)
        wrote.append((time.time() - before) * 1_000)
        began: float = await state
        took.append((time.time() - began) * 1_000)
    await watch.aclose()
    return statistics.median(took), statistics.median(wrote)


async def own(reader: ConvexStore, writer: ConvexStore) -> tuple[float, float]:
    return await latency(reader, lambda _: writer.thread_state.set_state("t1", type="n", value=time.time()))


async def from_another_process(file: Path, reader: ConvexStore) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, file, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )

    async def write(_: int) -> None:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        await process.stdin.drain()

    found, _ = await latency(reader, write)
    process.kill()
    await process.wait()
    return found


async def many(store: ConvexStore) -> tuple[float, float]:
    """Seconds until the one of many watches, or all of them, are told of a commit."""
    watches: list[AsyncGenerator[Any]] = [store.memory.watch_thread(f"w{n}") for n in range(WATCHES)]
    await asyncio.gather(*map(anext, watches))
    waiting = [asyncio.ensure_future(anext(watch)) for watch in watches]
    await asyncio.sleep(0.1)
    began = time.perf_counter()
    await store.memory.save_thread({"id": "w7", "resource_id": "r1"})
    await waiting[7]
    one = time.perf_counter() - began
    assert sum(task.done() for task in waiting) == 1
    for n in range(WATCHES):
        await store.memory.save_thread({"id": f"w{n}", "resource_id": "r1", "title": "now"})
    await asyncio.gather(*waiting)
    waiting = [asyncio.ensure_future(anext(watch)) for watch in watches]
    await asyncio.sleep(0.1)
    messages = [{"id": f"m{n}", "thread_id": f"w{n}", "role": "user", "content": "x"} for n in range(WATCHES)]
    began = time.perf_counter()
    await store.memory.save_messages([{**message, "resource_id": "r1"} for message in messages])
    await asyncio.gather(*waiting)
    everything = time.perf_counter() - began
    await asyncio.gather(*(watch.aclose() for watch in watches))
    return one, everything


async def cost_beside_watchers(store: ConvexStore) -> float:
    """How many times as long a message takes to save beside watchers of other threads."""

    async def save(prefix: str) -> float:
        took: list[float] = []
        for n in range(300):
            message = {"id": f"{prefix}{n}", "thread_id": "t", "resource_id": "r", "role": "user", "content": "hi"}
            began = time.perf_counter()
            await store.memory.save_messages([message])
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    alone, beside = [], []
    for turn in range(4):
        alone.append(await save(f"a{turn}-"))
        watches = [store.memory.watch_messages(f"other {n}") for n in range(BESIDE)]
        await asyncio.gather(*map(anext, watches))
        waiting = [asyncio.ensure_future(anext(watch)) for watch in watches]
        beside.append(await save(f"b{turn}-"))
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return min(beside) / min(alone)


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "agent.db"
        async with ConvexStore.local(file) as store:
            print("own process, SQLite: {:.2f} ms, of which {:.2f} ms are the write".format(*await own(store, store)))
            print(f"other process, SQLite: {await from_another_process(file, store):.1f} ms")
            print(f"saving beside {BESIDE} watchers: {await cost_beside_watchers(store):.2f} times")
        async with (
            serve_file(":memory:", declared_tables(), Secret(KEY), host="127.0.0.1", port=0) as server,
            ConvexStore(id="reader", deployment_url=server.url, admin_auth_token=KEY) as reader,
            ConvexStore(id="writer", deployment_url=server.url, admin_auth_token=KEY) as writer,
        ):
            print(
                "over mastra-convex dev: {:.1f} ms, of which {:.1f} ms are the write".format(*await own(reader, writer))
            )
            one, everything = await many(reader)
            print(f"{WATCHES:,} watches: told of one {one * 1_000:.0f} ms, of all {everything * 1_000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
