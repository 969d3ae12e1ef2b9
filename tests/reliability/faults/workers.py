"""What other processes do in these tests; each is told its task as arguments, and tells of it over a connection."""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore, cli
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    DeleteRange,
    Engine,
    IndexRange,
    Patch,
    Put,
    Scan,
    Search,
    SearchResult,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.local.watching import Watcher
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.rows.changes import Change
from mastra_convex.server import LocalServer
from mastra_convex_domains import MemoryStore, Resource, ResourceUpdate
from tests.backends import KEY, all_tables, remote_store
from tests.data import message, thread
from tests.engine.rows import MESSAGES, THREADS, commit, everything
from tests.engine.rows import message as message_row
from tests.reliability.faults.operations import ADD_ONE, key, row

ADDED = Change(edits=[ADD_ONE])
LAST = 10**9
PATIENT = RetryPolicy(attempts=1_000, base=0.02, cap=0.05)


def batch(name: str, n: int) -> Commit:
    """A commit of 1 to 40 rows that also counts itself; each row knows how many there are."""
    size = 1 + n * 7 % 40
    rows = [message_row(f"{name}-{n}-{i}", thread_id=name, type=f"{n}/{size}") for i in range(size)]
    count_it = Patch(table=THREADS, keys=[[key(name, "counter")]], change=ADDED)
    return Commit(id=f"{name}-{n}", ops=[Put(table=MESSAGES, rows=rows), count_it])


async def batches(engine: Engine, name: str) -> tuple[set[int], set[int], int]:
    """The batches that are there whole, those that are there by half, and how many counted themselves."""
    rows = await everything(engine, Scan(table=MESSAGES, index="by_thread", prefixes=[[name]]))
    sizes = Counter(row["type"] for row in rows)
    whole = {int(n) for n, _, size in (kind.partition("/") for kind in sizes) if sizes[f"{n}/{size}"] == int(size)}
    there = {int(kind.partition("/")[0]) for kind in sizes}
    counters = await everything(engine, Scan(table=THREADS, index="by_resource", prefixes=[[name]]))
    return whole, there - whole, sum(int(counter["metadata"]["n"]) for counter in counters)


async def write_batches(engine: Engine, name: str, tasks: int, acknowledge: Any) -> None:
    """Writes batch after batch, several at once, and acknowledges each when it was answered."""
    await engine.commit(Commit(id=name, ops=[Put(table=THREADS, rows=[row(name, "counter")])]))
    numbers = count()

    async def write() -> None:
        for n in numbers:
            await engine.commit(batch(name, n))
            acknowledge(n)

    await asyncio.gather(*(write() for _ in range(tasks)))


def write_until_killed(path: Path, name: str, tasks: int, connection: Connection) -> None:
    asyncio.run(write_batches(LocalEngine(path, all_tables()), name, tasks, connection.send))


def serve_until_killed(path: Path, port: int, connection: Connection) -> None:
    """`mastra-convex dev`."""
    connection.close()
    sys.argv = ["mastra-convex", "dev", "--file", str(path), "--port", str(port), "--admin-key", KEY]
    sys.exit(cli.main())


def share_file(path: Path, name: str, tasks: int, rounds: int, connection: Connection) -> None:
    """Works on a file that others work on, too: counts in common, and writes, reads and deletes rows of its own."""

    async def run() -> None:
        engine = LocalEngine(path, all_tables())

        async def work(task: int) -> None:
            mine = f"{name}-{task}"
            everything_of_mine = Scan(table=MESSAGES, index="by_thread", prefixes=[[mine]])
            for n in range(rounds):
                put = Put(table=MESSAGES, rows=[message_row(f"{mine}-{n}-{i}", thread_id=mine) for i in range(n % 30)])
                count_it = Patch(table=THREADS, keys=[[key("shared", "counter")]], change=ADDED)
                await commit(engine, count_it, put)
                assert len(await everything(engine, everything_of_mine)) == n % 30
                within = IndexRange(table=MESSAGES, index="by_thread", prefix=[mine])
                await commit(engine, DeleteRange(range=within), mode="resumable")
            await commit(engine, Put(table=MESSAGES, rows=[message_row(f"{mine}-last", thread_id=mine)]))

        await asyncio.gather(*map(work, range(tasks)))
        await engine.aclose()

    connection.send(asyncio.run(run()))


