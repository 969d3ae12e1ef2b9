"""Claims of runs with a lease (docs/contract.md, "Claims")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mastra_convex import ConflictError, ConvexStore, NotFoundError, ValidationError
from mastra_convex_domains import RunClaim, WorkflowsStore
from tests.backends import Backend
from tests.effort import once, some_backends

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
async def workflows(store: ConvexStore) -> WorkflowsStore:
    await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "running", "context": {}})
    return store.workflows


async def claimed(workflows: WorkflowsStore, owner: str, lease: timedelta = MINUTE, **options: Any) -> RunClaim | None:
    return await workflows.claim_run("trip", run_id="1", owner=owner, lease=lease, **options)


async def ended(workflows: WorkflowsStore, owner: str) -> RunClaim:
    """A claim whose lease is over."""
    claim = await claimed(workflows, owner, MOMENT)
    assert claim is not None
    while datetime.now(UTC) <= claim.expires_at:
        await anyio.lowlevel.checkpoint()
    return claim


async def status(workflows: WorkflowsStore) -> str:
    snapshot = await workflows.load_workflow_snapshot("trip", run_id="1")
    assert snapshot is not None
    return str(snapshot["status"])


async def test_a_run_is_held_by_one_until_it_is_released(workflows: WorkflowsStore) -> None:
    first = await claimed(workflows, "a")
    assert first is not None
    assert (first.owner, first.fence, first.workflow_name, first.run_id) == ("a", 1, "trip", "1")
    assert first.expires_at - first.claimed_at == MINUTE
    assert await claimed(workflows, "b") is None
    assert await claimed(workflows, "a") is None
    assert await workflows.release_claim(first)
    assert not await workflows.release_claim(first)
    second = await claimed(workflows, "b")
    assert second is not None
    assert (second.owner, second.fence) == ("b", 2)


async def test_a_lost_claim_and_an_unknown_run_are_told_apart(workflows: WorkflowsStore) -> None:
    with pytest.raises(NotFoundError, match="run '2' not found"):
        await workflows.claim_run("trip", run_id="2", owner="a", lease=MINUTE)
    with pytest.raises(NotFoundError):
        await workflows.claim_run("other", run_id="1", owner="a", lease=MINUTE, expected_status="running")
    assert await claimed(workflows, "a", expected_status="suspended") is None
    assert await claimed(workflows, "a", expected_status=["suspended", "running"]) is not None


async def test_a_run_is_taken_over_when_the_lease_has_ended(workflows: WorkflowsStore) -> None:
    stale = await ended(workflows, "a")
    assert await workflows.list_expired_claims() == [stale]
    rescuer = await claimed(workflows, "b", expected_status="running")
    assert rescuer is not None
    assert (rescuer.owner, rescuer.fence) == ("b", 2)
    assert await workflows.list_expired_claims() == []
    assert await workflows.renew_claim(stale, lease=MINUTE) is None
    assert not await workflows.release_claim(stale)
    for write in (
        workflows.update_workflow_state("trip", run_id="1", status="success", claim=stale),
        workflows.update_workflow_state("trip", run_id="1", status="success", expected_status="failed", claim=stale),
        workflows.update_workflow_results("trip", run_id="1", step_id="s", result={"a": 1}, claim=stale),
        workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "failed"}, claim=stale),
    ):
        with pytest.raises(ConflictError, match="somebody else has taken the run over"):
            await write
    assert await workflows.load_workflow_snapshot("trip", run_id="1") == {"status": "running", "context": {}}
    await workflows.update_workflow_results("trip", run_id="1", step_id="s", result={"a": 1}, claim=rescuer)
    await workflows.update_workflow_state("trip", run_id="1", status="success", claim=rescuer)
    assert await status(workflows) == "success"
    await workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "failed"}, claim=rescuer)
    assert await status(workflows) == "failed"


async def test_a_lease_is_renewed(workflows: WorkflowsStore) -> None:
    claim = await ended(workflows, "a")
    renewed = await workflows.renew_claim(claim, lease=MINUTE)
    assert renewed is not None
    assert (renewed.fence, renewed.owner, renewed.claimed_at) == (claim.fence, "a", claim.claimed_at)
    assert renewed.expires_at > claim.expires_at
    assert await claimed(workflows, "b") is None
    assert await workflows.list_expired_claims() == []
    await workflows.update_workflow_state("trip", run_id="1", status="success", claim=claim)  # it is the same claim
    assert await workflows.release_claim(renewed)
    assert await workflows.renew_claim(renewed, lease=MINUTE) is None
    with pytest.raises(ConflictError, match="was released"):
        await workflows.update_workflow_state("trip", run_id="1", status="failed", claim=renewed)


async def test_expired_claims_by_workflow_and_time(workflows: WorkflowsStore) -> None:
    await workflows.persist_workflow_snapshot("other", run_id="1", snapshot={"status": "running"})
    first = await claimed(workflows, "a", timedelta(seconds=30))
    second = await workflows.claim_run("other", run_id="1", owner="a", lease=timedelta(seconds=20))
    assert first is not None
    assert second is not None
    later = datetime.now(UTC) + MINUTE
    assert await workflows.list_expired_claims() == []
    assert await workflows.list_expired_claims(at=later) == [second, first]
    assert await workflows.list_expired_claims(at=later, limit=1) == [second]
    assert await workflows.list_expired_claims(at=later, workflow_name="trip") == [first]
    assert await workflows.list_expired_claims(at=first.expires_at - MOMENT) == [second]
    await workflows.release_claim(second)
    assert await workflows.list_expired_claims(at=later) == [first]


async def test_a_deleted_run_takes_its_claim_along(workflows: WorkflowsStore) -> None:
    claim = await claimed(workflows, "a")
    await workflows.delete_workflow_run_by_id("1", workflow_name="trip")
    later = datetime.now(UTC) + 2 * MINUTE
    assert await workflows.list_expired_claims(at=later) == []
    assert claim is not None
    assert await workflows.renew_claim(claim, lease=MINUTE) is None


async def test_claims_of_large_runs(workflows: WorkflowsStore) -> None:
    snapshot = {"status": "running", "context": {"big": "x" * 3_000_000}}
    await workflows.persist_workflow_snapshot("trip", run_id="1", snapshot=snapshot)
    claim = await claimed(workflows, "a", expected_status="running")
    assert claim is not None
    await workflows.update_workflow_state("trip", run_id="1", status="success", claim=claim, return_snapshot=False)
    assert await status(workflows) == "success"
    await workflows.release_claim(claim)
    with pytest.raises(ConflictError):
        await workflows.update_workflow_state("trip", run_id="1", status="failed", claim=claim)
    assert await claimed(workflows, "b", expected_status="running") is None


@once
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"owner": " "}, "owner"),
        ({"lease": timedelta()}, "lease"),
        ({"lease": 30}, "lease"),
        ({"lease": timedelta.max}, "lease"),
        ({"expected_status": "done"}, "expected_status"),
    ],
)
async def test_a_wrong_argument_is_refused(workflows: WorkflowsStore, wrong: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        await workflows.claim_run("trip", run_id="1", **{"owner": "a", "lease": MINUTE, **wrong})
    claim = await claimed(workflows, "a")
    with pytest.raises(ValidationError, match="claim must be that of the run"):
        await workflows.update_workflow_state("trip", run_id="2", status="success", claim=claim)


@some_backends("sqlite")
async def test_of_many_contenders_one_wins(backend: Backend) -> None:
    stores = [backend.store().workflows for _ in range(2)]
    await stores[0].persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "running"})
    for stale in (False, True):
        if stale:
            await ended(stores[0], "dead")
        won: list[RunClaim] = []

        async def contend(n: int) -> None:
            claim = await claimed(stores[n % 2], f"w{n}", expected_status="running")
            if claim is not None:
                won.append(claim)  # noqa: B023  # all have ended before the list is another one

        async with anyio.create_task_group() as group:
            for n in range(50):
                group.start_soon(contend, n)
        assert len(won) == 1
        assert await stores[0].release_claim(won[0])
