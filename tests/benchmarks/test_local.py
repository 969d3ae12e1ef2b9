"""The local engine beside `@mastra/libsql` on a local file, the same operations, round by round in turn.

    npm ci --prefix tests/benchmarks && pytest tests/benchmarks --override-ini addopts=--import-mode=importlib

Each side is timed in its own process. The table at the end gives medians of a round and their ratio.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import MemoryStore, Message
from tests.data import message, thread

LOREM = "lorem ipsum dolor sit amet " * 40
ROUNDS = 30
WORKLOADS = ("save_1", "save_100", "last_20_of_2000", "update_metadata", "eight_writers")


def kilobytes(thread_id: str, first: int, count: int) -> list[Message]:
    return [message(n, thread_id=thread_id, text=f"{n} {LOREM}"[:1000]) for n in range(first, first + count)]


class Ours:
    """The workloads on the local engine; `libsql.mjs` has the same."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory

    async def prepare(self) -> None:
        for id in ("one", "hundred", "big", "meta", "many"):
            await self._memory.save_thread(thread(id))
        await self._memory.save_messages(kilobytes("big", 0, 2000))

    async def save_1(self, round: int) -> None:
        for n in range(20):
            await self._memory.save_messages(kilobytes("one", round * 20 + n, 1))

    async def save_100(self, round: int) -> None:
        await self._memory.save_messages(kilobytes("hundred", round * 100, 100))

    async def last_20_of_2000(self, _: int) -> None:
        for _ in range(20):
            page = await self._memory.list_messages("big", per_page=20, order_by="-created_at")
            assert page.total == 2000

    async def update_metadata(self, round: int) -> None:
        for n in range(20):
            await self._memory.update_thread("meta", title="A talk", metadata={"n": n, "round": round})

    async def eight_writers(self, round: int) -> None:
        async def write(writer: int) -> None:
            for n in range(5):
                await self._memory.save_messages(kilobytes("many", (round * 8 + writer) * 5 + n, 1))

        await asyncio.gather(*map(write, range(8)))


@pytest.fixture(scope="module")
def libsql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, int], float]]:
    file = tmp_path_factory.mktemp("libsql") / "store.db"
    command = ["node", str(Path(__file__).parent / "libsql.mjs"), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(workload: str, round: int) -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"workload": workload, "round": round}) + "\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        yield run
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, int], None]]:
    with asyncio.Runner() as runner:
        store = ConvexStore.local(tmp_path_factory.mktemp("ours") / "store.db")
        workloads = Ours(store.memory)
        runner.run(workloads.prepare())

        def run(workload: str, round: int) -> None:
            method: Callable[[int], Awaitable[None]] = getattr(workloads, workload)
            runner.run(_awaited(method(round)))

        yield run
        runner.run(store.aclose())


async def _awaited(work: Awaitable[None]) -> None:
    await work


@pytest.mark.parametrize("workload", WORKLOADS)
def test_beside_libsql(
    benchmark: Any, libsql: Callable[[str, int], float], ours: Callable[[str, int], None], workload: str
) -> None:
    theirs: list[float] = []

    def their_round() -> tuple[tuple[str, int], dict[str, Any]]:
        round = len(theirs)
        theirs.append(libsql(workload, round))
        return (workload, round), {}

    benchmark.pedantic(ours, setup=their_round, rounds=ROUNDS, warmup_rounds=2)
    benchmark.extra_info["beside"] = {"@mastra/libsql": median(theirs)}
