"""Schedules and triggers (docs/contract.md, "Schedules")."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex import ConflictError, ConvexStore, NotFoundError, ValidationError
from mastra_convex.engine.protocol import Commit, Engine, Put
from mastra_convex_domains import Schedule, SchedulesStore, ScheduleTrigger
from tests.backends import Backend
from tests.data import at
from tests.effort import once

WORKFLOW: dict[str, Any] = {"type": "workflow", "workflowId": "report", "inputData": {"$n": [1, None]}}
AGENT: dict[str, Any] = {"type": "agent", "agentId": "writer", "prompt": "Schreib", "attributes": {"ключ": 1}}


def schedule(n: int = 0, **changes: Any) -> Schedule:
    times = {"next_fire_at": 1_000 + n, "created_at": n, "updated_at": n}
    return Schedule(**{"id": f"s{n}", "target": WORKFLOW, "cron": "0 9 * * *", **times, **changes})


def trigger(n: int = 0, **changes: Any) -> ScheduleTrigger:
    times = {"scheduled_fire_at": n, "actual_fire_at": n}
    return ScheduleTrigger(**{"id": f"t{n}", "schedule_id": "s0", "outcome": "published", **times, **changes})


@pytest.fixture
def schedules(store: ConvexStore) -> SchedulesStore:
    return store.schedules


async def test_a_created_schedule_comes_back_equal(schedules: SchedulesStore) -> None:
    full = schedule(
        7,
        target=AGENT,
        timezone="Europe/Tallinn",
        status="paused",
        last_fire_at=900,
        last_run_id="run-1",
        metadata={"$schema": 1, "名": None},
        owner_type="agent",
        owner_id="writer",
    )
    for given in (schedule(), full):
        assert await schedules.create_schedule(given) == given
        assert await schedules.get_schedule(given.id) == given
    assert await schedules.get_schedule("unknown") is None


async def test_defaults_and_both_spellings(schedules: SchedulesStore) -> None:
    made = await schedules.create_schedule({"target": WORKFLOW, "cron": "* * * * *", "nextFireAt": at(1)})
    assert made.next_fire_at == int(at(1).timestamp() * 1000)
    assert (made.status, made.timezone, made.metadata) == ("active", None, None)
    assert made.next_fire_at < made.created_at <= made.updated_at
    assert await schedules.get_schedule(made.id) == made


async def test_an_id_is_taken_once(schedules: SchedulesStore) -> None:
    await schedules.create_schedule(schedule())
    with pytest.raises(ConflictError, match="'s0' exists already"):
        await schedules.create_schedule(schedule(cron="other"))
    assert await schedules.get_schedule("s0") == schedule()
    await schedules.record_trigger(trigger())
    with pytest.raises(ConflictError, match="'t0' exists already"):
        await schedules.record_trigger(trigger(outcome="failed"))


@once
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"target": {"type": "shell"}}, "target: must have the type 'workflow' or 'agent'"),
        ({"target": {"type": "workflow"}}, "must have 'workflowId'"),
        ({"target": {"type": "agent", "agentId": "a"}}, "must have 'prompt'"),
        ({"target": "report"}, "target"),
        ({"status": "running"}, "status"),
        ({"next_fire_at": "soon"}, "next_fire_at"),
        ({"next_fire_at": -1}, "next_fire_at"),
        ({"cron": None}, "cron"),
        ({"id": " "}, "id"),
        ({"metadata": {"a": float("nan")}}, "metadata.a"),
    ],
)
async def test_a_wrong_schedule_is_refused(schedules: SchedulesStore, wrong: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        await schedules.create_schedule({"id": "s0", "target": WORKFLOW, "cron": "x", "next_fire_at": 1, **wrong})
    assert await schedules.list_schedules() == []


async def test_lists_by_every_filter(schedules: SchedulesStore) -> None:
    await schedules.create_schedule(schedule(3))
    await schedules.create_schedule(schedule(1, owner_type="agent", owner_id="a"))
    await schedules.create_schedule(schedule(2, status="paused", owner_type="agent", owner_id="b"))
    await schedules.create_schedule(schedule(0, target=AGENT, owner_id="a"))

    async def listed(**filters: Any) -> list[str]:
        return [found.id for found in await schedules.list_schedules(**filters)]

    assert await listed() == ["s0", "s1", "s2", "s3"]
    assert await listed(status="active") == ["s0", "s1", "s3"]
    assert await listed(workflow_id="report") == ["s1", "s2", "s3"]
    assert await listed(workflow_id="report", status="paused") == ["s2"]
    assert await listed(owner_type="agent") == ["s1", "s2"]
    assert await listed(owner_type="agent", owner_id="a") == ["s1"]
    assert await listed(owner_id="a") == ["s0", "s1"]
    assert await listed(owner_type=None) == ["s0", "s3"]
    assert await listed(owner_id=None, owner_type=None) == ["s3"]
    assert await listed(owner_type="agent", status="paused", workflow_id="report") == ["s2"]
    assert await listed(workflow_id="unknown") == []
    with pytest.raises(ValidationError, match="status must be 'active' or 'paused'"):
        await schedules.list_schedules(status="done")  # type: ignore[arg-type]


async def test_due_schedules_come_in_the_order_of_their_time(schedules: SchedulesStore) -> None:
    for n in (5, 1, 3):
        await schedules.create_schedule(schedule(n))
    await schedules.create_schedule(schedule(2, status="paused"))
    assert [due.id for due in await schedules.list_due_schedules(1_003)] == ["s1", "s3"]
    assert [due.id for due in await schedules.list_due_schedules(at(0))] == ["s1", "s3", "s5"]
    assert [due.id for due in await schedules.list_due_schedules(2_000, limit=1)] == ["s1"]
    assert await schedules.list_due_schedules(1_000) == []
    for wrong in ("now", -1, True, at(0).replace(tzinfo=None)):
        with pytest.raises(ValidationError, match="now"):
            await schedules.list_due_schedules(wrong)  # type: ignore[arg-type]


async def test_an_update_changes_what_is_given(schedules: SchedulesStore) -> None:
    before = schedule(timezone="UTC", metadata={"a": 1}, owner_type="agent", owner_id="a")
    await schedules.create_schedule(before)
    assert await schedules.update_schedule("s0") == before
    changed = await schedules.update_schedule(
        "s0", cron="1 1 * * *", status="paused", next_fire_at=5, metadata={"b": 2}
    )
    assert (changed.cron, changed.status, changed.next_fire_at, changed.metadata) == (
        "1 1 * * *",
        "paused",
        5,
        {"b": 2},
    )
    assert (changed.timezone, changed.target, changed.created_at) == ("UTC", WORKFLOW, 0)
    assert changed.updated_at > before.updated_at
    cleared = await schedules.update_schedule("s0", timezone=None, metadata=None, owner_type=None, owner_id=None)
    assert (cleared.timezone, cleared.metadata, cleared.owner_type, cleared.owner_id) == (None,) * 4
    assert await schedules.list_schedules(owner_type=None) == [cleared]
    moved = await schedules.update_schedule("s0", target=AGENT)
    assert moved.target == AGENT
    assert await schedules.list_schedules(workflow_id="report") == []
    assert await schedules.get_schedule("s0") == moved
    with pytest.raises(NotFoundError, match="schedule 'none' not found"):
        await schedules.update_schedule("none", cron="x")
    with pytest.raises(NotFoundError):
        await schedules.update_schedule("none")
    with pytest.raises(ValidationError, match="status"):
        await schedules.update_schedule("s0", status="done")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="cron"):
        await schedules.update_schedule("s0", cron=None)  # type: ignore[arg-type]


async def fire(schedules: SchedulesStore, run: str, expected: int = 1_000) -> bool:
    return await schedules.update_schedule_next_fire(
        "s0", expected_next_fire_at=expected, new_next_fire_at=2_000, last_fire_at=1_001, last_run_id=run
    )


async def test_a_firing_is_claimed_by_who_expects_the_right_time(schedules: SchedulesStore) -> None:
    assert not await fire(schedules, "r1")
    await schedules.create_schedule(schedule())
    assert not await fire(schedules, "r1", expected=999)
    assert await schedules.get_schedule("s0") == schedule()
    assert await fire(schedules, "r1")
    assert not await fire(schedules, "r2")
    found = await schedules.get_schedule("s0")
    assert found is not None
    assert (found.next_fire_at, found.last_fire_at, found.last_run_id) == (2_000, 1_001, "r1")
    await schedules.update_schedule("s0", status="paused")
    assert not await fire(schedules, "r3", expected=2_000)


async def test_of_many_contenders_one_wins(backend: Backend) -> None:
    stores = [backend.store().schedules for _ in range(2)]
    await stores[0].create_schedule(schedule())
    won: list[str] = []

    async def contend(n: int) -> None:
        if await fire(stores[n % 2], f"r{n}"):
            won.append(f"r{n}")

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(contend, n)
    found = await stores[0].get_schedule("s0")
    assert found is not None
    assert won == [found.last_run_id]


async def test_triggers_newest_first_and_by_range(schedules: SchedulesStore) -> None:
    full = trigger(
        9, run_id="r", error="e", trigger_kind="manual", parent_trigger_id="t1", metadata={"$a": 1}, outcome="failed"
    )
    for each in (trigger(2), full, trigger(1), trigger(5), trigger(7, schedule_id="other")):
        assert await schedules.record_trigger(each) == each
    assert await schedules.list_triggers("s0") == [full, trigger(5), trigger(2), trigger(1)]
    assert await schedules.list_triggers("s0", limit=2) == [full, trigger(5)]
    assert await schedules.list_triggers("s0", limit=0) == []
    found = await schedules.list_triggers("s0", from_actual_fire_at=2, to_actual_fire_at=9)
    assert found == [trigger(5), trigger(2)]
    assert await schedules.list_triggers("unknown") == []
    made = await schedules.record_trigger(
        {"scheduleId": "s0", "scheduledFireAt": 1, "actualFireAt": at(0), "outcome": "skipped"}
    )
    assert (made.trigger_kind, made.run_id) == ("schedule-fire", None)
    assert (await schedules.list_triggers("s0", limit=1)) == [made]


async def test_a_deleted_schedule_takes_its_triggers_along(schedules: SchedulesStore) -> None:
    await schedules.create_schedule(schedule())
    await schedules.create_schedule(schedule(1))
    for n in range(60):
        await schedules.record_trigger(trigger(n))
    other = await schedules.record_trigger(trigger(99, schedule_id="s1"))
    await schedules.delete_schedule("s0")
    await schedules.delete_schedule("unknown")
    assert await schedules.get_schedule("s0") is None
    assert await schedules.list_triggers("s0") == []
    assert await schedules.list_triggers("s1") == [other]


async def test_old_triggers_are_pruned(store: ConvexStore, schedules: SchedulesStore) -> None:
    now = int(at(0).timestamp() * 1000)
    await schedules.create_schedule(schedule())
    await schedules.record_trigger(trigger(now))
    recent = await schedules.record_trigger(
        {"schedule_id": "s0", "scheduled_fire_at": 1, "actual_fire_at": 4_102_444_800_000, "outcome": "published"}
    )
    [result] = await store.prune({"schedules": {"triggers": "30d"}})
    assert (result.deleted, result.done) == (1, True)
    assert await schedules.list_triggers("s0") == [recent]
    assert await schedules.get_schedule("s0") == schedule()


async def test_rows_of_older_and_newer_writers(schedules: SchedulesStore, engine: Engine) -> None:
    row: dict[str, Any] = {
        "id": "old",
        "target": '{"type":"heartbeat","agentId":"a","prompt":"p"}',
        "cron": "x",
        "status": "active",
        "next_fire_at": 1,
        "created_at": 1,
        "updated_at": 1,
    }
    broken = {**row, "id": "broken", "target": "{", "status": "paused"}
    await engine.commit(Commit(id="rows", ops=[Put(table="mastra_schedules", rows=[row, broken])]))
    found = await schedules.get_schedule("old")
    assert found is not None
    assert found.target == {"type": "agent", "agentId": "a", "prompt": "p"}
    assert (await schedules.update_schedule("old", cron="y")).target["type"] == "agent"
    with pytest.raises(Exception, match="target"):
        await schedules.get_schedule("broken")
