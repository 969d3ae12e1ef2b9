"""The deadline of a call on a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConfigurationError, ConvexStore, RequestTimeoutError, UnavailableError
from tests.local.tables import locked

TIMEOUT = 0.2


def save(store: ConvexStore, id: str = "t") -> Any:
    return store.memory.save_thread({"id": id, "resource_id": "r"})


@pytest.fixture(params=["local", "from_env"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], ConvexStore]:
    monkeypatch.delenv("CONVEX_URL", raising=False)
    monkeypatch.delenv("CONVEX_ADMIN_KEY", raising=False)
    if request.param == "local":
        return lambda path: ConvexStore.local(path, timeout=TIMEOUT)
    return lambda path: ConvexStore.from_env(local=path, timeout=TIMEOUT)


LATE = (UnavailableError, RequestTimeoutError)
"""The lock was waited for in vain, or, on a busy machine, the call did not get as far."""


async def test_a_call_that_waits_for_a_lock_ends_with_its_deadline(
    make: Callable[[Path], ConvexStore], tmp_path: Path
) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as patient, make(path) as store:
        await save(patient)
        with locked(path):
            began = time.monotonic()
            with pytest.raises(LATE, match=r"locked by other processes|no answer within"):
                await save(store, "lost")
            assert time.monotonic() - began >= TIMEOUT * 0.9
            assert await patient.memory.get_thread_by_id("t")  # readers wait for nobody
        await save(patient, "later")
        assert await patient.memory.get_thread_by_id("lost") is None


async def test_calls_that_wait_behind_one_that_waits_have_deadlines_too(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as patient, ConvexStore.local(path, timeout=TIMEOUT) as store:
        await save(patient)
        with locked(path):
            results = await asyncio.gather(*(save(store, f"t{n}") for n in range(5)), return_exceptions=True)
        assert all(isinstance(result, LATE) for result in results)
        assert (await patient.memory.list_threads()).total == 1


async def test_opening_a_file_that_is_locked_has_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as patient:
        await save(patient)
        domains = [type(patient.memory)]  # other declarations to write down
        async with ConvexStore.local(path, domains=domains, timeout=TIMEOUT) as store:
            with locked(path), pytest.raises(LATE):
                await store.init()


async def test_the_deadline_of_the_caller_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path, timeout=30) as store:
        await save(store)
        with locked(path):
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(TIMEOUT):
                    await save(store, "lost")
            assert not isinstance(caught.value, RequestTimeoutError)
        assert await store.memory.get_thread_by_id("lost") is None


async def test_work_that_takes_long_ends_with_its_deadline(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as store:
        for n in range(20):
            await store.memory.save_thread({"id": f"t{n}", "resource_id": "r", "metadata": {"text": "x" * 500_000}})
    async with ConvexStore.local(path, timeout=0.001) as store:
        with pytest.raises(RequestTimeoutError, match=r"no answer within 0\.001 s") as caught:
            await store.memory.list_threads(per_page=False)
        assert caught.value.retryable


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "2", None])
def test_a_timeout_that_is_none(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        ConvexStore.local(":memory:", timeout=timeout)
