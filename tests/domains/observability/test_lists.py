"""Lists of traces and branches: filters, orders, pages; queries by predicates; what was found; retention."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.rows.times import now
from mastra_convex_domains import ObservabilityStore
from tests.backends import Backend
from tests.data import at, change_time
from tests.domains.observability.spans import agent, generation, span

TEXTS = {
    "thread_id": "th",
    "run_id": "ru",
    "session_id": "se",
    "resource_id": "re",
    "user_id": "us",
    "request_id": "rq",
    "organization_id": "or",
    "environment": "en",
    "service_name": "sn",
    "source": "so",
    "experiment_id": "ex",
    "entity_id": "ei",
    "entity_name": "na",
    "entity_version_id": "ev",
    "parent_entity_id": "pe",
    "root_entity_name": "rn",
}


@pytest.fixture
async def traces(store: ConvexStore) -> ObservabilityStore:
    """Six traces: t0 to t5, a running one, a failed one, and one with a failed tool."""
    await store.observability.batch_create_spans(
        [
            agent(0, "t0", **TEXTS, tags=["a", "b"], metadata={"plan": {"n": 1}}, scope={"name": "x"}),
            agent(10, "t1", ended_at=None),
            agent(20, "t2", error={"message": "broke"}, ended_at=at(25)),
            agent(30, "t3", tags=["b"], ended_at=at(90)),
            span(31, "t3", parent=30, error={"message": "tool"}, entity_type="tool", entity_name="search"),
            generation(32, "t3", parent=30),
            agent(40, "t4", span_type="workflow_run", entity_type="workflow_run", entity_name="flow"),
            agent(50, "t5", ended_at=at(51), thread_id="other"),
        ]
    )
    return store.observability


async def found(traces: ObservabilityStore, filters: Any = None, **options: Any) -> list[str]:
    return [each.trace_id for each in (await traces.list_traces(filters, **options)).spans]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"status": "running"}, ["t1"]),
        ({"status": "error"}, ["t2"]),
        ({"status": "success"}, ["t5", "t4", "t3", "t0"]),
        ({"hasChildError": True}, ["t3", "t2"]),
        ({"has_child_error": False}, ["t5", "t4", "t1", "t0"]),
        ({"spanType": "workflow_run"}, ["t4"]),
        ({"traceId": "t3"}, ["t3"]),
        ({"tags": ["b"]}, ["t3", "t0"]),
        ({"tags": ["b", "a"]}, ["t0"]),
        ({"metadata": {"plan": {"n": 1}}}, ["t0"]),
        ({"metadata": {"plan": {"n": 2}}}, []),
        ({"scope": {"name": "x"}}, ["t0"]),
        ({"startedAt": {"start": at(20), "end": at(40)}}, ["t4", "t3", "t2"]),
        ({"startedAt": {"start": at(20), "startExclusive": True, "end": at(40), "endExclusive": True}}, ["t3"]),
        ({"endedAt": {"start": at(25), "end": at(60)}}, ["t5", "t4", "t2"]),
        ({"entityName": "writer", "status": "error"}, ["t2"]),
        ({"entityType": "agent", "threadId": "other"}, ["t5"]),
        ({"threadId": "nobody"}, []),
        *[({name: value}, ["t0"]) for name, value in TEXTS.items()],
    ],
)
async def test_filters(traces: ObservabilityStore, filters: dict[str, Any], wanted: list[str]) -> None:
    page = await traces.list_traces(filters)
    assert [each.trace_id for each in page.spans] == wanted
    assert page.total == len(wanted)


async def test_orders_and_pages(traces: ObservabilityStore) -> None:
    assert await found(traces) == ["t5", "t4", "t3", "t2", "t1", "t0"]
    assert await found(traces, order_by="started_at") == ["t0", "t1", "t2", "t3", "t4", "t5"]
    assert await found(traces, order_by="-ended_at") == ["t1", "t3", "t5", "t4", "t2", "t0"]
    assert await found(traces, order_by="ended_at") == ["t0", "t2", "t4", "t5", "t3", "t1"]
    for order in ("-started_at", "-ended_at"):
        whole = await found(traces, order_by=order)
        pages = [await traces.list_traces(order_by=order, page=n, per_page=4) for n in range(2)]
        assert [each.trace_id for page in pages for each in page.spans] == whole
        assert [(page.total, page.has_more) for page in pages] == [(6, True), (6, False)]
    page = await traces.list_traces(per_page=2, include_total=False)
    assert (page.total, page.has_more, len(page.spans)) == (None, True, 2)
    assert await found(traces, {"status": "running", "endedAt": {"start": at(0)}}, order_by="-ended_at") == []


async def test_a_trace_in_a_list(traces: ObservabilityStore) -> None:
    [light] = (await traces.list_traces_light({"traceId": "t0"})).spans
    assert (light.input_preview, light.status, light.tags) == ("Question 0", "success", ["a", "b"])
    assert (light.error, light.thread_id) == (None, "th")
    assert not hasattr(light, "input")
    [running] = (await traces.list_whole_traces({"status": "running"})).spans
    assert running.ended_at is None
    assert running.input[1]["content"] == "Question 10"
    assert "endedAt" in running.model_dump(by_alias=True)


async def test_branches(traces: ObservabilityStore) -> None:
    page = await traces.list_branches()
    assert [(each.trace_id, each.span_id) for each in page.branches][:3] == [
        ("t5", "s50"),
        ("t4", "s40"),
        ("t3", "s31"),
    ]
    assert page.total == 7
    [tool] = (await traces.list_branches({"spanType": "tool_call", "status": "error"})).branches
    assert (tool.status, tool.entity_name) == ("error", "search")
    assert (await traces.list_branches({"spanType": "model_generation"})).branches == []
    by_end = await traces.list_branches(order_by="-ended_at", per_page=2)
    assert [each.trace_id for each in by_end.branches] == ["t1", "t3"]


async def test_what_there_is(traces: ObservabilityStore) -> None:
    assert await traces.get_entity_types() == ["agent", "workflow_run"]
    assert await traces.get_entity_names() == ["flow", "na", "writer"]
    assert await traces.get_entity_names(entity_type="agent") == ["na", "writer"]
    assert await traces.get_service_names() == ["sn"]
    assert await traces.get_environments() == ["en"]
    assert await traces.get_tags() == ["a", "b"]
    assert await traces.get_tags(entity_type="workflow_run") == []


def is_(path: str, literal: Any, op: str = "eq") -> dict[str, Any]:
    return {"op": op, "left": {"path": path}, "right": {"literal": literal}}


FAILED_TOOL = {"op": "and", "args": [is_("spanType", "tool_call"), {"op": "exists", "path": "error"}]}


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        (None, ["t5", "t4", "t3", "t2", "t0"]),
        (is_("status", "error"), ["t2"]),
        (is_("durationMs", 1000, "gt"), ["t3", "t2"]),
        (is_("startedAt", at(40).isoformat(), "gte"), ["t5", "t4"]),
        ({"op": "not", "arg": is_("entityName", "writer")}, ["t4", "t0"]),
        ({"op": "in", "value": {"path": "traceId"}, "set": ["t0", "t2"]}, ["t2", "t0"]),
        ({"op": "includes", "path": "tags", "value": "a"}, ["t0"]),
        ({"op": "notExists", "path": "threadId"}, ["t4", "t3", "t2"]),
        ({"op": "or", "args": [is_("threadId", "th"), is_("threadId", "other")]}, ["t5", "t0"]),
        ({"op": "exists", "path": "metadata.plan"}, ["t0"]),
        ({"spans": {"some": FAILED_TOOL}}, ["t3"]),
        ({"spans": {"none": is_("model", "test")}}, ["t5", "t4", "t2", "t0"]),
    ],
)
async def test_queries(traces: ObservabilityStore, where: dict[str, Any] | None, wanted: list[str]) -> None:
    plan: dict[str, Any] = {"timeRange": {"from": at(0).isoformat()}, **({"where": where} if where else {})}
    page = await traces.query_traces(plan)
    assert [each.trace_id for each in page.traces] == wanted
    assert page.next is None
    paged, after = [], None
    while True:
        page = await traces.query_traces({**plan, "page": {"limit": 2, "after": after}})
        paged += [each.trace_id for each in page.traces]
        if (after := page.next) is None:
            break
    assert paged == wanted


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (is_("stauts", "x"), "no field: 'stauts'"),
        ({"op": "like", "path": "status"}, "no operator"),
        ({"op": "and", "args": "x"}, "must be a list"),
        ({"scores": {"some": is_("x", 1)}}, "not kept here"),
        ({"op": "in", "value": {"path": "status"}}, "must be a list"),
    ],
)
async def test_a_wrong_query(where: dict[str, Any], problem: str) -> None:
    async with ConvexStore.local(":memory:") as store:
        with pytest.raises(ValidationError, match=problem):
            await store.observability.query_traces({"timeRange": {"from": "2026-01-01T00:00:00Z"}, "where": where})


async def test_old_traces_are_pruned_whole(backend: Backend, traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([span(60, "t9", parent=1)])  # whose root never came
    for trace in ("t3", "t9"):
        await change_time(backend.engine(), "mastra_trace_roots", trace, now() - timedelta(days=31))
    [result] = await traces.prune({"traces": "30d"})
    assert (result.deleted, result.done) == (2, True)
    assert await traces.get_trace("t3") is None
    assert await traces.get_trace("t9") is None
    assert await traces.get_trace("t0")


async def test_wrong_arguments(traces: ObservabilityStore) -> None:
    with pytest.raises(ValidationError, match="unknown key 'threadID'; did you mean"):
        await traces.list_traces({"threadID": "x"})
    with pytest.raises(ValidationError, match="order_by"):
        await traces.list_traces(order_by="name")  # type: ignore[arg-type]
