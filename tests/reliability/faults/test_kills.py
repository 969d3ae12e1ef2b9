"""Processes that are killed while they write: what was acknowledged is there, and nothing is half."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.transport import Transport
from tests.backends import all_tables
from tests.effort import effort
from tests.figures import figure
from tests.reliability.faults.conftest import remote_config
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import batches, serve_until_killed, write_batches, write_until_killed

KILLS = effort(50, 500)
SERVER_KILLS = effort(50, 500)
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


def spare_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.timeout(effort(300, 3_600))
def test_a_writer_is_killed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    rng = random.Random(1)
    acknowledged = 0

    for n in range(KILLS):
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
    assert acknowledged > KILLS
    assert sound(path)
    assert os.listdir(tmp_path) == ["file.db"]
    figure("kills of a process that writes a file", f"{KILLS}, {acknowledged} acknowledged commits, none lost")


@pytest.mark.timeout(effort(300, 3_600))
async def test_a_server_is_killed_again_and_again(tmp_path: Path) -> None:
    """Its clients notice nothing but the time that it takes: each commit is done, and done once."""
    path, port = tmp_path / "file.db", spare_port()
    rng = random.Random(2)
    patient = RetryPolicy(attempts=1_000_000, base=1e-3, cap=0.02)
    engine = RemoteEngine(
        Transport(remote_config(f"http://127.0.0.1:{port}", retry=patient, timeout=60.0)), all_tables()
    )
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
    for _ in range(SERVER_KILLS):
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
    figure("kills of a local server", f"{SERVER_KILLS}, {len(acknowledged)} acknowledged commits, each done once")