def write_counts(url: str, name: str, connection: Connection) -> None:
    """Counts in a state, and tells that it has begun, until it is told to end; then it writes the last count, and tells
    how many there were.
    """

    async def run() -> int:
        written = 0
        async with remote_store(url, None, timeout=120.0, retry=PATIENT) as store:
            while not connection.poll():
                written += 1
                await store.thread_state.set_state("t1", type=name, value=written)
                if written == 1:
                    connection.send("begun")
                await asyncio.sleep(random.random() / 200)
            await store.thread_state.set_state("t1", type=name, value=LAST)
        return written + 1

    connection.send(asyncio.run(run()))


class CountingEngine:
    """An engine for a server, which knows how many calls it had at once."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.calls = self.in_flight = self.most_in_flight = 0

    async def __aenter__(self) -> None:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    async def __aexit__(self, *error: object) -> None:
        self.in_flight -= 1

    async def read(self, ops: Sequence[Any], /) -> list[Any]:
        async with self:
            return await self._engine.read(ops)

    async def commit(self, commit: Commit, /) -> CommitResult:
        async with self:
            return await self._engine.commit(commit)

    async def search(self, search: Search, /) -> SearchResult:
        async with self:
            return await self._engine.search(search)

    async def sweep(self) -> tuple[int, bool]:
        return await self._engine.sweep()

    def watcher(self) -> Watcher:
        return self._engine.watcher()


def serve_counting(connection: Connection) -> None:
    """Tells the URL; once told to end, how many calls there were, and how many at most at once."""

    async def run() -> None:
        engine = LocalEngine(":memory:", all_tables(), receipts=True)
        counting = CountingEngine(engine)
        async with LocalServer(counting, admin_key=KEY) as server:
            connection.send(server.url)
            await asyncio.to_thread(connection.recv)
        await engine.aclose()
        connection.send((counting.calls, counting.most_in_flight))

    asyncio.run(run())


def load(url: str, tasks: int, rounds: int, connection: Connection) -> None:
    """Many tasks on one store, each of which makes four calls in each round: tells the seconds that each call took,
    those that all took, and the resident memory in bytes after each round.
    """

    async def run() -> None:
        durations: list[float] = []
        memory: list[int] = []
        async with remote_store(url, None, timeout=3_600) as store:
            await asyncio.gather(*(store.memory.save_thread(thread(f"t{n}")) for n in range(100)))

            async def work(n: int, rng: random.Random) -> None:
                for _ in range(4):
                    started = time.perf_counter()
                    chosen = f"t{rng.randrange(100)}"
                    match rng.randrange(4):
                        case 0:
                            await store.memory.save_messages([message(rng.randrange(1_000), thread_id=chosen)])
                        case 1:
                            await store.memory.update_thread(chosen, title=f"by {n}", metadata={"n": n})
                        case 2:
                            assert await store.memory.get_thread_by_id(chosen) is not None
                        case _:
                            await store.memory.list_messages(chosen, per_page=10)
                    durations.append(time.perf_counter() - started)

            began = time.perf_counter()
            dice = [random.Random(n) for n in range(tasks)]
            for _ in range(rounds):
                await asyncio.gather(*map(work, range(tasks), dice))
                memory.append(resident())
            connection.send((durations, time.perf_counter() - began, memory))

    asyncio.run(run())


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def append_to_memory(memory: MemoryStore, name: str, count: int) -> None:
    """Appends that many words to the working memory of one resource, all at once."""

    async def append(n: int) -> None:
        def appended(resource: Resource) -> ResourceUpdate:
            counted = {**resource.metadata, "count": resource.metadata.get("count", 0) + 1}
            return ResourceUpdate(working_memory=f"{resource.working_memory or ''}{name}-{n} ", metadata=counted)

        await memory.update_resource("shared", update=appended)

    await asyncio.gather(*map(append, range(count)))


def append_to_file(path: Path, name: str, count: int, connection: Connection) -> None:
    async def work() -> None:
        async with ConvexStore.local(path) as store:
            await append_to_memory(store.memory, name, count)

    asyncio.run(work())
    connection.send(None)


def claim_and_work(path: Path, owner: str, lease: float, connection: Connection) -> None:
    """Claims the run for some seconds, tells the claim, and writes under it until it is killed or refused."""

    async def work() -> None:
        async with ConvexStore.local(path) as store:
            claim = await store.workflows.claim_run("w", run_id="r1", owner=owner, lease=timedelta(seconds=lease))
            connection.send(claim)
            for n in count():
                await store.workflows.update_workflow_results(
                    "w", run_id="r1", step_id=f"{owner}-{n}", result={"n": n}, claim=claim, return_context=False
                )

    asyncio.run(work())
