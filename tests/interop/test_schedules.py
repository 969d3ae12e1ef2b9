"""Schedules of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex_domains import Schedule, ScheduleTrigger
from tests.interop.conftest import StockStore

SCHEDULE: dict[str, Any] = {
    "id": "s1",
    "target": {"type": "workflow", "workflowId": "report", "inputData": {"$n": [1, None, "名"]}},
    "cron": "0 9 * * *",
    "timezone": "Europe/Tallinn",
    "status": "active",
    "nextFireAt": 1_000,
    "lastFireAt": 900,
    "lastRunId": "run-0",
    "createdAt": 1,
    "updatedAt": 2,
    "metadata": {"$a": {"b": None}},
    "ownerType": "agent",
    "ownerId": "writer",
}
BARE = {key: SCHEDULE[key] for key in ("target", "cron", "status", "createdAt", "updatedAt")} | {
    "id": "s2",
    "nextFireAt": 5,
}
TRIGGER: dict[str, Any] = {
    "id": "t1",
    "scheduleId": "s1",
    "runId": "run-1",
    "scheduledFireAt": 1_000,
    "actualFireAt": 1_001,
    "outcome": "failed",
    "error": "no",
    "triggerKind": "manual",
    "parentTriggerId": "t0",
    "metadata": {"a": 1},
}


def seen(found: Any) -> dict[str, Any]:
    """What TypeScript shows, without members that are absent."""
    return {key: value for key, value in found.items() if not key.startswith("_") and value is not None}


async def test_python_reads_what_typescript_wrote(ours: ConvexStore, stock: StockStore) -> None:
    for given in (SCHEDULE, BARE):
        await stock.call("schedules", "createSchedule", given)
        assert await ours.schedules.get_schedule(given["id"]) == Schedule(**given)
    await stock.call("schedules", "recordTrigger", TRIGGER)
    assert await ours.schedules.list_triggers("s1") == [ScheduleTrigger(**TRIGGER)]
    assert [found.id for found in await ours.schedules.list_due_schedules(1_000)] == ["s2", "s1"]
    assert [found.id for found in await ours.schedules.list_schedules(owner_type=None)] == ["s2"]
    assert [found.id for found in await ours.schedules.list_schedules(workflow_id="report")] == ["s1", "s2"]


async def test_typescript_reads_what_python_wrote(ours: ConvexStore, stock: StockStore) -> None:
    for given in (SCHEDULE, BARE):
        await ours.schedules.create_schedule(given)
        assert seen(await stock.call("schedules", "getSchedule", given["id"])) == given
    await ours.schedules.record_trigger(TRIGGER)
    assert [seen(found) for found in await stock.call("schedules", "listTriggers", "s1")] == [TRIGGER]
    due = await stock.call("schedules", "listDueSchedules", 1_000)
    assert [found["id"] for found in due] == ["s2", "s1"]
    unowned = await stock.call("schedules", "listSchedules", {"ownerType": None})
    assert [found["id"] for found in unowned] == ["s2"]


async def test_each_sees_the_claims_and_changes_of_the_other(ours: ConvexStore, stock: StockStore) -> None:
    await ours.schedules.create_schedule(SCHEDULE)
    claim: dict[str, Any] = {"new_next_fire_at": 2_000, "last_fire_at": 1_000, "last_run_id": "py"}
    assert await ours.schedules.update_schedule_next_fire("s1", expected_next_fire_at=1_000, **claim)
    assert not await stock.call("schedules", "updateScheduleNextFire", "s1", 1_000, 3_000, 1_000, "ts")
    assert await stock.call("schedules", "updateScheduleNextFire", "s1", 2_000, 3_000, 2_000, "ts")
    assert not await ours.schedules.update_schedule_next_fire("s1", expected_next_fire_at=2_000, **claim)
    await ours.schedules.update_schedule(
        "s1", metadata=None, timezone=None, target={**SCHEDULE["target"], "workflowId": "x"}
    )
    found = seen(await stock.call("schedules", "getSchedule", "s1"))
    assert (found["nextFireAt"], found["lastRunId"], "metadata" in found, "timezone" in found) == (
        3_000,
        "ts",
        False,
        False,
    )
    assert len(await stock.call("schedules", "listSchedules", {"workflowId": "x"})) == 1
    await stock.call("schedules", "updateSchedule", "s1", {"status": "paused", "metadata": {"b": 1}})
    changed = await ours.schedules.get_schedule("s1")
    assert changed is not None
    assert (changed.status, changed.metadata) == ("paused", {"b": 1})
    await ours.schedules.record_trigger(TRIGGER)
    await ours.schedules.delete_schedule("s1")
    assert await stock.call("schedules", "getSchedule", "s1") is None
    assert await stock.call("schedules", "listTriggers", "s1") == []
