"""The workloads of the workflows domain: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.values import Row, to_json
from mastra_convex_domains import RunStatus, WorkflowsStore
from tests.backends import ConvexHost
from tests.cost.conftest import Meter, page_bytes
from tests.data import at
from tests.domains.workflows.data import row, snapshot

LOREM = "lorem ipsum dolor sit amet " * 40
STATUSES: list[RunStatus] = ["running", "suspended", "success", "pending"]


@pytest.fixture
def workflows(store: ConvexStore) -> WorkflowsStore:
    return store.workflows


def step(n: int) -> dict[str, Any]:
    """The result of a step, of 1 kB."""
    return {"status": "success", "output": {"text": f"{n} {LOREM}"[:950]}, "payload": {}}


def large(kilobytes: int, status: str = "running", **options: Any) -> dict[str, Any]:
    """A snapshot of so many kB of JSON text."""
    state = snapshot(status, context={f"step-{n}": step(n) for n in range(kilobytes - 1)}, **options)
    return {**state, "padding": "x" * (kilobytes * 1000 - len(to_json(state)) - len(',"padding":""'))}


async def test_w9_a_step_result_into_200_kb(workflows: WorkflowsStore, meter: Meter) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=large(200))
    await meter.start()
    await workflows.update_workflow_results("w", run_id="r1", step_id="new", result=step(0), return_context=False)
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.request_bytes <= 5_000
    assert cost.response_bytes <= 5_000


async def test_w9_with_the_whole_context(workflows: WorkflowsStore, meter: Meter) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=large(200))
    await meter.start()
    context = await workflows.update_workflow_results("w", run_id="r1", step_id="new", result=step(0))
    cost = await meter.cost()
    assert (cost.calls, context["new"], len(context)) == (1, step(0), 200)


async def test_w9_a_claim_of_200_kb(workflows: WorkflowsStore, meter: Meter) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=large(200, "suspended"))
    await meter.start()
    for claimed in ({"status": "running"}, None):
        answer = await workflows.update_workflow_state(
            "w", run_id="r1", status="running", expected_status="suspended", return_snapshot=False
        )
        assert answer == claimed
    cost = await meter.cost()
    assert cost.calls == 2
    assert cost.request_bytes + cost.response_bytes <= 5_000


async def test_w9b_persisting_200_kb_again(workflows: WorkflowsStore, meter: Meter) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=large(200), created_at=at(0))
    await meter.start()
    await workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=large(200, "success"))
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.request_bytes + cost.response_bytes <= 206_000
    run = await workflows.get_workflow_run_by_id("r1")
    assert run is not None
    assert run.created_at == at(0)


async def load_runs(host: ConvexHost) -> list[Row]:
    """1,000 runs of 20 kB, of four statuses in turn."""
    rows = [
        row(to_json(large(20, STATUSES[n % 4], run_id=f"r{n}")), workflow_name="abc"[n % 3], run_id=f"r{n}", n=n)
        for n in range(1000)
    ]
    for n in range(0, 1000, 250):
        await host.load({"mastra_workflow_snapshots": rows[n : n + 250]})
    return rows


async def test_w10_20_of_1000_runs_by_status(workflows: WorkflowsStore, meter: Meter, host: ConvexHost) -> None:
    rows = await load_runs(host)
    for status in STATUSES:
        matching = [each for n, each in enumerate(rows) if STATUSES[n % 4] == status][::-1]
        await meter.start()
        found = await workflows.list_workflow_runs(status=status, page=0, per_page=20)
        cost = await meter.cost()
        assert [run.run_id for run in found.runs] == [each["run_id"] for each in matching[:20]]
        assert found.total == 250
        assert cost.calls <= 3
        assert cost.response_bytes <= 1.3 * page_bytes(matching[:20])


async def test_w10_without_a_total(workflows: WorkflowsStore, meter: Meter, host: ConvexHost) -> None:
    await load_runs(host)
    await meter.start()
    found = await workflows.list_workflow_runs(status="suspended", page=0, per_page=20, include_total=False)
    cost = await meter.cost()
    assert (len(found.runs), found.has_more, cost.calls) == (20, True, 1)
    assert cost.documents_read <= 84


async def test_pages_by_index_read_only_the_page(workflows: WorkflowsStore, meter: Meter, host: ConvexHost) -> None:
    await load_runs(host)
    filters: list[dict[str, Any]] = [{}, {"workflow_name": "b"}, {"to_date": at(500)}]
    for given in filters:
        await meter.start()
        found = await workflows.list_workflow_runs(**given, page=0, per_page=20, include_total=False)
        cost = await meter.cost()
        assert (len(found.runs), cost.calls) == (20, 1)
        assert cost.documents_read <= 22
    await meter.start()
    newest = await workflows.get_workflow_run_by_id("r7")
    cost = await meter.cost()
    assert newest is not None
    assert (cost.calls, cost.documents_read) == (1, 1)
