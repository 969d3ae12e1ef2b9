"""Nothing is lost when a program ends: it runs in a process of its own, and what it stored is read afterwards."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables
from mastra_convex.server import LocalServer
from tests.backends import KEY
from tests.cli.commands import environment
from tests.effort import some
from tests.tracing.traced import spans_in

ENDS = {"normally": 0, "exception": 1, "sigterm": 128 + signal.SIGTERM, "fork": 0}


def cases(*hows: str, long: Iterable[str]) -> pytest.MarkDecorator:
    """Some ends with few spans by default, and some with many in the long tests."""
    few, many = [((how, 100),) for how in hows], [((how, 10_000),) for how in long]
    return pytest.mark.parametrize("case", some([*few, *many], few), ids=lambda case: f"{case[0]}-{case[1]}")


async def end(target: Any, count: int, how: str) -> int | None:
    """Runs the program to its end; the exit code."""
    command = [sys.executable, "-m", "tests.tracing.program", json.dumps(target), str(count), how]
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stderr=asyncio.subprocess.PIPE)
    _, problem = await process.communicate()
    assert b"not stored" not in problem, problem.decode()
    return process.returncode


async def check(store: ConvexStore, count: int) -> None:
    async with store:
        spans = await spans_in(store)
    assert len(spans) == len({span.span_id for span in spans}) == count
    assert all(span.ended_at is not None for span in spans)


@cases("normally", "sigterm", "fork", long=ENDS)
async def test_a_file_has_all_spans(case: tuple[str, int], tmp_path: Path) -> None:
    how, count = case
    path = tmp_path / "agent.db"
    assert await end(str(path), count, how) == ENDS[how]
    await check(ConvexStore.local(path), count)


@cases("exception", "sigterm", long=["exception"])
async def test_a_server_has_all_spans(case: tuple[str, int]) -> None:
    how, count = case
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        settings: dict[str, Any] = {"deployment_url": server.url, "admin_auth_token": KEY}
        assert await end(settings, count, how) == ENDS[how]
        await check(ConvexStore(id="test", **settings), count)
    await engine.aclose()
