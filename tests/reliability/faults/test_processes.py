"""Several processes that work on one file for some time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from mastra_convex.engine.protocol import Put, Scan
from mastra_convex.local.engine import LocalEngine
from tests.backends import all_tables
from tests.effort import effort, some
from tests.engine.rows import MESSAGES, THREADS, commit, everything, one
from tests.reliability.faults.operations import key, row
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import append_to_file, share_file
from tests.summary import Figure

PROCESSES = 4
TASKS = 5
ROUNDS = pytest.mark.parametrize("rounds", some([100, effort(700, 4_000)], [100]))


@ROUNDS
async def test_nothing_is_lost_and_no_lock_is_seen(tmp_path: Path, rounds: int, figure: Figure) -> None:
    path = tmp_path / "file.db"
    engine = LocalEngine(path, all_tables())
    await commit(engine, Put(table=THREADS, rows=[row("shared", "counter")]))
    await engine.aclose()
    began = time.perf_counter()
    with ExitStack() as stack:
        workers = [stack.enter_context(child(share_file, path, f"p{n}", TASKS, rounds)) for n in range(PROCESSES)]
        for worker in workers:
            worker.told()
    seconds = time.perf_counter() - began
    engine = LocalEngine(path, all_tables())
    counter = await one(engine, THREADS, key("shared", "counter"))
    rows = await everything(engine, Scan(table=MESSAGES, index="by_thread"))
    await engine.aclose()
    assert counter["metadata"]["n"] == PROCESSES * TASKS * rounds
    assert len(rows) == PROCESSES * TASKS
    figure(f"commits of {PROCESSES} processes on one file in {seconds:.1f} s", 2 * PROCESSES * TASKS * rounds)


async def test_texts_that_processes_append_to_working_memory_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    each = 25
    with ExitStack() as stack:
        for worker in [stack.enter_context(child(append_to_file, path, f"p{n}", each)) for n in range(PROCESSES)]:
            worker.told()
    async with ConvexStore.local(path) as store:
        resource = await store.memory.get_resource_by_id("shared")
    assert resource is not None
    assert resource.metadata == {"count": PROCESSES * each}
    wanted = {f"p{n}-{i}" for n in range(PROCESSES) for i in range(each)}
    assert sorted((resource.working_memory or "").split()) == sorted(wanted)
