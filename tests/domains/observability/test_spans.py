"""Spans: written whole, in any order and any number of times; read one by one and as traces."""

from __future__ import annotations

import random
from typing import Any, get_args

import anyio
import pytest

from mastra_convex import ConfigurationError, ConvexStore, NotFoundError, ValidationError
from mastra_convex_domains import ObservabilityStore, Span
from mastra_convex_domains.observability.models import TraceOrder
from tests.backends import Backend
from tests.contenders import SPANS, TRACES
from tests.contention import contend
from tests.data import at
from tests.domains.observability.spans import agent, generation, span

EVERYTHING: dict[str, Any] = {
    "trace_id": "t1",
    "span_id": "s1",
    "parent_span_id": "s0",
    "name": "tool: 'search'",
    "span_type": "tool_call",
    "is_event": False,
    "started_at": at(1),
    "ended_at": at(2),
    **{
        name: f"the {name}"
        for name, field in Span.model_fields.items()
        if name.startswith(("entity", "parent_entity", "root_entity")) or field.annotation == (str | None)
    },
    "scope": {"name": "mastra_convex", "version": "1"},
    "metadata": {"a": {"b": [1, None, "ä"]}, "$odd.key": True},
    "attributes": {"toolCallId": "c1", "success": True},
    "request_context": {"ip": "::1"},
    "tags": ["one", "two"],
    "links": [{"traceId": "t0", "spanId": "s9"}],
    "input": "a plain text",
    "output": 42.5,
    "error": {"message": "it broke", "name": "ValueError", "stack": "..."},
}


@pytest.fixture
def traces(store: ConvexStore) -> ObservabilityStore:
    return store.observability


async def test_all_that_a_span_has_is_read_back(traces: ObservabilityStore) -> None:
    given = Span(**EVERYTHING)
    await traces.create_span(given)
    found = await traces.get_span("t1", span_id="s1")
    assert found is not None
    assert found.created_at is not None
    assert found.updated_at is not None
    assert found == given.model_copy(update={"created_at": found.created_at, "updated_at": found.updated_at})
    assert await traces.get_span("t1", span_id="s2") is None
    assert await traces.get_span("t2", span_id="s1") is None


async def test_a_trace_its_structure_and_its_branches(traces: ObservabilityStore) -> None:
    spans = [agent(0), span(1, parent=0), span(2, parent=1, output="x" * 1000), span(3, parent=0), span(9, "t2")]
    await traces.batch_create_spans([])
    await traces.batch_create_spans(random.Random(1).sample(spans, len(spans)))
    trace = await traces.get_trace("t1")
    assert trace is not None
    assert [each.span_id for each in trace.spans] == ["s0", "s1", "s2", "s3"]
    structure = await traces.get_structure("t1")
    assert structure is not None
    assert [each.parent_span_id for each in structure.spans] == [None, "s0", "s1", "s0"]
    assert not hasattr(structure.spans[0], "input")
    root = await traces.get_root_span("t1")
    assert root is not None
    assert root.span_id == "s0"
    assert [each.span_id for each in await traces.get_spans("t1", span_ids=["s3", "s7", "s1"])] == ["s3", "s1"]
    for depth, wanted in ((0, ["s1"]), (1, ["s1", "s2"]), (None, ["s1", "s2"])):
        branch = await traces.get_branch("t1", span_id="s1", depth=depth)
        assert branch is not None
        assert [each.span_id for each in branch.spans] == wanted
    assert await traces.get_branch("t1", span_id="s9") is None
    assert await traces.get_trace("t9") is None
    assert await traces.get_structure("t9") is None
    assert await traces.get_root_span("t9") is None


