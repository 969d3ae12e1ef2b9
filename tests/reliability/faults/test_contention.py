"""Many contenders for a claim, a firing or a task: exactly one wins. Many observers of a thread: nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from tests import contenders
from tests.backends import Backend, ConvexHost, open_backend
from tests.contention import contend
from tests.effort import some, some_backends

TASK = {"id": "b1", "tool_name": "t", "tool_call_id": "c", "agent_id": "a", "run_id": "r"}
SCHEDULE = {"id": "s1", "target": {"type": "workflow", "workflowId": "w"}, "cron": "x", "next_fire_at": 1_000}
MEMORY = {"id": "o1", "scope": "thread", "thread_id": "t1", "resource_id": "u"}


async def prepare(store: ConvexStore) -> None:
    await store.workflows.persist_workflow_snapshot("w", run_id="r1", snapshot={"status": "running"})
    await store.schedules.create_schedule(SCHEDULE)
    await store.background_tasks.create_task(TASK)
    await store.memory.insert_observational_memory_record(MEMORY)


async def check_one_wins(backend: Backend, action: str) -> None:
    await prepare(backend.store())
    assert await contend(backend, action, 50) == 1
    assert not await contenders.ACTIONS[action](backend.store(), 50)


async def check_each_chunk_is_kept_once(backend: Backend) -> None:
    await prepare(backend.store())
    assert await contend(backend, "observe", 100) == 100
    memory = await backend.store().memory.get_observational_memory("t1")
    assert memory is not None
    cycles = [chunk.cycle_id for chunk in memory.buffered_observation_chunks or ()]
    assert sorted(cycles) == sorted(f"c{n}" for n in range(100))


ACTIONS = ["claim", "fire", "begin"]
REFUSED: dict[str, Any] = {"every": 3, "code": "OptimisticConcurrencyControlFailure", "status": 503}


@some_backends("sqlite")
@pytest.mark.parametrize("action", some(ACTIONS, ["claim"]))
async def test_of_50_contenders_one_wins(backend: Backend, action: str) -> None:
    await check_one_wins(backend, action)


@pytest.mark.parametrize("action", ACTIONS)
async def test_of_50_one_wins_when_every_third_commit_fails(host: ConvexHost, tmp_path: Path, action: str) -> None:
    async with open_backend("convex-test", tmp_path, host) as backend:
        await host.fail(**REFUSED)
        await check_one_wins(backend, action)


@some_backends("sqlite")
async def test_100_chunks_of_observations_are_kept_once_each(backend: Backend) -> None:
    await check_each_chunk_is_kept_once(backend)


async def test_chunks_are_kept_when_every_third_commit_fails(host: ConvexHost, tmp_path: Path) -> None:
    async with open_backend("convex-test", tmp_path, host) as backend:
        await host.fail(**REFUSED)
        await check_each_chunk_is_kept_once(backend)
