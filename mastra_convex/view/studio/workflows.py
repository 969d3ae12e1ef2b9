"""Workflows, which are known by their runs, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mastra_convex.errors import ValidationError
from mastra_convex.view.studio.calls import Call, members
from mastra_convex.view.studio.graphs import Graph, graph_of, results_of, steps_of
from mastra_convex.view.studio.slugs import slug

_RUNS: Final = 20
_MOST_RUNS: Final = 100
_STATUSES: Final = frozenset(
    {
        "running",
        "waiting",
        "suspended",
        "success",
        "failed",
        "canceled",
        "pending",
        "bailed",
        "tripwire",
        "paused",
        "skipped",
    }
)


async def list_workflows(call: Call) -> dict[str, Any]:
    """Returns the workflows that have runs."""
    found = await call.catalog.workflows()
    return {slug(name): _workflow(name, workflow.graph) for name, workflow in found.items()}


async def count_runs(call: Call) -> dict[str, Any]:
    """Returns how many runs of each workflow are running and suspended, of the newest ones."""
    found = await call.catalog.workflows()
    return {
        slug(name): {"running": workflow.running, "suspended": workflow.suspended} for name, workflow in found.items()
    }


async def get_workflow(call: Call) -> dict[str, Any] | None:
    """Returns a workflow with the graph of its newest run."""
    name = call.id("workflow")
    page = await call.store.workflows.list_workflow_runs(workflow_name=name, page=0, per_page=1, include_total=False)
    return _workflow(name, graph_of(_snapshot(page.runs[0]))) if page.runs else None


async def list_runs(call: Call) -> dict[str, Any]:
    """Returns a page of the runs of a workflow, newest first."""
    limit = min(call.number("limit", call.number("perPage", _RUNS)), _MOST_RUNS)
    offset = call.number("offset", call.number("page", 0) * limit)
    if limit == 0 or offset % limit:
        raise ValidationError("offset must be a multiple of limit, and limit at least 1")
    status: Any = call.text("status")
    page = await call.store.workflows.list_workflow_runs(
        workflow_name=call.id("workflow"),
        resource_id=call.text("resourceId"),
        from_date=call.text("fromDate"),
        to_date=call.text("toDate"),
        status=status,
        page=offset // limit,
        per_page=limit,
        include_total=False,
    )
    runs = [{**members(run), "workflowName": slug(run.workflow_name), "runId": slug(run.run_id)} for run in page.runs]
    return {"runs": runs, "total": offset + len(runs) + page.has_more}


async def get_run(call: Call) -> dict[str, Any] | None:
    """Returns a run with the results of its steps and its graph."""
    run = await call.store.workflows.get_workflow_run_by_id(call.id("run"), workflow_name=call.id("workflow"))
    if run is None:
        return None
    snapshot = _snapshot(run)
    context = snapshot.get("context")
    found = {
        "workflowName": slug(run.workflow_name),
        "runId": slug(run.run_id),
        "resourceId": run.resource_id,
        "createdAt": run.created_at,
        "updatedAt": run.updated_at,
        "status": run.status if run.status in _STATUSES else "pending",
        "payload": context.get("input") if isinstance(context, dict) else None,
        "steps": results_of(snapshot),
        "result": snapshot.get("result"),
        "error": snapshot.get("error"),
        "initialState": _object(snapshot.get("value")),
        "activeStepsPath": _paths(snapshot.get("activeStepsPath")),
        "serializedStepGraph": graph_of(snapshot),
    }
    return {name: value for name, value in found.items() if value is not None}


def _workflow(name: str, graph: Graph) -> dict[str, Any]:
    steps = steps_of(graph)
    return {
        "name": name,
        "description": "",
        "steps": steps,
        "allSteps": steps,
        "stepGraph": graph,
        "options": {},
    }


def _snapshot(run: Any) -> Mapping[str, Any]:
    return run.snapshot if isinstance(run.snapshot, dict) else {}


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _paths(value: Any) -> dict[str, list[int]]:
    found = value.items() if isinstance(value, dict) else ()
    return {
        step: path for step, path in found if isinstance(path, list) and all(type(number) is int for number in path)
    }
