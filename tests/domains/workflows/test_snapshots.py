"""Snapshots: stored, loaded and changed in place (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mastra_convex import DamagedRowError, MastraConvexError, ValidationError
from mastra_convex_domains import WorkflowRun, WorkflowsStore
from tests.backends import Backend
from tests.data import at
from tests.domains.workflows.data import put, row, snapshot
from tests.effort import once

PENDING = {"__mastra_pending__": True}


async def persist(workflows: WorkflowsStore, state: dict[str, Any], **options: Any) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=state, **options)


async def stored(workflows: WorkflowsStore) -> WorkflowRun:
    run = await workflows.get_workflow_run_by_id("r1", workflow_name="w")
    assert run is not None
    return run


async def test_updates_may_be_concurrent(workflows: WorkflowsStore) -> None:
    assert workflows.supports_concurrent_updates() is True


async def test_a_snapshot_comes_back_equal(workflows: WorkflowsStore) -> None:
    state = snapshot(
        result={"$schema": "s", "名字": {"$ref": [1, 2.5, None, True]}, "__proto__": "x", "": "empty"},
        context={"input": {"$defs": {}}, "шаг-1": {"status": "success", "output": ["🎉"]}},
    )
    await persist(workflows, state)
    loaded = await workflows.load_workflow_snapshot("w", run_id="r1")
    assert loaded == state
    loaded["status"] = "failed"
    assert await workflows.load_workflow_snapshot("w", run_id="r1") == state


async def test_an_unknown_run_has_no_snapshot(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot())
    assert await workflows.load_workflow_snapshot("w", run_id="r2") is None
    assert await workflows.load_workflow_snapshot("v", run_id="r1") is None


async def test_persisting_again_keeps_creation_time_and_resource(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot(), resource_id="user-1", created_at=at(1), updated_at=at(2))
    assert await stored(workflows) == WorkflowRun(
        workflow_name="w",
        run_id="r1",
        snapshot=snapshot(),
        resource_id="user-1",
        created_at=at(1),
        updated_at=at(2),
    )
    await persist(workflows, snapshot("success"), created_at=at(99))
    run = await stored(workflows)
    assert (run.snapshot, run.resource_id, run.created_at) == (snapshot("success"), "user-1", at(1))
    assert run.updated_at > at(99)
    await persist(workflows, snapshot(), resource_id="user-2")
    run = await stored(workflows)
    assert (run.resource_id, run.created_at) == ("user-2", at(1))


async def test_a_resource_can_be_given_later(workflows: WorkflowsStore) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    await persist(workflows, snapshot())
    run = await stored(workflows)
    assert run.resource_id is None
    assert before <= run.created_at == run.updated_at
    await persist(workflows, snapshot(), resource_id="user-1")
    assert (await stored(workflows)).resource_id == "user-1"


@once
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"workflow_name": " "}, "workflow_name"),
        ({"run_id": ""}, "run_id"),
        ({"snapshot": "text"}, "snapshot must be a mapping"),
        ({"snapshot": {"context": {"a": {"startedAt": b"x"}}}}, r"snapshot\.context\.a\.startedAt must be a JSON"),
        ({"snapshot": {"n": 2**60}}, r"snapshot\.n"),
        ({"snapshot": {"n": float("nan")}}, r"snapshot\.n"),
        ({"snapshot": {1: "x"}}, "snapshot.* a key that is not text"),
        ({"resource_id": ""}, "resource_id"),
        ({"created_at": datetime(2026, 1, 1)}, "created_at must be a datetime with a time zone"),
        ({"updated_at": "yesterday"}, "updated_at must be a datetime"),
    ],
)
async def test_bad_arguments_are_refused_by_name(
    workflows: WorkflowsStore, changes: dict[str, Any], named: str
) -> None:
    arguments = {"workflow_name": "w", "run_id": "r1", "snapshot": snapshot(), **changes}
    with pytest.raises(ValidationError, match=named):
        await workflows.persist_workflow_snapshot(**arguments)
    assert (await workflows.list_workflow_runs()).total == 0


async def test_a_step_result_is_merged_into_the_context(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot(requestContext={"a": 1, "b": 1}), created_at=at(0), updated_at=at(0))
    result = {"status": "success", "output": {"$ref": "x", "n": 1}, "payload": {}}
    context = await workflows.update_workflow_results(
        "w", run_id="r1", step_id="step-1", result=result, request_context={"b": 2, "$c": 3}
    )
    assert context == {"input": {"query": "q"}, "step-1": result}
    run = await stored(workflows)
    assert run.snapshot == snapshot(context=context, requestContext={"a": 1, "b": 2, "$c": 3})
    assert run.created_at == at(0)
    assert run.updated_at > at(0)
    again = await workflows.update_workflow_results("w", run_id="r1", step_id="step-1", result={"status": "failed"})
    assert again["step-1"] == {"status": "failed"}


@pytest.mark.parametrize("step_id", ["a.b", "0", "__proto__", "$step", "шаг", "length"])
async def test_a_step_may_have_any_name(workflows: WorkflowsStore, step_id: str) -> None:
    await persist(workflows, snapshot())
    await workflows.update_workflow_results("w", run_id="r1", step_id=step_id, result={"status": "running"})
    context = await workflows.update_workflow_results("w", run_id="r1", step_id=step_id, result={"status": "success"})
    assert context == {"input": {"query": "q"}, step_id: {"status": "success"}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1, None, 3], [None, 2, None], [1, 2, 3]),
        ([1], [None, None, 3], [1, None, 3]),
        ([1, 2, 3], [9], [9, 2, 3]),
        ([1, None, {"status": "suspended", "suspendPayload": {}}, PENDING], [PENDING] * 5, [1, None, None, None, None]),
        ([1], [5, PENDING], [1, None]),
    ],
)
async def test_outputs_of_a_loop_are_merged_by_position(
    workflows: WorkflowsStore, old: list[Any], new: list[Any], expected: list[Any]
) -> None:
    before = {"status": "running", "output": old, "payload": "old", "startedAt": 1}
    await persist(workflows, snapshot(context={"loop": before}))
    after = {"status": "success", "output": new, "payload": "new"}
    context = await workflows.update_workflow_results("w", run_id="r1", step_id="loop", result=after)
    fields = {} if PENDING in new else {"status": "success", "payload": "new"}
    assert context == {"loop": {**before, **fields, "output": expected}}


async def test_the_context_can_be_declined(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot())
    result = {"status": "success"}
    declined = await workflows.update_workflow_results(
        "w", run_id="r1", step_id="a", result=result, return_context=False
    )
    assert declined == {}
    assert (await stored(workflows)).snapshot == snapshot(context={"input": {"query": "q"}, "a": result})


async def test_updates_of_an_unknown_run_write_nothing(workflows: WorkflowsStore) -> None:
    results = await workflows.update_workflow_results(
        "w", run_id="r1", step_id="a", result={}, request_context={"a": 1}
    )
    assert results == {}
    for options in ({}, {"expected_status": "pending"}, {"return_snapshot": False}):
        state = await workflows.update_workflow_state("w", run_id="r1", status="running", **options)
        assert state is None
    assert (await workflows.list_workflow_runs()).total == 0


@pytest.mark.parametrize(
    "members", [{}, {"context": None}, {"context": "text"}, {"context": []}, {"context": 5}, {"context": False}]
)
async def test_updates_need_a_context(workflows: WorkflowsStore, members: dict[str, Any]) -> None:
    state = {"status": "running", **members}
    await persist(workflows, state, updated_at=at(0))
    with pytest.raises(MastraConvexError, match="'r1' has no context") as raised:
        await workflows.update_workflow_results("w", run_id="r1", step_id="a", result={}, request_context={"a": 1})
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_UPDATE_WORKFLOW_RESULTS_INVALID_SNAPSHOT"
    with pytest.raises(MastraConvexError, match="'r1' has no context"):
        await workflows.update_workflow_state("w", run_id="r1", status="failed")
    run = await stored(workflows)
    assert (run.snapshot, run.updated_at) == (state, at(0))


async def test_state_is_laid_over_the_snapshot(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot(suspendedPaths={"a": [0]}, result={"old": 1}), updated_at=at(0))
    merged = await workflows.update_workflow_state(
        "w",
        run_id="r1",
        status="suspended",
        error={"message": "e"},
        suspended_paths={"b": [1]},
        waiting_paths={"c": [2]},
        resume_labels={"ok": {"stepId": "b", "foreachIndex": 0}},
        active_paths=(3, 4),
        active_steps_path={"b": [1]},
        tracing_context={"traceId": "t"},
    )
    assert merged == snapshot(
        "suspended",
        result={"old": 1},
        error={"message": "e"},
        suspendedPaths={"b": [1]},
        waitingPaths={"c": [2]},
        resumeLabels={"ok": {"stepId": "b", "foreachIndex": 0}},
        activePaths=[3, 4],
        activeStepsPath={"b": [1]},
        tracingContext={"traceId": "t"},
    )
    run = await stored(workflows)
    assert run.snapshot == merged
    assert run.updated_at > at(0)
    done = await workflows.update_workflow_state("w", run_id="r1", status="success", result={"new": 2})
    assert done == {**merged, "status": "success", "result": {"new": 2}}


async def test_a_guard_lets_only_the_expected_status_through(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot("suspended"), updated_at=at(0))
    refused = await workflows.update_workflow_state("w", run_id="r1", status="running", expected_status="paused")
    assert refused is None
    run = await stored(workflows)
    assert (run.snapshot, run.updated_at) == (snapshot("suspended"), at(0))
    claimed = await workflows.update_workflow_state(
        "w", run_id="r1", status="running", expected_status=["waiting", "suspended"]
    )
    assert claimed == snapshot("running")
    again = await workflows.update_workflow_state("w", run_id="r1", status="running", expected_status="suspended")
    assert again is None
    released = await workflows.update_workflow_state("w", run_id="r1", status="suspended", expected_status="running")
    assert released == snapshot("suspended")
    assert await workflows.update_workflow_state("w", run_id="r1", status="failed", expected_status=[]) is None
    assert (await stored(workflows)).snapshot == snapshot("suspended")


async def test_the_merged_snapshot_can_be_declined(workflows: WorkflowsStore) -> None:
    await persist(workflows, snapshot("suspended"))

    async def claim() -> dict[str, Any] | None:
        return await workflows.update_workflow_state(
            "w", run_id="r1", status="running", expected_status="suspended", active_paths=[1], return_snapshot=False
        )

    assert await claim() == {"status": "running", "activePaths": [1]}
    assert await claim() is None
    assert (await stored(workflows)).snapshot == snapshot("running", activePaths=[1])


@once
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"status": "done"}, "status must be one of running, success"),
        ({"expected_status": "done"}, "expected_status must be one of"),
        ({"expected_status": ["running", None]}, "expected_status must be one of"),
        ({"expected_status": 5}, "expected_status must be a list"),
        ({"expected_status": {"running": 1}}, "expected_status must be a list"),
        ({"result": [1]}, "result must be a mapping"),
        ({"error": {"at": b"x"}}, r"error\.at must be a JSON value"),
        ({"suspended_paths": [1]}, "suspended_paths must be a mapping"),
        ({"active_paths": [at(0)]}, r"active_paths\[0\]"),
        ({"active_paths": [0, "1"]}, r"active_paths\[1\] must be an integer"),
        ({"active_paths": [True]}, r"active_paths\[0\] must be an integer"),
        ({"active_paths": 1}, "active_paths must be a list"),
        ({"active_paths": "text"}, "active_paths must be a list"),
        ({"run_id": " "}, "run_id"),
    ],
)
async def test_bad_states_are_refused_by_name(workflows: WorkflowsStore, arguments: dict[str, Any], named: str) -> None:
    await persist(workflows, snapshot())
    with pytest.raises(ValidationError, match=named):
        await workflows.update_workflow_state("w", **{"run_id": "r1", "status": "failed", **arguments})
    assert (await stored(workflows)).snapshot == snapshot()


@once
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"step_id": ""}, "step_id"),
        ({"result": ["x"]}, "result must be a mapping"),
        ({"result": {"output": {1, 2}}}, r"result\.output must be a JSON value, not set"),
        ({"request_context": {"at": datetime(2026, 1, 1)}}, r"request_context\.at"),
        ({"workflow_name": ""}, "workflow_name"),
    ],
)
async def test_bad_results_are_refused_by_name(
    workflows: WorkflowsStore, arguments: dict[str, Any], named: str
) -> None:
    await persist(workflows, snapshot())
    with pytest.raises(ValidationError, match=named):
        await workflows.update_workflow_results(
            **{"workflow_name": "w", "run_id": "r1", "step_id": "a", "result": {}, **arguments}
        )
    assert (await stored(workflows)).snapshot == snapshot()


@pytest.mark.parametrize(
    "column",
    [
        snapshot("suspended"),
        json.dumps(snapshot("suspended")),
        json.dumps(json.dumps(snapshot("suspended"))),
    ],
    ids=["object", "text", "text of text"],
)
async def test_older_rows_work_in_every_method(backend: Backend, workflows: WorkflowsStore, column: Any) -> None:
    await put(backend, [row(column)])
    assert await workflows.load_workflow_snapshot("w", run_id="r1") == snapshot("suspended")
    assert (await stored(workflows)).snapshot == snapshot("suspended")
    assert (await workflows.list_workflow_runs(status="suspended")).total == 1
    result = {"status": "success", "output": {"$ref": 1}}
    context = await workflows.update_workflow_results("w", run_id="r1", step_id="a", result=result)
    assert context == {"input": {"query": "q"}, "a": result}
    merged = await workflows.update_workflow_state("w", run_id="r1", status="running", expected_status="suspended")
    assert merged == snapshot("running", context=context)
    assert await workflows.load_workflow_snapshot("w", run_id="r1") == merged


async def test_what_is_no_snapshot_is_told(backend: Backend, workflows: WorkflowsStore) -> None:
    await put(backend, [row("not json"), row(None, run_id="r2"), row("", run_id="r3")])
    assert (await stored(workflows)).snapshot == "not json"
    assert (await stored(workflows)).status is None
    with pytest.raises(DamagedRowError, match="'r1' is no JSON object") as raised:
        await workflows.load_workflow_snapshot("w", run_id="r1")
    assert raised.value.details == {"table": "mastra_workflow_snapshots", "id": '["w", "r1"]'}
    for run_id in ("r2", "r3"):
        assert await workflows.load_workflow_snapshot("w", run_id=run_id) is None
        run = await workflows.get_workflow_run_by_id(run_id)
        assert run is not None
        assert run.status == "pending"
