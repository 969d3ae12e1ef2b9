"""Many contenders for one run: tasks in memory, processes on a file and a server, stores over HTTP on Convex."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mastra_convex_domains import WorkflowsStore
from tests.backends import Backend, ConvexHost, open_backend
from tests.domains.workflows import contenders
from tests.domains.workflows.data import snapshot

ROOT = Path(__file__).parents[3]
PROCESSES = 5
STORES = 10


async def contend(backend: Backend, action: str, count: int) -> int:
    """How many of `count` contenders succeeded, spread as the backend allows."""
    if backend.name in ("sqlite", "server"):
        return await in_processes(backend, action, count)
    stores = STORES if backend.name == "convex-test" else 1
    share = count // stores
    ranges = [range(n, n + share) for n in range(0, count, share)]
    each = [contenders.contend(backend.store().workflows, action, numbers) for numbers in ranges]
    return sum(await asyncio.gather(*each))


async def in_processes(backend: Backend, action: str, count: int) -> int:
    location = backend.store()._location  # pyright: ignore[reportPrivateUsage]  # another process needs to be told
    share = count // PROCESSES
    processes = await asyncio.gather(*[start(location, action, n, share) for n in range(0, count, share)])
    answers = [process.communicate(b"go\n") for process in processes]
    succeeded = [int(output) for output, _ in await asyncio.gather(*answers)]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return sum(succeeded)


async def start(location: str, action: str, first: int, count: int) -> asyncio.subprocess.Process:
    """A process that is ready to begin."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, contenders.__file__, location, action, str(first), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "domains")])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def persist(workflows: WorkflowsStore) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=snapshot("suspended"))


async def check_one_of_50_resumes(backend: Backend) -> None:
    workflows = backend.store().workflows
    await persist(workflows)
    assert await contend(backend, "claim", 50) == 1
    state = await workflows.load_workflow_snapshot("w", run_id="r1")
    assert state is not None
    [winner] = state["activePaths"]
    assert 0 <= winner < 50
    assert state == snapshot("running", activePaths=[winner])


async def check_no_result_of_100_is_lost(backend: Backend) -> None:
    workflows = backend.store().workflows
    await persist(workflows)
    assert await contend(backend, "report", 100) == 100
    state = await workflows.load_workflow_snapshot("w", run_id="r1")
    assert state is not None
    steps: dict[str, Any] = {f"step-{n}": {"status": "success", "output": {"n": n}} for n in range(100)}
    loop = {"status": "running", "output": list(range(100))}
    assert state["context"] == {"input": {"query": "q"}, "loop": loop, **steps}
    assert state["requestContext"] == {f"k{n}": n for n in range(100)}


async def test_one_of_50_contenders_resumes_a_run(backend: Backend) -> None:
    await check_one_of_50_resumes(backend)


async def test_none_of_100_step_results_is_lost(backend: Backend) -> None:
    await check_no_result_of_100_is_lost(backend)


REFUSALS = [
    pytest.param({"code": "OptimisticConcurrencyControlFailure", "status": 503}, id="conflict"),
    pytest.param({"code": "TooManyWrites", "status": 429}, id="too-many-writes"),
]


@pytest.mark.parametrize("fault", REFUSALS)
async def test_one_of_50_resumes_when_every_third_commit_fails(
    host: ConvexHost, tmp_path: Path, fault: dict[str, Any]
) -> None:
    async with open_backend("convex-test", tmp_path, host) as backend:
        await host.fail(every=3, **fault)
        await check_one_of_50_resumes(backend)


@pytest.mark.parametrize("fault", REFUSALS)
async def test_no_result_is_lost_when_every_third_commit_fails(
    host: ConvexHost, tmp_path: Path, fault: dict[str, Any]
) -> None:
    async with open_backend("convex-test", tmp_path, host) as backend:
        await host.fail(every=3, **fault)
        await check_no_result_of_100_is_lost(backend)


async def test_a_claim_whose_answer_was_lost_is_still_won(host: ConvexHost, tmp_path: Path) -> None:
    async with open_backend("convex-test", tmp_path, host) as backend:
        workflows = backend.store().workflows
        await host.reset(keep="data")
        await host.fail(every=2, mode="drop")
        await persist(workflows)
        assert await contenders.claim(workflows, 1)
        assert (await host.stats())["totals"]["dropped"] == 1
        await host.fail(every=0)
        assert not await contenders.claim(workflows, 2)
