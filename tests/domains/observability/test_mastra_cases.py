"""What Mastra's own tests of the domain check, and no other test here: values, missing ones, updates, deletes."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import ObservabilityStore
from mastra_convex_domains.observability import SpanSummary, TraceSummary
from tests.data import at
from tests.domains.observability.spans import agent, generation, span

HEAVY = ("input", "output", "attributes", "links", "scope", "request_context")
VALUES: tuple[Any, ...] = ("plain", "", "[1]", "null", 42, 0, 1.5, True, False, [], {}, {"a": None}, [None, {"b": ""}])


@pytest.fixture
def traces(store: ConvexStore) -> ObservabilityStore:
    return store.observability


async def test_any_json_is_an_input_and_none_is_none(traces: ObservabilityStore) -> None:
    spans = [span(n, input=value, output=value, parent=99) for n, value in enumerate(VALUES)]
    await traces.batch_create_spans([*spans, span(99, input=None, output=None, tags=None, metadata=None)])
    trace = await traces.get_trace("t1")
    assert trace is not None
    assert [repr((each.input, each.output)) for each in trace.spans[:-1]] == [repr((each, each)) for each in VALUES]
    root = trace.spans[-1]
    assert (root.input, root.output, root.tags, root.metadata, root.error) == (None, None, None, None, None)


async def test_light_spans_have_all_but_what_is_heavy(traces: ObservabilityStore) -> None:
    failed: dict[str, Any] = {
        "error": {"message": "broke"},
        "output": "x",
        "attributes": {"a": 1},
        "metadata": {"m": 1},
    }
    child = span(1, parent=0, ended_at=None, entity_name="e", **failed)
    await traces.batch_create_spans([agent(0, **failed), child])
    structure = await traces.get_trace_light("t1")
    listed = await traces.list_traces_light()
    assert structure is not None
    root, tool = structure.spans
    assert not [name for each in (root, tool, *listed.spans) for name in HEAVY if name in each.model_dump()]
    assert root.error == listed.spans[0].error == {"message": "broke"}
    assert (tool.name, tool.span_type, tool.started_at, tool.ended_at) == ("span 1", "tool_call", at(1), None)
    assert (tool.parent_span_id, tool.is_event, tool.entity_name) == ("s0", False, "e")
    assert tool.created_at is not None
    assert listed.spans[0].metadata == {"m": 1}
    await traces.create_span(agent(5, "t2", ended_at=None))
    [running] = (await traces.list_traces({"status": "running"})).spans
    for each, kind in ((tool, SpanSummary), (running, TraceSummary)):  # null, not missing
        shown = each.model_dump(by_alias=True)
        assert set(shown) == {field.alias for field in kind.model_fields.values()}
        assert shown["endedAt"] is None


async def test_a_root_is_a_span_without_a_parent_in_either_spelling(traces: ObservabilityStore) -> None:
    await traces.create_span(span(1, parent=0))
    assert await traces.get_root_span("t1") is None
    times = {"startedAt": "2026-01-01T00:00:00Z", "endedAt": None}
    null = {"traceId": "t1", "spanId": "s0", "parentSpanId": None, "name": "n", "spanType": "agent_run", **times}
    await traces.create_span({**null, "isEvent": False, "error": None, "input": None})
    root = await traces.get_root_span("t1")
    assert root is not None
    assert root.span_id == "s0"
    assert await traces.get_spans("t1", span_ids=[]) == []


async def test_an_update_replaces_what_it_names_and_nothing_else(traces: ObservabilityStore) -> None:
    whole = agent(0, tags=["a"], scope={"name": "x"}, links=[1], metadata={"a": 1, "b": 2}, error={"message": "broke"})
    await traces.batch_create_spans([whole, generation(1)])
    before = await traces.get_span("t1", span_id="s0")
    changes = {"endedAt": "2026-01-01T00:00:09Z", "metadata": {"b": 3}, "scope": None, "links": None, "error": None}
    await traces.update_span("t1", span_id="s0", updates=changes)
    after = await traces.get_span("t1", span_id="s0")
    assert before is not None
    assert after is not None
    changed = {"ended_at": at(9), "metadata": {"b": 3}, "scope": None, "links": None, "error": None}
    assert after == before.model_copy(update={**changed, "updated_at": after.updated_at})
    [listed] = (await traces.list_traces()).spans
    assert (listed.status, listed.metadata, listed.tags, listed.error) == ("success", {"b": 3}, ["a"], None)
    usage = {"attributes": {"usage": {"inputTokens": 7}}}
    same = {"trace_id": "t1", "span_id": "s1"}
    await traces.batch_update_spans([{**same, "updates": usage}, {**same, "updates": {"name": "renamed"}}])
    model = await traces.get_span("t1", span_id="s1")
    assert model is not None
    assert (model.name, model.attributes) == ("renamed", usage["attributes"])
    assert (await traces.get_trace_totals(["t1"]))["t1"].input_tokens == 7
    await traces.batch_update_spans([])
    await traces.update_span("t1", span_id="s1", updates={})


@pytest.mark.parametrize(
    ("update", "problem"),
    [
        ({"updates": {"nam": "x"}}, r"records\[1\].updates: unknown key 'nam'"),
        ({"updates": {"name": None}}, r"records\[1\].updates.name"),
        ({"updates": {"traceId": "t2"}}, "trace_id identifies the span"),
        ({"updates": {"span_id": "s2"}}, "span_id identifies the span"),
        ({"updates": {"ended_at": at(1), "endedAt": at(2)}}, "are the same key"),
        ({"updates": {"output": object()}}, "output"),
        ({"updates": "name"}, "updates"),
        ({"updates": {}, "update": {}}, "unknown key 'update'"),
        ({"trace_id": " ", "updates": {}}, "trace_id"),
        ({}, "updates"),
    ],
)
async def test_a_wrong_update_is_refused_before_any_is_made(update: dict[str, Any], problem: str) -> None:
    async with ConvexStore.local(":memory:") as store:
        await store.observability.create_span(agent(0))
        right = {"trace_id": "t1", "span_id": "s0", "updates": {"name": "new"}}
        with pytest.raises(ValidationError, match=problem):
            await store.observability.batch_update_spans([right, {"trace_id": "t9", "span_id": "s9", **update}])
        root = await store.observability.get_root_span("t1")
        assert root is not None
        assert root.name == "span 0"


@pytest.mark.long
async def test_updates_deletes_and_pages_of_many(traces: ObservabilityStore) -> None:
    number = 520  # more than one commit takes
    await traces.batch_create_spans([agent(n, f"t{n:04}") for n in range(number)])
    keys = [{"traceId": f"t{n:04}", "spanId": f"s{n}"} for n in range(number)]
    await traces.batch_update_spans([{**key, "updates": {"userId": "u"}} for key in keys])
    first, last = [await traces.list_traces({"userId": "u"}, page=page, per_page=100) for page in (0, 5)]
    assert (first.total, first.has_more, len(first.spans)) == (number, True, 100)
    assert (last.total, last.has_more, len(last.spans)) == (number, False, 20)
    assert not {each.trace_id for each in first.spans} & {each.trace_id for each in last.spans}
    await traces.batch_delete_traces([])
    await traces.batch_delete_traces([*(f"t{n:04}" for n in range(number)), *(f"x{n}" for n in range(480))])
    assert (await traces.list_traces()).total == 0
    assert await traces.get_trace("t0000") is None


async def test_what_is_cleared_is_gone(traces: ObservabilityStore) -> None:
    await traces.batch_create_spans([agent(0), generation(1)])
    await traces.dangerously_clear_all()
    assert await traces.get_trace("t1") is None
    assert ((await traces.list_traces()).total, (await traces.list_branches()).total) == (0, 0)
