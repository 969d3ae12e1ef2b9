"""One transport and several event loops."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from mastra_convex.errors import ClosedError
from mastra_convex.remote.transport import Transport
from tests.remote.conftest import config_for
from tests.remote.programmable import Held, ProgrammableServer, success

READ = "mastra/storage:read"
ROOT = Path(__file__).parents[2]
T = TypeVar("T")


async def in_own_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` in an event loop of its own, as `asyncio.run` of a plain program does."""
    return await asyncio.to_thread(lambda: asyncio.run(main()))


async def test_a_second_loop_gets_a_session_of_its_own(server: ProgrammableServer) -> None:
    transport = Transport(config_for(server.url))

    async def call() -> Any:
        return await transport.call("query", READ, {})

    server.usual = success(1)
    assert [await in_own_loop(call), await in_own_loop(call), await call()] == [1, 1, 1]
    assert len(server.connections) == 3
    await transport.aclose()
    for run in (in_own_loop(call), call()):
        with pytest.raises(ClosedError):
            await run


async def test_loops_of_several_threads_at_once(server: ProgrammableServer) -> None:
    transport = Transport(config_for(server.url, max_in_flight=2))

    async def calls() -> list[Any]:
        return await asyncio.gather(*(transport.call("query", READ, {}) for _ in range(10)))

    await asyncio.gather(in_own_loop(calls), in_own_loop(calls), calls())
    assert len(server.seen) == 30
    await transport.aclose()


async def test_closing_ends_calls_of_a_loop_in_another_thread(server: ProgrammableServer) -> None:
    transport = Transport(config_for(server.url))
    server.usual = held = Held(success())
    ended = threading.Event()

    async def call() -> None:
        with pytest.raises(ClosedError):
            await transport.call("query", READ, {})
        ended.set()

    run: Awaitable[None] = asyncio.create_task(in_own_loop(call))
    await server.arrived(1)
    await transport.aclose()
    await run
    assert ended.is_set()
    held.release.set()


async def test_a_session_of_another_loop_is_refused(server: ProgrammableServer) -> None:
    async with aiohttp.ClientSession() as session:
        transport = Transport(config_for(server.url), session)

        async def call() -> None:
            with pytest.raises(ClosedError, match="another event loop"):
                await transport.call("query", READ, {})

        await in_own_loop(call)
        await transport.call("query", READ, {})
        await in_own_loop(call)
        await transport.aclose()


PROGRAM = """
    import asyncio, gc, sys
    from mastra_convex.remote.config import RemoteConfig
    from mastra_convex.remote.secret import Secret
    from mastra_convex.remote.transport import Transport

    transport = Transport(RemoteConfig(deployment_url=sys.argv[1], admin_auth_token=Secret("k")))

    async def main():
        await asyncio.gather(*(transport.call("query", "m:f", {}) for _ in range(4)))
        hanging = asyncio.create_task(transport.call("query", "m:f", {}))
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    asyncio.run(main())
    if sys.argv[2] == "close":
        asyncio.run(transport.aclose())
    del transport, main
    gc.collect()
"""


@pytest.mark.parametrize("ending", ["close", "forget"])
async def test_a_program_that_runs_two_loops_is_left_without_warnings(server: ProgrammableServer, ending: str) -> None:
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(PROGRAM), server.url, ending],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'domains'}"},
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
