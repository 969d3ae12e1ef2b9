"""Background tasks (docs/contract.md, "Background tasks")."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import BackgroundTask, BackgroundTaskPage, BackgroundTasksStore
from tests.backends import Backend
from tests.data import at
from tests.effort import once


def task(n: int = 0, **changes: Any) -> BackgroundTask:
    names = {"tool_name": "search", "tool_call_id": f"call-{n}", "agent_id": "writer", "run_id": "run-1"}
    return BackgroundTask(**{"id": f"b{n:03}", **names, "created_at": at(n), **changes})


@pytest.fixture
def tasks(store: ConvexStore) -> BackgroundTasksStore:
    return store.background_tasks


def ids(page: BackgroundTaskPage) -> list[str]:
    return [found.id for found in page.tasks]


async def test_a_created_task_comes_back_equal(tasks: BackgroundTasksStore) -> None:
    full = task(
        1,
        status="failed",
        args={"$query": "чай", "n": [1, 2.5, None]},
        thread_id="t1",
        resource_id="u",
        result=[1, {"$ref": "x"}],
        error={"message": "no", "stack": "at x"},
        suspend_payload="ask",
        retry_count=2,
        max_retries=3,
        timeout_ms=1_000,
        started_at=at(2),
        suspended_at=at(3),
        completed_at=at(4),
    )
    for given in (task(), full):
        assert await tasks.create_task(given) == given
        assert await tasks.get_task(given.id) == given
    bare = await tasks.create_task(full.model_copy(update={"result": None, "error": None, "started_at": None}))
    assert await tasks.get_task("b001") == bare
    assert await tasks.get_task("unknown") is None


async def test_a_task_that_is_created_again_keeps_its_time(tasks: BackgroundTasksStore) -> None:
    names = {"id": "b1", "tool_name": "search", "tool_call_id": "c", "agent_id": "a", "run_id": "r"}
    first = await tasks.create_task(names)
    again = await tasks.create_task({**names, "status": "running"})
    assert (again.created_at, again.status) == (first.created_at, "running")
    assert await tasks.get_task("b1") == again
    timed = await tasks.create_task({**names, "created_at": at(5)})
    assert await tasks.get_task("b1") == timed
    assert timed.created_at == at(5)


async def test_an_update_changes_what_is_given(tasks: BackgroundTasksStore) -> None:
    await tasks.create_task(task())
    assert await tasks.update_task("b000", status="running", started_at=at(1))
    assert await tasks.update_task(
        "b000", status="completed", result={"a": 1}, error={"message": "x"}, suspend_payload=0, completed_at=at(2)
    )
    found = await tasks.get_task("b000")
    assert found == task(
        status="completed",
        result={"a": 1},
        error={"message": "x"},
        suspend_payload=0,
        started_at=at(1),
        completed_at=at(2),
    )
    times: dict[str, Any] = {"started_at": None, "suspended_at": None, "completed_at": None}
    assert await tasks.update_task("b000", result=None, error=None, suspend_payload=None, **times, retry_count=1)
    assert await tasks.get_task("b000") == task(status="completed", retry_count=1)
    assert await tasks.update_task("b000")
    assert not await tasks.update_task("unknown", status="running")
    assert not await tasks.update_task("unknown")


async def test_an_expected_status_is_checked_in_the_same_commit(tasks: BackgroundTasksStore) -> None:
    await tasks.create_task(task())
    assert not await tasks.update_task("b000", status="completed", expected_status="running")
    assert await tasks.get_task("b000") == task()
    assert await tasks.update_task("b000", status="running", expected_status=["pending", "suspended"])
    assert not await tasks.update_task("b000", status="running", expected_status=["pending", "suspended"])
    assert not await tasks.update_task("b000", status="running", expected_status=[])
    assert not await tasks.update_task("unknown", status="running", expected_status="pending")


async def test_of_many_contenders_one_wins(backend: Backend) -> None:
    stores = [backend.store().background_tasks for _ in range(2)]
    await stores[0].create_task(task())
    won: list[int] = []

    async def contend(n: int) -> None:
        if await stores[n % 2].update_task("b000", status="running", retry_count=n, expected_status="pending"):
            won.append(n)

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(contend, n)
    found = await stores[0].get_task("b000")
    assert found is not None
    assert won == [found.retry_count]


@once
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"status": "done"}, "status"),
        ({"error": "no"}, "error"),
        ({"retry_count": -1}, "retry_count"),
        ({"retry_count": True}, "retry_count"),
        ({"started_at": at(0).replace(tzinfo=None)}, "started_at"),
        ({"result": {"a": float("inf")}}, "result.a"),
    ],
)
async def test_a_wrong_value_is_refused(tasks: BackgroundTasksStore, wrong: Any, problem: str) -> None:
    names = {"tool_name": "search", "tool_call_id": "c", "agent_id": "a", "run_id": "r"}
    with pytest.raises(ValidationError, match=problem):
        await tasks.create_task({"id": "b9", **names, **wrong})
    assert await tasks.get_task("b9") is None
    await tasks.create_task(task())
    with pytest.raises(ValidationError, match=problem):
        await tasks.update_task("b000", **wrong)
    assert await tasks.get_task("b000") == task()


async def test_filters(tasks: BackgroundTasksStore) -> None:
    await tasks.create_task(task(3, status="running", agent_id="a", thread_id="t1", tool_name="send"))
    await tasks.create_task(task(1, status="completed", resource_id="u", completed_at=at(9), run_id="run-2"))
    await tasks.create_task(task(2, status="running", thread_id="t1", started_at=at(5)))
    await tasks.create_task(task(0, agent_id="a", completed_at=at(7)))
    everything = await tasks.list_tasks()
    assert (ids(everything), everything.total, everything.has_more) == (["b000", "b001", "b002", "b003"], 4, False)

    async def listed(**filters: Any) -> list[str]:
        page = await tasks.list_tasks(**filters)
        assert page.total == len(page.tasks)
        return ids(page)

    assert await listed(status="running") == ["b002", "b003"]
    assert await listed(status=["running", "pending"], order_by="-created_at") == ["b003", "b002", "b000"]
    assert await listed(status=[]) == []
    assert await listed(agent_id="a") == ["b000", "b003"]
    assert await listed(agent_id="a", status="running") == ["b003"]
    assert await listed(agent_id="a", status=["completed", "pending"]) == ["b000"]
    assert await listed(thread_id="t1") == ["b002", "b003"]
    assert await listed(resource_id="u") == ["b001"]
    assert await listed(tool_name="send") == ["b003"]
    assert await listed(tool_call_id="call-2") == ["b002"]
    assert await listed(run_id="run-1") == ["b000", "b002", "b003"]
    assert await listed(run_id="run-1", thread_id="t1", tool_name="search") == ["b002"]
    assert await listed(from_date=at(1), to_date=at(3)) == ["b001", "b002"]
    assert await listed(run_id="run-1", from_date=at(2), to_date=at(3)) == ["b002"]
    assert await listed(from_date=at(8), date_filter_by="completed_at") == ["b001"]
    assert await listed(to_date=at(9), date_filter_by="completed_at") == ["b000"]
    assert await listed(to_date=at(10), date_filter_by="completed_at") == ["b000", "b001"]
    assert await listed(order_by="completed_at") == ["b002", "b003", "b000", "b001"]
    assert (await listed(order_by="-completed_at"))[:2] == ["b001", "b000"]
    assert await listed(run_id="run-1", order_by="-created_at") == ["b003", "b002", "b000"]
    for wrong in ({"status": "done"}, {"order_by": "id"}, {"date_filter_by": "id"}, {"from_date": "x"}, {"page": -1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            await tasks.list_tasks(**wrong)


async def test_pages(tasks: BackgroundTasksStore) -> None:
    for n in range(25):
        await tasks.create_task(task(n, status="running" if n % 2 else "pending", started_at=at(100 - n)))
    for options in ({}, {"run_id": "run-1"}, {"order_by": "-started_at"}):
        first = await tasks.list_tasks(per_page=10, **options)  # type: ignore[arg-type]
        last = await tasks.list_tasks(page=2, per_page=10, **options)  # type: ignore[arg-type]
        assert (ids(first), first.total, first.has_more) == ([f"b{n:03}" for n in range(10)], 25, True)
        assert (ids(last), last.total, last.has_more) == ([f"b{n:03}" for n in range(20, 25)], 25, False)
        light = await tasks.list_tasks(page=1, per_page=10, include_total=False, **options)  # type: ignore[arg-type]
        assert (ids(light), light.total, light.has_more) == ([f"b{n:03}" for n in range(10, 20)], None, True)


async def test_deletes(tasks: BackgroundTasksStore) -> None:
    for n in range(30):
        await tasks.create_task(task(n, status="completed" if n < 20 else "running", agent_id=f"a{n % 2}"))
    await tasks.delete_task("b000")
    await tasks.delete_task("unknown")
    await tasks.delete_tasks()
    await tasks.delete_tasks(status=[])
    assert (await tasks.list_tasks()).total == 29
    await tasks.delete_tasks(status=["completed", "failed"], agent_id="a1", to_date=at(10))
    assert (await tasks.list_tasks(status="completed", agent_id="a1")).total == 5
    await tasks.delete_tasks(to_date=at(25))
    assert ids(await tasks.list_tasks()) == [f"b{n:03}" for n in range(25, 30)]


async def test_running_counts(tasks: BackgroundTasksStore) -> None:
    assert await tasks.get_running_count() == 0
    for n in range(7):
        await tasks.create_task(task(n, status="running" if n < 5 else "pending", agent_id=f"a{n % 2}"))
    assert await tasks.get_running_count() == 5
    assert await tasks.get_running_count_by_agent("a0") == 3
    assert await tasks.get_running_count_by_agent("unknown") == 0


async def test_old_tasks_are_pruned(store: ConvexStore, tasks: BackgroundTasksStore) -> None:
    await tasks.create_task(task())
    recent = await tasks.create_task({**task(1).model_dump(exclude={"created_at"})})
    [result] = await store.prune({"background_tasks": {"background_tasks": "1d"}})
    assert (result.deleted, result.done) == (1, True)
    assert (await tasks.list_tasks()).tasks == [recent]
