"""Workflows and runs in Studio, also with snapshots that no engine of Mastra's wrote."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.domain import Put
from mastra_convex.view.studio.slugs import slug
from tests.view.studio.asking import Client, Schemas, Studio
from tests.view.studio.data import GRAPH, ODD

_RUN = "/workflows/:workflowId/runs/:runId"


async def test_workflows_are_those_of_the_runs(studio: Studio) -> None:
    workflows = await studio.get("/workflows")
    assert {id: workflow["name"] for id, workflow in workflows.items()} == {"book": "book", slug(ODD): ODD}
    assert workflows["book"]["stepGraph"] == GRAPH
    assert list(workflows["book"]["steps"]) == ["plan", "hotel", "train"]
    counts = await studio.get("/workflows/run-counts")
    assert counts == {"book": {"running": 1, "suspended": 1}, slug(ODD): {"running": 1, "suspended": 0}}


async def test_runs_are_listed_newest_first_in_pages(studio: Studio) -> None:
    async def runs(**query: str) -> list[str]:
        answer = await studio.get("/workflows/:workflowId/runs", "/workflows/book/runs", **query)
        return [run["runId"] for run in answer["runs"]]

    whole = await runs(limit="20", offset="0")
    assert sorted(whole) == ["done", "failed", "running", "waits"]
    assert await runs(limit="3", offset="0") + await runs(limit="3", offset="3") == whole
    assert await runs(page="1", perPage="3") == whole[3:]
    assert await runs(status="failed") == ["failed"]


async def test_a_run_has_its_steps_its_graph_and_how_it_ended(studio: Studio) -> None:
    async def run(id: str) -> dict[str, Any]:
        found: dict[str, Any] = await studio.get(_RUN, f"/workflows/book/runs/{id}")
        return found

    waits = await run("waits")
    assert (waits["status"], waits["payload"]) == ("suspended", {"city": "Oslo"})
    assert {id: step["status"] for id, step in waits["steps"].items()} == {"plan": "success", "hotel": "suspended"}
    assert (waits["serializedStepGraph"], waits["activeStepsPath"]) == (GRAPH, {"plan": [0]})
    assert (await run("failed"))["error"] == {"message": "no hotel"}
    assert (await run("done"))["result"] == {"booked": True}
    assert (await run("running"))["status"] == "running"


async def test_a_run_without_a_graph_shows_its_steps_one_after_the_other(studio: Studio) -> None:
    found = await studio.get(_RUN, f"/workflows/{slug(ODD)}/runs/{slug(ODD)}")
    assert found["serializedStepGraph"] == [{"type": "step", "step": {"id": "plan"}}]
    workflow = await studio.get("/workflows/:workflowId", f"/workflows/{slug(ODD)}")
    assert (workflow["name"], list(workflow["steps"])) == (ODD, ["plan"])


async def test_wrong_snapshots_are_shown_as_far_as_they_go(
    store: ConvexStore, client: Client, schemas: Schemas
) -> None:
    steps = {"a": "no object", "b": {"status": "success"}, "input": 3}
    step = {"type": "step", "step": {"id": "a"}}
    wrong: list[Any] = [
        {},
        {"status": None, "context": None},
        {"status": "odd", "context": steps, "serializedStepGraph": "no list"},
        {"status": 3, "context": [1], "serializedStepGraph": [3, {"type": "step"}], "value": [], "activeStepsPath": 1},
        {"context": steps, "serializedStepGraph": [{"type": "parallel", "steps": [step, {"type": "odd"}]}]},
        {"context": steps, "serializedStepGraph": [{"type": "sleep"}], "activeStepsPath": {"a": ["x"], "b": [1]}},
    ]
    for number, snapshot in enumerate(wrong):
        await store.workflows.persist_workflow_snapshot("wrong", run_id=str(number), snapshot=snapshot)
    texts = ["no JSON", '"text"', "null", "[1]", ""]
    times = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
    rows = [
        {"workflow_name": "wrong", "run_id": f"text-{number}", "snapshot": text, **times}
        for number, text in enumerate(texts)
    ]
    await store.records.commit([Put(table="mastra_workflow_snapshots", rows=rows)])

    studio = Studio(client, schemas)
    assert list(await studio.get("/workflows")) == ["wrong"]
    await studio.get("/workflows/run-counts")
    await studio.get("/workflows/:workflowId", "/workflows/wrong")
    listed = await studio.get("/workflows/:workflowId/runs", "/workflows/wrong/runs")
    assert len(listed["runs"]) == len(wrong) + len(texts)
    for run in listed["runs"]:
        found = await studio.get(_RUN, f"/workflows/wrong/runs/{run['runId']}")
        assert all(isinstance(step, dict) for step in found["steps"].values())
        assert found["status"] == "pending"
        assert [entry["step"]["id"] for entry in found["serializedStepGraph"]] == list(found["steps"])
