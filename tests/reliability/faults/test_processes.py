"""Several processes that work on one file for some time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from mastra_convex.engine.protocol import Put, Scan
from mastra_convex.local.engine import LocalEngine
from tests.backends import all_tables
from tests.effort import effort
from tests.engine.rows import MESSAGES, THREADS, commit, everything, one
from tests.figures import figure
from tests.reliability.faults.operations import key, row
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import share_file

PROCESSES = 4
SECONDS = effort(10, 60)


async def test_nothing_is_lost_and_no_lock_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    engine = LocalEngine(path, all_tables())
    await commit(engine, Put(table=THREADS, rows=[row("shared", "counter")]))
    await engine.aclose()
    with ExitStack() as stack:
        workers = [stack.enter_context(child(share_file, path, f"p{n}", SECONDS)) for n in range(PROCESSES)]
        told = [worker.told() for worker in workers]
    rounds, tasks = (sum(numbers) for numbers in zip(*told, strict=True))
    engine = LocalEngine(path, all_tables())
    counter = await one(engine, THREADS, key("shared", "counter"))
    rows = await everything(engine, Scan(table=MESSAGES, index="by_thread"))
    await engine.aclose()
    assert counter["metadata"]["n"] == rounds
    assert len(rows) == tasks
    figure(f"commits of {PROCESSES} processes on one file in {SECONDS} s", 2 * rounds)