async def test_spans_that_are_their_own_ancestors(traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([span(1, parent=2), span(2, parent=1)])
    branch = await traces.get_branch("t1", span_id="s1")
    assert branch is not None
    assert len(branch.spans) == 2


async def test_a_span_is_changed(traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([agent(0, ended_at=None), span(1, parent=0), span(5, "t2")])
    await traces.update_span("t1", span_id="s0", updates={"endedAt": at(7), "output": {"text": "Hi"}, "name": "new"})
    root = await traces.get_root_span("t1")
    assert root is not None
    assert (root.ended_at, root.output, root.name, root.entity_name) == (at(7), {"text": "Hi"}, "new", "writer")
    [listed] = (await traces.list_traces({"traceId": "t1"})).spans
    assert (listed.status, listed.name) == ("success", "new")
    await traces.batch_update_spans(
        [
            {"trace_id": "t1", "span_id": "s1", "updates": {"error": {"message": "broke"}}},
            {"traceId": "t2", "spanId": "s5", "updates": {"tags": ["x"]}},
            {"traceId": "t9", "spanId": "s5", "updates": {"tags": ["x"]}},
        ]
    )
    [failed] = (await traces.list_traces({"hasChildError": True})).spans
    assert (failed.trace_id, failed.errors, failed.status) == ("t1", 1, "success")
    other = await traces.get_span("t2", span_id="s5")
    assert other is not None
    assert other.tags == ["x"]
    with pytest.raises(NotFoundError):
        await traces.update_span("t9", span_id="s1", updates={"name": "x"})
    with pytest.raises(ValidationError, match="unknown key 'nam'"):
        await traces.update_span("t1", span_id="s1", updates={"nam": "x"})


async def test_sums_are_exact_in_any_order_and_however_often_spans_come(backend: Backend) -> None:
    spans = [
        agent(0),
        *(generation(n, tokens=(n, 2 * n)) for n in range(1, 21)),
        span(30, parent=0, error={"message": "x"}),
    ]
    stores = [backend.store().observability for _ in range(3)]
    order = random.Random(2)

    async def write(store: ObservabilityStore) -> None:
        for _ in range(3):
            given = order.sample(spans, len(spans))
            for start in range(0, len(given), 7):
                await store.batch_create_spans(given[start : start + 7])

    async with anyio.create_task_group() as group:
        for store in stores:
            group.start_soon(write, store)
    totals = (await stores[0].get_trace_totals(["t1", "nowhere"]))["t1"]
    assert (totals.input_tokens, totals.output_tokens, totals.errors) == (210, 420, 1)
    everything = await stores[1].get_totals(started_at={"start": at(0)})
    assert (everything.traces, everything.input_tokens, everything.failed) == (1, 210, 0)
    [listed] = (await stores[2].list_traces()).spans
    assert (listed.input_tokens, listed.output_tokens, listed.has_child_error) == (210, 420, True)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["sqlite", "convex-test"], indirect=True)  # one of each engine: it takes long
async def test_sums_of_10000_spans_of_many_processes_are_exact(backend: Backend) -> None:
    assert await contend(backend, "trace", 100) == 100
    traces = backend.store().observability
    totals = await traces.get_trace_totals([f"t{n}" for n in range(TRACES)])
    assert {one.input_tokens for one in totals.values()} == {3 * 10_000 // TRACES}
    assert {one.output_tokens for one in totals.values()} == {sum(range(100)) * SPANS // TRACES}
    assert (totals[f"t{TRACES - 1}"].errors, sum(one.errors for one in totals.values())) == (100, 100)
    found = [await traces.get_trace(trace) for trace in totals]
    assert [trace and len(trace.spans) for trace in found] == [10_000 // TRACES] * TRACES
    everything = await traces.get_totals(started_at={})
    assert (everything.traces, everything.input_tokens, everything.errors) == (TRACES, 30_000, 100)


async def test_a_trace_without_its_root_is_in_no_list(traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([generation(1), span(2, parent=0)])
    for order in get_args(TraceOrder):
        assert (await traces.list_traces(order_by=order)).total == 0
    await traces.create_span(agent(0))
    [listed] = (await traces.list_traces()).spans
    assert (listed.input_tokens, listed.input_preview) == (54, "Question 0")


async def test_whole_traces_are_deleted(traces: ObservabilityStore) -> None:
    for n, resource in enumerate(("r1", "r2", "r1")):
        await traces.batch_create_spans([agent(n, f"t{n}", resource_id=resource), span(10, f"t{n}", parent=n)])
    await traces.batch_delete_traces(["t0", "t1", "nowhere"], resource_id="r1")
    assert {each.trace_id for each in (await traces.list_traces()).spans} == {"t1", "t2"}
    assert await traces.get_trace("t0") is None
    await traces.batch_delete_traces(["t1", "t2"])
    assert (await traces.list_branches()).total == 0
    with pytest.raises(ValidationError, match="at most 1000"):
        await traces.batch_delete_traces([str(n) for n in range(1001)])


async def test_rows_of_traces_are_made_anew(traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([agent(0), generation(1), agent(5, "t2"), span(6, "t3", parent=0)])
    before = await traces.list_traces()
    assert await traces.rebuild() == 3
    after = await traces.list_traces()
    assert [each.model_dump(exclude={"updated_at", "created_at"}) for each in after.spans] == [
        each.model_dump(exclude={"updated_at", "created_at"}) for each in before.spans
    ]


async def test_what_is_not_kept_here(traces: ObservabilityStore) -> None:
    for method in ("list_logs", "create_feedback", "create_score", "get_metric_percentiles"):
        with pytest.raises(ConfigurationError, match="CompositeStore"):
            await getattr(traces, method)({})
    with pytest.raises(AttributeError):
        getattr(traces, "lst_traces")  # noqa: B009
    assert "trace-query" in await traces.get_features()


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"span_type": "agent"}, "span_type"),
        ({"trace_id": " "}, "trace_id"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"metadata": "text"}, "metadata"),
        ({"tags": "one"}, "tags"),
        ({"output": object()}, "output"),
        ({"unknown": 1}, "unknown key"),
    ],
)
async def test_a_wrong_span_is_refused_before_any_is_written(members: dict[str, object], problem: str) -> None:
    async with ConvexStore.local(":memory:") as store:
        with pytest.raises(ValidationError, match=problem):
            await store.observability.batch_create_spans([agent(0), {**span(1, parent=0), **members}])
        assert (await store.observability.list_traces()).total == 0
