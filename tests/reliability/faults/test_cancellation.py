"""Calls that are cancelled at every one of their awaits: nothing half written, no slot, connection or task kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from mastra_convex import CompositeStore, ConvexStore
from mastra_convex.errors import ClosedError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.transport import Transport
from mastra_convex.rows.values import Row
from tests.backends import all_tables, remote_store
from tests.data import messages, thread
from tests.reliability.faults.conftest import Remote, remote_config
from tests.reliability.faults.faults import lose_answer, refused, throttle
from tests.reliability.faults.operations import (
    OPERATIONS,
    WRITES,
    Operation,
    expected,
    perform,
    receipts,
    seed,
    space,
    state,
)
from tests.reliability.faults.proxy import Fault, proxy_to
from tests.reliability.faults.steps import Cancel, by_scope, by_task

CANCELS = pytest.mark.parametrize("cancel", [by_task, by_scope], ids=["task", "scope"])
SOME = [operation for operation in OPERATIONS if operation.name in ("get", "search", "put", "patchRange")]
OFTEN = 100
"""More awaits than any of these calls has."""


@pytest.fixture(params=["memory", "sqlite"])
async def local(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(":memory:" if request.param == "memory" else tmp_path / "file.db", all_tables())
    yield engine
    await engine.aclose()
    assert set(os.listdir(tmp_path)) <= {"file.db"}  # SQLite's other files go with the last connection


@CANCELS
@pytest.mark.parametrize("operation", SOME, ids=str)
async def test_a_local_call_is_cancelled(local: LocalEngine, operation: Operation, cancel: Cancel) -> None:
    """It is done whole or not at all, and nothing happens after its caller was told."""
    told: dict[str, list[Row]] = {}
    for step in count(1):
        assert step < OFTEN
        name = space()
        _, before, after = await expected(operation, name)
        await seed(local, name)
        request = await operation.make(local, name)
        cancelled = await cancel(perform(local, request), step)
        told[name] = await state(local, name)
        assert told[name] in (before, after)
        if not cancelled:
            break
    assert step > 1
    assert told[name] == after
    assert {name: await state(local, name) for name in told} == told


def tasks_of_clients() -> set[asyncio.Task[object]]:
    servers = ("Proxy.serve", "RequestHandler.start")
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") not in servers}


@CANCELS
@pytest.mark.parametrize("operation", SOME, ids=str)
@pytest.mark.parametrize(
    ("faults", "awaits"),
    [([], 1), ([throttle], 4), ([refused(429), lose_answer], 5)],
    ids=["undisturbed", "throttled", "repeated"],
)
async def test_a_remote_call_is_cancelled(
    remote: Remote, operation: Operation, faults: list[Fault], awaits: int, cancel: Cancel
) -> None:
    """It may have happened or not; a repeat has its answer and no other effect. The only slot is free again each time,
    and in the end no connection is left and no task.
    """
    tasks = tasks_of_clients()
    async with remote.proxied(max_in_flight=1) as (engine, proxy):
        for step in count(1):
            assert step < OFTEN
            name = space()
            answer, before, after = await expected(operation, name)
            await seed(remote.direct, name)
            request = await operation.make(remote.direct, name)
            proxy.queue(*faults)
            cancelled = await cancel(perform(engine, request), step)
            assert await state(remote.direct, name) in (before, after)
            proxy.queue()
            assert await perform(engine, request) == answer
            assert await state(remote.direct, name) == after
            assert await receipts(remote.direct, request) == (operation in WRITES)
            if not cancelled:
                break
        assert step > awaits
    assert tasks_of_clients() == tasks


Open = Callable[[], AbstractAsyncContextManager[ConvexStore]]


async def clone_at_every_await(open_store: Open, direct: ConvexStore, cancel: Cancel) -> None:
    """A call of several steps, each time on a new store: connecting and opening are cancelled, too."""
    name = space()
    await direct.memory.save_thread(thread(name))
    await direct.memory.save_messages(messages(5, thread_id=name))
    for step in count(1):
        assert step < OFTEN
        copy = f"{name}-{step}"
        async with open_store() as store:
            cancelled = await cancel(store.memory.clone_thread(name, new_thread_id=copy), step)
        cloned = await direct.memory.get_thread_by_id(copy)
        page = await direct.memory.list_messages(copy, per_page=False)
        assert len(page.messages) == (5 if cloned is not None else 0)
        if not cancelled:
            assert cloned is not None
            break
    assert step > 2


@CANCELS
async def test_a_clone_on_a_new_local_store_is_cancelled(tmp_path: Path, cancel: Cancel) -> None:
    async with ConvexStore.local(tmp_path / "file.db") as direct:
        await clone_at_every_await(lambda: ConvexStore.local(tmp_path / "file.db"), direct, cancel)
    assert os.listdir(tmp_path) == ["file.db"]


@CANCELS
async def test_a_clone_on_a_new_remote_store_is_cancelled(remote: Remote, cancel: Cancel) -> None:
    async with proxy_to(remote.url) as proxy:

        @asynccontextmanager
        async def opened() -> AsyncIterator[ConvexStore]:
            async with remote_store(proxy.url, None) as store:
                yield store
            await proxy.left()  # what was on its way has arrived

        await clone_at_every_await(opened, remote.backend.store(), cancel)


@CANCELS
async def test_opening_a_file_is_cancelled(tmp_path: Path, cancel: Cancel) -> None:
    for step in count(1):
        path = tmp_path / f"{step}.db"
        async with ConvexStore.local(path) as store:
            cancelled = await cancel(store.init(), step)
            await store.memory.save_thread(thread("t"))
        async with ConvexStore.local(path) as store:
            assert await store.memory.get_thread_by_id("t") is not None
        if not cancelled:
            break
    assert sorted(os.listdir(tmp_path)) == sorted(f"{n}.db" for n in range(1, step + 1))


@CANCELS
async def test_closing_a_local_engine_is_cancelled(tmp_path: Path, cancel: Cancel) -> None:
    for step in count(1):
        engine = LocalEngine(tmp_path / "file.db", all_tables())
        await seed(engine, space())
        cancelled = await cancel(engine.aclose(), step)
        with pytest.raises(ClosedError):
            await state(engine, "")
        await engine.aclose()
        assert os.listdir(tmp_path) == ["file.db"]
        if not cancelled:
            break
    assert step > 1


@CANCELS
async def test_closing_a_composite_is_cancelled(tmp_path: Path, cancel: Cancel) -> None:
    """A repeat closes what is left."""
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for step in count(1):
        first, second = (ConvexStore.local(path) for path in paths)
        store = CompositeStore(id="app", default=first, domains={"scores": second})
        await store.init()
        cancelled = await cancel(store.aclose(), step)
        await store.aclose()
        for part in (first, second):
            with pytest.raises(ClosedError):
                await part.memory.get_thread_by_id("t")
        assert sorted(os.listdir(tmp_path)) == ["a.db", "b.db"]
        if not cancelled:
            break
    assert step > 1


@CANCELS
async def test_closing_a_remote_engine_is_cancelled(remote: Remote, cancel: Cancel) -> None:
    """While it has calls in flight; afterwards nothing is open, whether or not anybody closes it again."""
    for step in count(1):
        async with proxy_to(remote.url) as proxy:
            engine = RemoteEngine(Transport(remote_config(proxy.url)), all_tables(), first_sweep_commits=1)
            await seed(engine, space())  # begins a sweep
            call = asyncio.create_task(state(engine, ""))
            await asyncio.sleep(0)
            cancelled = await cancel(engine.aclose(), step)
            with pytest.raises(ClosedError):
                await state(engine, "")
            await engine.aclose()
            with pytest.raises(ClosedError):
                await call
            await proxy.left()
        if not cancelled:
            break
    assert step > 1
