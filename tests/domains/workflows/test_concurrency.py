"""Many contenders for one run: tasks in memory, processes on a file and a server, stores over HTTP on Convex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mastra_convex_domains import WorkflowsStore
from tests import contenders
from tests.backends import Backend, ConvexHost, open_backend
from tests.contention import contend
from tests.domains.workflows.data import snapshot
from tests.effort import some_backends

pytestmark = pytest.mark.long


async def persist(workflows: WorkflowsStore) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=snapshot("suspended"))


async def check_one_of_50_resumes(backend: Backend) -> None:
    workflows = backend.store().workflows
    await persist(workflows)
    assert await contend(backend, "resume", 50) == 1
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


@some_backends("sqlite", "convex-test")
async def test_one_of_50_contenders_resumes_a_run(backend: Backend) -> None:
    await check_one_of_50_resumes(backend)


@some_backends("sqlite", "convex-test")
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
        assert await contenders.resume(backend.store(), 1)
        assert (await host.stats())["totals"]["dropped"] == 1
        await host.fail(every=0)
        assert not await contenders.resume(backend.store(), 2)
