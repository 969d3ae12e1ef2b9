"""Several processes on one file, and one that dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from mastra_convex.local.engine import LocalEngine
from tests.local.tables import NOTES, counted

ROOT = Path(__file__).parent.parent.parent


async def start(path: Path, count: str) -> Process:
    command = [sys.executable, str(Path(__file__).parent / "worker.py"), str(path), count]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "domains")])}
    return await anyio.open_process(command, cwd=ROOT, env=environment, stderr=None)


@pytest.mark.long
async def test_processes_share_a_file_from_its_creation_on(tmp_path: Path) -> None:
    """Each opens, and thereby makes, the same new file; no update is lost and no lock is ever seen."""
    path = tmp_path / "shared.db"
    workers = [await start(path, "60") for _ in range(4)]
    engine = LocalEngine(path, [NOTES])
    for worker in workers:
        async with worker:
            assert await worker.wait() == 0
    assert await counted(engine) == 240
    await engine.aclose()


async def test_a_commit_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    async with await start(path, "forever") as worker:
        assert worker.stdout is not None
        said = ""
        async for text in TextReceiveStream(worker.stdout):
            said += text
            if said.count("\n") >= 100:
                break
        worker.send_signal(signal.SIGKILL)
        said += "".join([text async for text in TextReceiveStream(worker.stdout)])
    answered = int(said[: said.rindex("\n")].splitlines()[-1])
    engine = LocalEngine(path, [NOTES])
    assert await counted(engine) in (answered, answered + 1)
    await engine.aclose()
