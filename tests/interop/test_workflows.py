"""Workflow runs of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import WorkflowRun, WorkflowsStore
from tests.backends import ConvexHost
from tests.data import at
from tests.domains.workflows.data import row, snapshot
from tests.interop.conftest import StockStore

RUN = {"workflowName": "w", "runId": "r1"}
STATE = snapshot("suspended", result={"$schema": "s", "名字": {"$ref": [1, 2.5, None, True]}})


@pytest.fixture
def workflows(ours: ConvexStore) -> WorkflowsStore:
    return ours.workflows


async def persist_stock(stock: StockStore, status: str, *, run_id: str = "r1", n: int = 0, **options: Any) -> None:
    arguments = {
        "workflowName": "w",
        "runId": run_id,
        "snapshot": snapshot(status, run_id=run_id, **options),
        "createdAt": to_iso(at(n)),
        "updatedAt": to_iso(at(n)),
    }
    await stock.call("workflows", "persistWorkflowSnapshot", arguments)


async def test_typescript_reads_runs_of_python(workflows: WorkflowsStore, stock: StockStore) -> None:
    await workflows.persist_workflow_snapshot(
        "w", run_id="r1", snapshot=STATE, resource_id="u", created_at=at(0), updated_at=at(1)
    )
    assert await stock.call("workflows", "loadWorkflowSnapshot", RUN) == STATE
    expected = {**RUN, "snapshot": STATE, "resourceId": "u", "createdAt": to_iso(at(0)), "updatedAt": to_iso(at(1))}
    assert await stock.call("workflows", "getWorkflowRunById", RUN) == expected
    assert await stock.call("workflows", "getWorkflowRunById", {"runId": "r1"}) == expected
    filters = {"workflowName": "w", "resourceId": "u", "status": "suspended", "page": 0, "perPage": 10}
    assert await stock.call("workflows", "listWorkflowRuns", filters) == {"runs": [expected], "total": 1}
    assert await stock.call("workflows", "listWorkflowRuns", {"status": "running"}) == {"runs": [], "total": 0}


async def test_python_reads_runs_of_typescript(workflows: WorkflowsStore, stock: StockStore) -> None:
    arguments = {**RUN, "snapshot": STATE, "resourceId": "u", "createdAt": to_iso(at(0)), "updatedAt": to_iso(at(1))}
    await stock.call("workflows", "persistWorkflowSnapshot", arguments)
    expected = WorkflowRun(
        workflow_name="w", run_id="r1", snapshot=STATE, resource_id="u", created_at=at(0), updated_at=at(1)
    )
    assert await workflows.load_workflow_snapshot("w", run_id="r1") == STATE
    assert await workflows.get_workflow_run_by_id("r1") == expected
    page = await workflows.list_workflow_runs(workflow_name="w", resource_id="u", status="suspended", from_date=at(0))
    assert (page.runs, page.total) == ([expected], 1)


async def test_lists_by_status_follow_what_typescript_writes(workflows: WorkflowsStore, stock: StockStore) -> None:
    for n, status in enumerate(["suspended", "success", "suspended", "pending"]):
        await persist_stock(stock, status, run_id=f"r{n}", n=n)

    async def suspended() -> list[str]:
        page = await workflows.list_workflow_runs(status="suspended", page=0, per_page=1)
        assert page.has_more == (page.total == 2)
        return [run.run_id for run in page.runs]

    assert await suspended() == ["r2"]
    state = {"workflowName": "w", "runId": "r2", "opts": {"status": "running"}}
    await stock.call("workflows", "updateWorkflowState", state)
    assert await suspended() == ["r0"]
    await workflows.update_workflow_state("w", run_id="r0", status="running", expected_status="suspended")
    assert await suspended() == []
    found = await stock.call("workflows", "listWorkflowRuns", {"status": "running"})
    assert [run["runId"] for run in found["runs"]] == ["r2", "r0"]


async def test_each_merges_into_what_the_other_wrote(workflows: WorkflowsStore, stock: StockStore) -> None:
    await persist_stock(stock, "running", requestContext={"a": 1})
    python = await workflows.update_workflow_results(
        "w", run_id="r1", step_id="py", result={"status": "success", "output": {"$x": 1}}, request_context={"b": 2}
    )
    arguments = {**RUN, "stepId": "ts", "result": {"status": "success", "output": [1]}, "requestContext": {"c": 3}}
    both = await stock.call("workflows", "updateWorkflowResults", arguments)
    assert both == {**python, "ts": {"status": "success", "output": [1]}}
    part = {"status": "success", "output": [None, 2]}
    context = await workflows.update_workflow_results("w", run_id="r1", step_id="ts", result=part)
    assert context["ts"]["output"] == [1, 2]
    state = await workflows.load_workflow_snapshot("w", run_id="r1")
    assert state == snapshot(context=context, requestContext={"a": 1, "b": 2, "c": 3})
    assert await stock.call("workflows", "loadWorkflowSnapshot", RUN) == state


async def test_persisting_again_keeps_what_the_other_set(workflows: WorkflowsStore, stock: StockStore) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=STATE, resource_id="u", created_at=at(0))
    await persist_stock(stock, "running", n=5)
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=snapshot("success"), created_at=at(9))
    run = await workflows.get_workflow_run_by_id("r1")
    assert run is not None
    assert (run.created_at, run.resource_id, run.status) == (at(0), "u", "success")


async def test_each_deletes_runs_of_the_other(workflows: WorkflowsStore, stock: StockStore) -> None:
    await persist_stock(stock, "running")
    await workflows.delete_workflow_run_by_id("r1", workflow_name="w")
    assert await stock.call("workflows", "getWorkflowRunById", RUN) is None
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=STATE)
    await stock.call("workflows", "deleteWorkflowRunById", RUN)
    assert await workflows.get_workflow_run_by_id("r1") is None


async def test_objects_of_older_rows_stay_readable_for_typescript(
    workflows: WorkflowsStore, stock: StockStore, interop_host: ConvexHost
) -> None:
    await interop_host.load({"mastra_workflow_snapshots": [row(snapshot("suspended")), row("", run_id="r2", n=1)]})
    merged = await workflows.update_workflow_state("w", run_id="r1", status="running", expected_status="suspended")
    assert merged == snapshot("running")
    assert await stock.call("workflows", "loadWorkflowSnapshot", RUN) == merged
    pending = await workflows.list_workflow_runs(status="pending")
    found = await stock.call("workflows", "listWorkflowRuns", {"status": "pending"})
    assert [run.run_id for run in pending.runs] == [run["runId"] for run in found["runs"]] == ["r2"]
