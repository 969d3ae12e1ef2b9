"""Synchronous methods run on a loop in the background, and never hold a loop that runs."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from pathlib import Path

import pytest

from mastra_convex import ClosedError, ConfigurationError, ConvexStore
from mastra_convex.adapters.background_loop import OnEventLoopError, loop_of
from mastra_convex.adapters.opening import OverStore
from mastra_convex_domains import Thread

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


async def name() -> str:
    return NAME.get()


async def save(store: ConvexStore, id: str) -> int:
    """Returns the thread in which it ran."""
    await store.memory.save_thread(Thread(id=id, resource_id="user-1"))
    return threading.get_ident()


async def test_on_a_running_loop_it_raises_at_once(store: ConvexStore) -> None:
    with pytest.raises(OnEventLoopError, match="await its asynchronous twin"):
        loop_of(store).run(save(store, "t1"))
    assert await store.memory.get_thread_by_id("t1") is None


async def test_all_threads_share_one_loop_beside_that_of_the_store(store: ConvexStore) -> None:
    calls = [asyncio.to_thread(loop_of(store).run, save(store, str(n))) for n in range(20)]
    ran_in = set(await asyncio.gather(*calls))
    assert len(ran_in) == 1
    assert threading.get_ident() not in ran_in
    assert (await store.memory.list_threads()).total == 20


def test_the_coroutine_sees_the_context_of_its_caller() -> None:
    store = ConvexStore.local(":memory:")
    NAME.set("Ada")
    assert loop_of(store).run(name()) == "Ada"


def test_items_come_as_they_are_asked_for() -> None:
    made: list[int] = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for number in range(100):
                made.append(number)
                yield number
        finally:
            made.append(-1)

    store = ConvexStore.local(":memory:")
    found = loop_of(store).iterate(numbers())
    assert [next(found), next(found)] == [0, 1]
    found.close()
    assert made == [0, 1, -1]


async def test_what_an_adapter_opened_ends_with_it(tmp_path: Path) -> None:
    async with OverStore(tmp_path / "agent.db") as adapter:
        await asyncio.to_thread(loop_of(adapter.store).run, adapter.store.init())
    with pytest.raises(ClosedError):
        await adapter.store.init()
    with pytest.raises(ClosedError):
        await asyncio.to_thread(loop_of(adapter.store).run, name())


async def test_a_store_that_was_given_stays_open(store: ConvexStore) -> None:
    async with OverStore(store) as adapter:
        assert adapter.store is store
    await store.init()


def test_nothing_given_means_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEX_URL", "http://127.0.0.1:3210")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "dev|key")
    assert "127.0.0.1:3210" in repr(OverStore().store)
    with pytest.raises(ConfigurationError, match="must be a store"):
        OverStore(3)  # type: ignore[arg-type]


def test_a_domain_in_place_of_its_store_is_told(store: ConvexStore) -> None:
    with pytest.raises(ConfigurationError, match=r"not its MemoryStore: give `store` in place of `store\.memory`"):
        OverStore(store.memory)  # type: ignore[arg-type]


def _in_child(path: str) -> None:
    store = ConvexStore.local(path)
    loop_of(store).run(save(store, "child"))


def test_a_forked_process_has_a_loop_of_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.db")
    store = ConvexStore.local(path)
    background = loop_of(store)
    background.run(save(store, "parent"))

    def work() -> None:
        background.run(name())  # of the parent, whose thread is not here
        _in_child(path)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert background.run(store.memory.get_thread_by_id("child")) is not None
