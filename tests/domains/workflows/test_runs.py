"""Lists of runs, single runs, deletes (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mastra_convex import ValidationError
from mastra_convex_domains import WorkflowRun, WorkflowRunPage, WorkflowsStore
from tests.backends import Backend
from tests.data import at
from tests.domains.workflows.data import put, row, snapshot


async def persist(
    workflows: WorkflowsStore, name: str, run_id: str, n: int, status: str = "running", **options: Any
) -> None:
    state = snapshot(status, run_id=run_id, **options.pop("members", {}))
    await workflows.persist_workflow_snapshot(name, run_id=run_id, snapshot=state, created_at=at(n), **options)


EAST = timezone(timedelta(hours=2))


@pytest.fixture
async def ten(workflows: WorkflowsStore) -> WorkflowsStore:
    """Ten runs, not stored in the order of their times: n even in workflow a, n % 3 == 0 of user-1, n < 4 failed."""
    for n in (3, 7, 0, 9, 4, 1, 8, 2, 6, 5):
        await persist(
            workflows,
            "b" if n % 2 else "a",
            f"r{n}",
            n,
            "failed" if n < 4 else "success",
            resource_id=None if n % 3 else "user-1",
        )
    return workflows


def numbers(page: WorkflowRunPage) -> list[int]:
    return [int(run.run_id[1:]) for run in page.runs]


async def test_all_runs_newest_first(ten: WorkflowsStore) -> None:
    page = await ten.list_workflow_runs()
    assert numbers(page) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert (page.total, page.page, page.per_page, page.has_more) == (10, 0, False, False)
    run = page.runs[0]
    assert run == WorkflowRun(
        workflow_name="b",
        run_id="r9",
        snapshot=snapshot("success", run_id="r9"),
        resource_id="user-1",
        created_at=at(9),
        updated_at=run.updated_at,
    )
    assert (run.status, run.thread_id) == ("success", None)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"workflow_name": "a"}, [8, 6, 4, 2, 0]),
        ({"workflow_name": "c"}, []),
        ({"workflow_name": ""}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"resource_id": "user-1"}, [9, 6, 3, 0]),
        ({"workflow_name": "b", "resource_id": "user-1"}, [9, 3]),
        ({"status": "failed"}, [3, 2, 1, 0]),
        ({"status": "pending"}, []),
        ({"from_date": at(7)}, [9, 8, 7]),
        ({"to_date": at(1)}, [1, 0]),
        ({"from_date": at(3), "to_date": at(5)}, [5, 4, 3]),
        ({"from_date": at(3) + timedelta(milliseconds=1), "to_date": at(5) - timedelta(milliseconds=1)}, [4]),
        ({"from_date": at(5), "to_date": at(3)}, []),
        ({"from_date": at(3).isoformat(), "to_date": at(5).astimezone(EAST).isoformat()}, [5, 4, 3]),
        ({"workflow_name": "a", "status": "success", "from_date": at(5)}, [8, 6]),
        ({"resource_id": "user-1", "status": "failed", "to_date": at(2)}, [0]),
        ({"workflow_name": "a", "resource_id": "user-1", "from_date": at(1), "status": "success"}, [6]),
    ],
)
@pytest.mark.parametrize("include_total", [True, False])
async def test_filters_are_combined(
    ten: WorkflowsStore, filters: dict[str, Any], expected: list[int], include_total: bool
) -> None:
    page = await ten.list_workflow_runs(**filters, include_total=include_total)
    assert (numbers(page), page.total) == (expected, len(expected) if include_total else None)
    page = await ten.list_workflow_runs(**filters, page=0, per_page=2, include_total=include_total)
    assert (numbers(page), page.has_more) == (expected[:2], len(expected) > 2)
    assert page.total == (len(expected) if include_total else None)


async def test_pages_need_both_arguments(ten: WorkflowsStore) -> None:
    assert len((await ten.list_workflow_runs(page=1)).runs) == 10
    assert len((await ten.list_workflow_runs(per_page=3)).runs) == 10
    pages = [await ten.list_workflow_runs(page=n, per_page=4, include_total=n != 1) for n in range(4)]
    assert [numbers(page) for page in pages] == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0], []]
    assert [page.has_more for page in pages] == [True, True, False, False]
    assert [page.total for page in pages] == [10, None, 10, 10]
    assert (pages[1].page, pages[1].per_page) == (1, 4)


@pytest.mark.parametrize("include_total", [True, False])
async def test_everything_is_on_the_first_page(ten: WorkflowsStore, include_total: bool) -> None:
    total = 10 if include_total else None
    first, second, none = [
        await ten.list_workflow_runs(page=page, per_page=per_page, include_total=include_total)
        for page, per_page in ((0, False), (1, False), (0, 0))
    ]
    assert (len(first.runs), first.total, first.per_page, first.has_more) == (10, total, False, False)
    assert (second.runs, second.total, second.per_page, second.has_more) == ([], total, False, False)
    assert (none.runs, none.total, none.per_page, none.has_more) == ([], total, 0, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"page": -1}, "page must be >= 0"),
        ({"page": -1, "per_page": 10}, "page must be >= 0"),
        ({"per_page": -1}, "per_page must be >= 0"),
        ({"page": 0, "per_page": 1.5}, "per_page must be >= 0"),
        ({"status": "done"}, "status must be one of"),
        ({"from_date": datetime(2026, 1, 1)}, "from_date must be a datetime with a time zone"),
        ({"from_date": datetime(2026, 1, 1)}, r"datetime.now\(UTC\)"),
        ({"to_date": "2026-01-01"}, "to_date must be a datetime .* or ISO text with one"),
        ({"workflow_name": 1}, "workflow_name must be a non-empty string"),
        ({"thread_id": 1}, "thread_id must be a non-empty string"),
    ],
)
async def test_bad_arguments_are_refused_by_name(
    workflows: WorkflowsStore, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        await workflows.list_workflow_runs(**arguments)


async def test_the_status_is_that_of_the_snapshot(backend: Backend, workflows: WorkflowsStore) -> None:
    """Whatever wrote the row; without a snapshot a run is pending, without a status in it nothing."""
    columns: list[Any] = [
        snapshot("pending"),
        json.dumps(snapshot("pending")),
        None,
        "",
        json.dumps(snapshot("retrying")),
        "{}",
        "not json",
        snapshot("suspended"),
        json.dumps(snapshot("suspended", context={"a": {"status": "pending"}})),
    ]
    await put(backend, [row(column, run_id=f"r{n}", n=n) for n, column in enumerate(columns)])
    pending = await workflows.list_workflow_runs(status="pending")
    assert (numbers(pending), pending.total) == ([3, 2, 1, 0], 4)
    assert [run.status for run in pending.runs] == ["pending"] * 4
    pages = [await workflows.list_workflow_runs(status="pending", page=n, per_page=3) for n in range(3)]
    assert [(numbers(page), page.total, page.has_more) for page in pages] == [
        ([3, 2, 1], 4, True),
        ([0], 4, False),
        ([], 4, False),
    ]
    page = await workflows.list_workflow_runs(status="pending", page=0, per_page=3, include_total=False)
    assert (numbers(page), page.total, page.has_more) == ([3, 2, 1], None, True)
    page = await workflows.list_workflow_runs(status="pending", page=1, per_page=False)
    assert (page.runs, page.total, page.has_more) == ([], 4, False)
    suspended = await workflows.list_workflow_runs(status="suspended")
    assert numbers(suspended) == [8, 7]
    assert (await workflows.list_workflow_runs()).total == 9


def stream(thread_id: str | None) -> dict[str, Any]:
    info = {"messageList": {"memoryInfo": {"threadId": thread_id}}} if thread_id else {"messageList": {}}
    return {"status": "suspended", "suspendPayload": {"__streamState": info}}


def durable(thread_id: str) -> dict[str, Any]:
    return {"messageListState": {"memoryInfo": {"threadId": thread_id}}}


@pytest.mark.parametrize(
    ("context", "found"),
    [
        ({"input": durable("t")}, True),
        ({"input": durable("other")}, False),
        ({"llm": stream("t")}, True),
        ({"a": {"status": "suspended", "suspendPayload": {"x": 1}}, "llm": stream("t")}, True),
        ({"input": durable("other"), "llm": stream("t")}, True),
        ({"input": durable("t"), "llm": stream("other")}, False),
        ({"llm": stream("other"), "later": stream("t")}, False),
        ({"input": durable("t"), "llm": stream(None)}, False),
        ({"input": durable("t"), "llm": {**stream("other"), "status": "success"}}, True),
        ({"input": durable("t"), "llm": [stream("other")]}, True),
        ({"input": durable("t"), "llm": {"status": "suspended", "suspendPayload": {"__streamState": None}}}, True),
        ({"input": "t", "llm": None}, False),
        ({}, False),
        (None, False),
    ],
)
async def test_a_run_belongs_to_the_thread_in_its_snapshot(
    workflows: WorkflowsStore, context: Any, found: bool
) -> None:
    """The canonical extraction: the first suspended step with a stream state, else the input."""
    await persist(workflows, "w", "r0", 0, members={"context": context})
    assert ((await workflows.list_workflow_runs(thread_id="t")).total == 1) is found


async def test_runs_of_a_thread_are_paged_and_filtered(workflows: WorkflowsStore) -> None:
    for n in range(8):
        context = {"input": durable("t")} if n % 2 else {"llm": stream("t" if n else "other")}
        status = "suspended" if n < 6 else "success"
        await persist(workflows, "w" if n < 7 else "v", f"r{n}", n, status, members={"context": context})
    page = await workflows.list_workflow_runs(thread_id="t", page=1, per_page=3)
    assert (numbers(page), page.total, page.has_more) == ([4, 3, 2], 7, True)
    page = await workflows.list_workflow_runs(thread_id="t", page=1, per_page=3, include_total=False)
    assert (numbers(page), page.total, page.has_more) == ([4, 3, 2], None, True)
    page = await workflows.list_workflow_runs(thread_id="t", status="suspended", workflow_name="w", to_date=at(4))
    assert (numbers(page), page.total) == ([4, 3, 2, 1], 4)
    assert [run.thread_id for run in page.runs] == ["t"] * 4
    assert (await workflows.list_workflow_runs(thread_id="t", status="pending")).total == 0


async def test_two_runs_of_one_synthetic_id_are_two(workflows: WorkflowsStore) -> None:
    await persist(workflows, "a-b", "c", 0, "suspended")
    await persist(workflows, "a", "b-c", 1, "failed")
    assert (await workflows.list_workflow_runs()).total == 2
    await workflows.update_workflow_state("a-b", run_id="c", status="running", expected_status="suspended")
    await workflows.update_workflow_results("a", run_id="b-c", step_id="s", result={"status": "failed"})
    first = await workflows.load_workflow_snapshot("a-b", run_id="c")
    second = await workflows.load_workflow_snapshot("a", run_id="b-c")
    assert first is not None
    assert second is not None
    assert (first["status"], "s" in first["context"]) == ("running", False)
    assert (second["status"], "s" in second["context"]) == ("failed", True)
    await workflows.delete_workflow_run_by_id("c", workflow_name="a-b")
    assert await workflows.get_workflow_run_by_id("c") is None
    assert await workflows.load_workflow_snapshot("a", run_id="b-c") == second


async def test_a_run_by_its_id_is_the_newest(workflows: WorkflowsStore) -> None:
    for n, name in ((1, "a"), (3, "b"), (2, "c")):
        await persist(workflows, name, "r", n)
    await persist(workflows, "d", "other", 4)
    newest = await workflows.get_workflow_run_by_id("r")
    assert newest is not None
    assert (newest.workflow_name, newest.created_at) == ("b", at(3))
    named = await workflows.get_workflow_run_by_id("r", workflow_name="a")
    assert named is not None
    assert named.created_at == at(1)
    assert await workflows.get_workflow_run_by_id("r", workflow_name="d") is None
    assert await workflows.get_workflow_run_by_id("nobody") is None
    with pytest.raises(ValidationError, match="run_id"):
        await workflows.get_workflow_run_by_id("")


async def test_a_deleted_run_is_gone(workflows: WorkflowsStore) -> None:
    await persist(workflows, "a", "r", 0)
    await persist(workflows, "b", "r", 1)
    await workflows.delete_workflow_run_by_id("r", workflow_name="c")
    assert (await workflows.list_workflow_runs()).total == 2
    await workflows.delete_workflow_run_by_id("r", workflow_name="b")
    await workflows.delete_workflow_run_by_id("r", workflow_name="b")
    assert [run.workflow_name for run in (await workflows.list_workflow_runs()).runs] == ["a"]
    with pytest.raises(ValidationError, match="workflow_name"):
        await workflows.delete_workflow_run_by_id("r", workflow_name=" ")


async def test_clearing_removes_all_runs(workflows: WorkflowsStore) -> None:
    await persist(workflows, "a", "r", 0)
    await workflows.dangerously_clear_all()
    assert (await workflows.list_workflow_runs()).total == 0
