"""Nothing is lost when a program ends: it runs in a process of its own, and what it stored is read afterwards."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from mastra_convex.testing.convex_host import KEY
from tests.backends import Backend, open_backend
from tests.cli.commands import environment
from tests.effort import some
from tests.tracing.traced import spans_in

ENDS = {"normally": 0, "exception": 1, "sigterm": 128 + signal.SIGTERM, "fork": 0}
CASES = [(backend, how, 10_000) for backend in ("sqlite", "server") for how in ENDS]
DEFAULT = [("sqlite", "normally", 200), ("sqlite", "sigterm", 200), ("sqlite", "fork", 200)]
DEFAULT += [("server", "exception", 200), ("server", "sigterm", 200)]


async def _end(backend: Backend, tmp_path: Path, count: int, how: str) -> int | None:
    """Runs the program to its end; the exit code."""
    target: object = str(tmp_path / "store.db")
    if backend.name == "server":
        target = {"deployment_url": backend.store()._engine.database["server.address"], "admin_auth_token": KEY}
    command = [sys.executable, "-m", "tests.tracing.program", json.dumps(target), str(count), how]
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stderr=asyncio.subprocess.PIPE)
    _, problem = await process.communicate()
    assert b"not stored" not in problem, problem.decode()
    return process.returncode


@pytest.mark.parametrize(("name", "how", "count"), some([*DEFAULT, *CASES], DEFAULT))
async def test_all_spans_are_stored(name: str, how: str, count: int, tmp_path: Path) -> None:
    async with open_backend(name, tmp_path) as backend:
        assert await _end(backend, tmp_path, count, how) == ENDS[how]
        spans = await spans_in(backend.store())
    assert len(spans) == len({span.span_id for span in spans}) == count
