"""What `mastra_convex.operations` says, at which level, and that nothing is printed unasked."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mastra_convex import ConvexStore, ServerError, ValidationError, telemetry
from mastra_convex.engine.protocol import PROTOCOL
from tests.backends import remote_store
from tests.remote.conftest import FAST
from tests.remote.programmable import Lost, ProgrammableServer, programmable_server, success, system_error

FOUND = success({"protocol": PROTOCOL, "results": [{"rows": [None]}]})

UNREACHABLE = """
import asyncio
from mastra_convex import ConvexStore, MastraConvexError, RetryPolicy

async def main():
    retry = RetryPolicy(attempts=2, base=0)
    async with ConvexStore(id="x", deployment_url="http://127.0.0.1:1", admin_auth_token="k", retry=retry) as store:
        try:
            await store.memory.list_threads()
        except MastraConvexError as error:
            print(error.details["attempts"])

asyncio.run(main())
"""


@pytest.fixture
async def server() -> AsyncIterator[ProgrammableServer]:
    async with programmable_server() as server:
        yield server


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == logger]


async def test_an_operation_tells_its_outcome_requests_and_retries(
    server: ProgrammableServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mastra_convex")
    server.queue(system_error(503, "WorkerOverloaded"), Lost())
    server.usual = FOUND
    async with remote_store(server.url, None, retry=FAST) as store:
        await store.memory.get_thread_by_id("t1")
    [(level, line)] = lines(caplog, "mastra_convex.operations")
    assert level == "DEBUG"
    assert line.startswith("memory.get_thread_by_id: done after ")
    assert line.endswith(" ms, 3 requests (2 repeated)")
    retries = [line for level, line in lines(caplog, "mastra_convex.http") if level == "WARNING"]
    assert [line.split(", again in")[0] for line in retries] == [
        "mastra/storage:read: attempt 1 failed (status 503 WorkerOverloaded)",
        "mastra/storage:read: attempt 2 failed (ServerDisconnectedError)",
    ]


async def test_what_the_deployment_fails_is_a_warning(
    server: ProgrammableServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.usual = system_error(500, "InternalServerError")
    async with remote_store(server.url, None, retry=FAST) as store:
        with pytest.raises(ServerError) as caught:
            await store.memory.get_thread_by_id("t1")
    [(level, line)] = lines(caplog, "mastra_convex.operations")
    assert level == "WARNING"
    assert line.startswith(f"memory.get_thread_by_id: ServerError {caught.value.id} after ")
    assert line.endswith(" ms, 5 requests (4 repeated)")


@pytest.mark.parametrize(("slow", "level"), [(float("inf"), "DEBUG"), (0.0, "INFO")])
async def test_slow_operations_are_information_and_wrong_calls_are_not(
    slow: float, level: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mastra_convex")
    monkeypatch.setattr(telemetry, "SLOW", slow)
    async with ConvexStore.local(":memory:") as store:
        await store.memory.list_threads()
        with pytest.raises(ValidationError):
            await store.memory.list_threads(page=-1)
        _ = [thread async for thread in store.memory.iter_threads()]
    told = lines(caplog, "mastra_convex.operations")
    assert [found for found, _ in told] == [level] * 3
    assert [line.split(" after ")[0] for _, line in told] == [
        "memory.list_threads: done",
        "memory.list_threads: ValidationError MASTRA_STORAGE_CONVEX_LIST_THREADS_INVALID_PAGE",
        "memory.iter_threads: done",
    ]


def test_the_guide_names_every_logger() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide.md").read_text(encoding="utf-8")
    loggers = {name for name in logging.root.manager.loggerDict if name.startswith("mastra_convex.")}
    assert loggers >= {"mastra_convex.http", "mastra_convex.operations", "mastra_convex.server"}
    assert [name for name in sorted(loggers) if f"| `{name}` |" not in guide] == []


def test_nothing_is_printed_unless_the_program_wants_it() -> None:
    done = subprocess.run([sys.executable, "-c", UNREACHABLE], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("2\n", "")
