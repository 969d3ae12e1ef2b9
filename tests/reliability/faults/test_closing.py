"""Stores that are closed while calls are in flight, closed stores, and connections that the server closes."""

from __future__ import annotations

import asyncio

import pytest

from mastra_convex.errors import ClosedError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.server import LocalServer
from tests.backends import KEY, Backend, all_tables, remote_store
from tests.data import message, thread
from tests.reliability.faults.conftest import Remote
from tests.reliability.faults.operations import OPERATIONS, Operation, expected, perform, seed, space
from tests.reliability.faults.proxy import proxy_to

CALLS = 40


@pytest.mark.parametrize("rounds", [0, 1, 2, 5, 10, 30, 100])
async def test_a_store_is_closed_while_calls_are_in_flight(backend: Backend, rounds: int) -> None:
    """Each call has its answer or says that the store was closed; what was answered is there, and nothing is half."""
    store = backend.open_store(None)
    await store.memory.save_thread(thread("t"))

    async def save(n: int) -> bool:
        try:
            await store.memory.save_messages([message(2 * n, thread_id="t"), message(2 * n + 1, thread_id="t")])
        except ClosedError:
            return False
        return True

    calls = [asyncio.create_task(save(n)) for n in range(CALLS)]
    for _ in range(rounds):
        await asyncio.sleep(0)
    await asyncio.gather(store.aclose(), store.aclose())
    saved = {n for n, done in enumerate(await asyncio.gather(*calls)) if done}
    with pytest.raises(ClosedError):
        await store.memory.get_thread_by_id("t")
    if not backend.shares_data:
        return
    page = await backend.store().memory.list_messages("t", per_page=False)
    there = [int(message.id[-5:]) for message in page.messages]
    assert saved <= {n // 2 for n in there}
    assert {n ^ 1 for n in there} == set(there)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_a_closed_store_says_so_to_every_operation(backend: Backend, operation: Operation) -> None:
    store = backend.open_store(None)
    engine = store._engine  # pyright: ignore[reportPrivateUsage]  # the seam below the domains
    await seed(engine, "s")
    request = await operation.make(engine, "s")
    await store.aclose()
    with pytest.raises(ClosedError):
        await perform(engine, request)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_idle_connections_that_the_server_closed_are_replaced_unseen(
    remote: Remote, operation: Operation
) -> None:
    name = space()
    answer, _, _ = await expected(operation, name)
    await seed(remote.direct, name)
    async with remote.proxied() as (engine, proxy):
        await asyncio.gather(*(engine.read([]) for _ in range(3)))
        assert proxy.connections == 3
        await proxy.close_connections()
        assert await perform(engine, await operation.make(remote.direct, name)) == answer
        assert proxy.connections == 1


async def test_a_server_that_starts_anew_is_found_again() -> None:
    """A commit waits for it, and is done once."""
    engine = LocalEngine(":memory:", all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server, proxy_to(server.url) as proxy:
        port = int(server.url.rpartition(":")[2])
        async with remote_store(proxy.url, None, retry=RetryPolicy(attempts=1_000, base=1e-3, cap=0.01)) as store:
            await store.memory.save_thread(thread("t"))
            await server.aclose()
            saving = asyncio.create_task(store.memory.save_messages([message(1, thread_id="t")]))
            await proxy.ended(3)
            async with LocalServer(engine, admin_key=KEY, port=port):
                await saving
                assert (await store.memory.list_messages("t")).total == 1
    await engine.aclose()
