"""When an engine sweeps a deployment, and that nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
)
from mastra_convex.errors import UnavailableError
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.transport import Transport
from tests.remote.conftest import MakeTransport, config_for
from tests.remote.programmable import (
    Answer,
    Held,
    ProgrammableServer,
    function_error,
    success,
    system_error,
)

READ, HANDLE, SWEEP = "mastra/storage:read", "mastra/storage:handle", "mastra/storage:sweep"


@pytest.fixture
async def engine(server: ProgrammableServer, transport: Transport) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(transport, [])
    yield engine
    await engine.aclose()


def committed(**result: Any) -> Answer:
    return success({"protocol": PROTOCOL, "result": {"status": "done", "outcomes": [], "returned": [], **result}})


def swept(deleted: int, done: bool) -> Answer:
    return success({"protocol": PROTOCOL, "deleted": float(deleted), "done": done})


def sweeps(server: ProgrammableServer) -> int:
    return sum(seen.json["path"] == SWEEP for seen in server.seen)


def sweepers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "mastra_convex sweep"]


async def sweepers_done() -> None:
    for task in sweepers():
        await asyncio.wait([task])


@pytest.fixture
def sweeping(server: ProgrammableServer) -> ProgrammableServer:
    server.by_function = {HANDLE: committed(), SWEEP: swept(1000, False)}
    return server


async def test_a_young_engine_does_not_sweep(sweeping: ProgrammableServer, engine: RemoteEngine) -> None:
    for number in range(20):
        await engine.commit(Commit(id=str(number)))
    await engine.aclose()
    assert sweeps(sweeping) == 0


async def test_a_busy_engine_sweeps_once_until_done(
    sweeping: ProgrammableServer, make_transport: MakeTransport
) -> None:
    engine = RemoteEngine(make_transport(), [], first_sweep_commits=3)
    await engine.commit(Commit(id="1"))
    await engine.commit(Commit(id="2"))
    last = Held(swept(7, True))
    await asyncio.sleep(0)
    assert sweeps(sweeping) == 0
    sweeping.by_function[SWEEP] = last
    await engine.commit(Commit(id="3"))
    await sweeping.arrived(4)
    for number in range(4, 10):
        await engine.commit(Commit(id=str(number)))
    last.release.set()
    await sweeping.idle()
    await engine.commit(Commit(id="10"))
    await engine.aclose()
    assert sweeps(sweeping) == 1
    assert next(seen for seen in sweeping.seen if seen.json["path"] == SWEEP).json["args"] == {"protocol": PROTOCOL}


async def test_a_sweep_goes_on_until_done(sweeping: ProgrammableServer, make_transport: MakeTransport) -> None:
    engine = RemoteEngine(make_transport(), [], first_sweep_commits=1)
    sweeping.queue(committed(), swept(1000, False), swept(1000, False), swept(3, True))
    await engine.commit(Commit(id="1"))
    await sweeping.arrived(4)
    await sweeping.idle()
    await engine.aclose()
    assert sweeps(sweeping) == 3


async def test_an_engine_of_some_age_sweeps_and_again_after_an_hour(
    sweeping: ProgrammableServer, make_transport: MakeTransport
) -> None:
    sweeping.by_function[SWEEP] = swept(0, True)
    engine = RemoteEngine(make_transport(), [], first_sweep_after=0.0, sweep_every=0.0)
    for number in range(1, 4):
        await engine.commit(Commit(id=str(number)))
        await sweeping.arrived(2 * number)
        await sweeping.idle()
        await sweepers_done()
    await engine.aclose()
    assert sweeps(sweeping) == 3


async def test_a_sweep_neither_delays_nor_fails_commits(
    sweeping: ProgrammableServer, make_transport: MakeTransport, caplog: pytest.LogCaptureFixture
) -> None:
    engine = RemoteEngine(make_transport(max_in_flight=1), [], first_sweep_commits=1)
    held = Held(function_error("Uncaught Error: out of order"))
    sweeping.by_function[SWEEP] = held
    await engine.commit(Commit(id="1"))
    await sweeping.arrived(2)
    await engine.commit(Commit(id="2"))  # the only slot is free
    held.release.set()
    await sweeping.idle()
    await sweepers_done()
    await engine.commit(Commit(id="3"))
    await engine.aclose()
    assert "out of order" in caplog.text


async def test_closing_ends_a_sweep(sweeping: ProgrammableServer, make_transport: MakeTransport) -> None:
    engine = RemoteEngine(make_transport(), [], first_sweep_commits=1)
    held = Held(swept(0, True))
    sweeping.by_function[SWEEP] = held
    await engine.commit(Commit(id="1"))
    await sweeping.arrived(2)
    await engine.aclose()
    assert not sweepers()
    held.release.set()


async def test_failed_commits_do_not_sweep(server: ProgrammableServer) -> None:
    engine = RemoteEngine(Transport(config_for(server.url)), [], first_sweep_commits=1)
    server.usual = system_error(503, "WorkerOverloaded", seconds=10)
    with pytest.raises(UnavailableError):
        await engine.commit(Commit(id="1"))
    await engine.aclose()
    assert sweeps(server) == 0
