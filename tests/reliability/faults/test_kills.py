"""Processes that are killed while they write: what was acknowledged is there, and nothing is half."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mastra_convex import ConflictError, ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.transport import Transport
from tests.backends import all_tables
from tests.effort import effort, some
from tests.reliability.faults.conftest import remote_config
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import (
    batches,
    claim_and_work,
    serve_until_killed,
    write_batches,
    write_until_killed,
)
from tests.summary import Figure

CLAIMS = pytest.mark.parametrize("kills", some([3, effort(20, 100)], [3]))
HOUR = timedelta(hours=1)
KILLS = pytest.mark.parametrize("kills", some([8, effort(50, 500)], [8]))
TASKS = 3
"""That write at once: so many writes may be there that were not acknowledged."""


async def found(path: Path, name: str) -> tuple[set[int], set[int], int]:
    """What is in the file: see `batches`."""
    engine = LocalEngine(path, all_tables())
    found = await batches(engine, name)
    await engine.aclose()
    return found


def sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as file:
        return file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@KILLS
def test_a_writer_is_killed_again_and_again(tmp_path: Path, kills: int, figure: Figure) -> None:
    path = tmp_path / "file.db"
    rng = random.Random(1)
    acknowledged = 0

    for n in range(kills):
        with child(write_until_killed, path, f"w{n}", TASKS) as writer:
            told = [writer.told() for _ in range(rng.randrange(30))]
            time.sleep(rng.uniform(0, 0.005 if told else 0.1))  # a random point in a write, or while it opens the file
            writer.kill()
            told += writer.all_told()
        whole, half, counted = asyncio.run(found(path, f"w{n}"))
        assert set(told) <= whole
        assert not half
        assert counted == len(whole) <= len(told) + TASKS
        acknowledged += len(told)
    assert acknowledged > kills
    assert sound(path)
    assert os.listdir(tmp_path) == ["file.db"]
    figure("kills of a process that writes a file", f"{kills}, {acknowledged} acknowledged commits, none lost")


@KILLS
async def test_a_server_is_killed_again_and_again(tmp_path: Path, port: int, kills: int, figure: Figure) -> None:
    """Its clients notice nothing but the time that it takes: each commit is done, and done once."""
    path = tmp_path / "file.db"
    rng = random.Random(2)
    patient = RetryPolicy(attempts=1_000_000, base=1e-3, cap=0.02)
    engine = RemoteEngine(Transport(remote_config(f"http://127.0.0.1:{port}", retry=patient)), all_tables())
    acknowledged: list[int] = []
    progress = asyncio.Event()

    def acknowledge(n: int) -> None:
        acknowledged.append(n)
        progress.set()

    async def until(count: int) -> None:
        while len(acknowledged) < count:
            assert not writing.done()
            progress.clear()
            await progress.wait()

    writing = asyncio.create_task(write_batches(engine, "w", TASKS, acknowledge))
    writing.add_done_callback(lambda _: progress.set())
    for _ in range(kills):
        with child(serve_until_killed, path, port) as server:
            await until(len(acknowledged) + rng.randrange(1, 10))
            await asyncio.sleep(rng.uniform(0, 0.005))
            server.kill()
    with child(serve_until_killed, path, port):
        await until(len(acknowledged) + 10)
        writing.cancel()
        await asyncio.wait([writing])
        await engine.aclose()
    whole, half, counted = await found(path, "w")
    assert set(acknowledged) <= whole
    assert len(set(acknowledged)) == len(acknowledged)
    assert not half
    assert counted == len(whole) <= len(acknowledged) + TASKS
    assert sound(path)
    figure("kills of a local server", f"{kills}, {len(acknowledged)} acknowledged commits, each done once")


@CLAIMS
async def test_a_run_whose_process_is_killed_is_taken_over_by_one(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "file.db"
    async with ConvexStore.local(path) as store:
        snapshot = {"status": "running", "context": {}}
        await store.workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=snapshot)
        for n in range(kills):
            with child(claim_and_work, path, f"dead-{n}", 0.05) as worker:
                dead = worker.told()
                worker.kill()
            assert dead is not None
            while datetime.now(UTC) <= dead.expires_at:
                await store.workflows.list_expired_claims()
            assert await store.workflows.list_expired_claims() == [dead]
            rescuers = [
                store.workflows.claim_run("w", run_id="r1", owner=f"r{i}", lease=HOUR, expected_status="running")
                for i in range(10)
            ]
            [won] = [claim for claim in await asyncio.gather(*rescuers) if claim is not None]
            assert won.fence == dead.fence + 1
            with pytest.raises(ConflictError, match="taken the run over"):
                await store.workflows.update_workflow_state("w", run_id="r1", status="failed", claim=dead)
            assert await store.workflows.release_claim(won)
        state = await store.workflows.load_workflow_snapshot("w", run_id="r1")
        assert state is not None
        assert state["status"] == "running"
