"""The workloads of traces: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.values import to_json
from mastra_convex_domains import ObservabilityStore, Span
from mastra_convex_domains.observability.roots import root_row
from mastra_convex_domains.observability.writing import span_row
from tests.backends import ConvexHost
from tests.cost.conftest import Meter, interrupted
from tests.data import at

LOREM = "lorem ipsum dolor sit amet " * 40
TEXTS = ("thread", "run", "resource", "session", "user", "request", "organization", "experiment", "entity")


def span(n: int, trace: int, **members: Any) -> Span:
    """A span of 1 kB. The one with number 0 is the root; every second trace is of the same thread, run, ..."""
    same = f"{trace % 2}"
    shared: dict[str, Any] = {f"{name}_id": f"{name}-{same}" for name in TEXTS}
    shared |= {"entity_type": "agent", "entity_name": f"entity-{same}"}
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{trace:08x}{n:08x}",
        parent_span_id=f"{trace:08x}{0:08x}" if n else None,
        name="agent run: 'writer'" if n == 0 else "llm: 'gpt'",
        span_type="agent_run" if n == 0 else "model_generation",
        started_at=at(trace * 10 + n / 100),
        ended_at=at(trace * 10 + 1 + n / 100),
        **({} if n else shared),
        **{
            "attributes": {"model": "gpt", "usage": {"inputTokens": 50, "outputTokens": 5}} if n else None,
            "input": [{"role": "user", "content": LOREM[:600]}],
            **members,
        },
    )


def spans(traces: int, each: int) -> list[Span]:
    return [span(n, trace) for trace in range(traces) for n in range(each)]


@pytest.fixture
def traces(store: ConvexStore) -> ObservabilityStore:
    return store.observability


@pytest.mark.parametrize(
    ("number", "each", "calls"), [(1, 100, 1), (50, 20, 1), (1000, 1, 2)], ids=["one", "fifty", "thousand"]
)
async def test_a_batch_of_spans(traces: ObservabilityStore, meter: Meter, number: int, each: int, calls: int) -> None:
    batch = spans(number, each)
    await meter.start()
    await traces.batch_create_spans(batch)
    cost = await meter.cost()
    assert cost.calls == calls
    assert cost.documents_written <= number * each + 2 * number + calls  # the row of a trace is put, then counted in
    if number == 1:
        assert cost.documents_written <= 103


async def test_a_batch_is_little_larger_than_its_spans(traces: ObservabilityStore, meter: Meter) -> None:
    batch = spans(1, 100)
    await meter.start()
    await traces.batch_create_spans(batch)
    cost = await meter.cost()
    assert cost.request_bytes <= 1.1 * len(to_json([span_row(span) for span in batch]))


@pytest.mark.parametrize(
    "filters",
    [
        {},
        *({f"{name}_id": f"{name}-1"} for name in TEXTS),
        {"entity_name": "entity-1"},
        {"entity_type": "agent"},
        {"span_type": "agent_run"},
        {"status": "success"},
    ],
    ids=lambda filters: next(iter(filters), "none"),
)
async def test_20_of_2000_traces(
    traces: ObservabilityStore, meter: Meter, host: ConvexHost, filters: dict[str, Any]
) -> None:
    roots = [span(0, trace, input=[{"role": "user", "content": LOREM * 100}]) for trace in range(2000)]
    await host.load({"mastra_trace_roots": [root_row(root) for root in roots]})
    await meter.start()
    page = await traces.list_traces(filters, per_page=20, include_total=False)
    cost = await meter.cost()
    assert (len(page.spans), page.has_more) == (20, True)
    assert (cost.calls, cost.documents_read) == (1, 21)
    assert cost.response_bytes <= 15_000


async def test_a_trace_of_100_spans(traces: ObservabilityStore, meter: Meter) -> None:
    await traces.batch_create_spans(spans(1, 100))
    trace = f"{0:032x}"
    await meter.start()
    whole = await traces.get_trace(trace)
    assert whole is not None
    assert len(whole.spans) == 100
    cost = await meter.cost()
    assert (cost.calls, cost.documents_read) == (1, 100)
    await meter.start()
    structure = await traces.get_structure(trace)
    assert structure is not None
    assert len(structure.spans) == 100
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.response_bytes <= 215 * 100
    await meter.start()
    totals = await traces.get_trace_totals([trace])
    assert (await meter.cost()).calls == 1
    assert totals[trace].input_tokens == 99 * 50


async def test_an_input_of_3_mb_costs_no_call_more(traces: ObservabilityStore, meter: Meter) -> None:
    await meter.start()
    await traces.batch_create_spans([*(span(n, 0) for n in range(9)), span(9, 0, input="x" * 3_000_000)])
    assert (await meter.cost()).calls == 1
    await meter.start()
    await traces.get_structure(f"{0:032x}")
    await traces.list_traces()
    assert (await meter.cost()).calls == 2


async def test_500_traces_are_pruned_in_7_calls(traces: ObservabilityStore, meter: Meter, host: ConvexHost) -> None:
    loaded = spans(500, 20)
    roots = [{**root_row(span), "updatedAt": "2020-01-01T00:00:00.000Z"} for span in loaded if not span.parent_span_id]
    await host.load({"mastra_trace_roots": roots, "mastra_ai_spans": [span_row(span) for span in loaded]})
    await meter.start()
    [result] = await traces.prune({"traces": "30d"})
    cost = await meter.cost()
    assert (result.deleted, result.done) == (500, True)
    assert cost.calls <= 7
    assert await traces.get_trace(loaded[0].trace_id) is None


async def test_500_traces_are_deleted_in_7_calls(traces: ObservabilityStore, meter: Meter, host: ConvexHost) -> None:
    loaded = spans(500, 20)
    roots = [root_row(span) for span in loaded if not span.parent_span_id]
    await host.load({"mastra_trace_roots": roots, "mastra_ai_spans": [span_row(span) for span in loaded]})
    await meter.start()
    await traces.batch_delete_traces([root["id"] for root in roots])
    assert (await meter.cost()).calls <= 7
    assert (await traces.list_branches()).total == (await traces.list_traces()).total == 0


@pytest.mark.long
@pytest.mark.parametrize("how", ["delete", "prune"])
async def test_what_was_interrupted_is_completed_by_a_repeat(
    traces: ObservabilityStore, host: ConvexHost, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    loaded = spans(200, 30)
    roots = [{**root_row(span), "updatedAt": "2020-01-01T00:00:00.000Z"} for span in loaded if not span.parent_span_id]
    await host.load({"mastra_trace_roots": roots, "mastra_ai_spans": [span_row(span) for span in loaded]})

    async def remove() -> None:
        if how == "delete":
            await traces.batch_delete_traces([root["id"] for root in roots])
        else:
            await traces.prune({"traces": "30d"})

    with interrupted(2, caplog):
        await remove()
    left = {row["traceId"] for row in await host.rows("mastra_ai_spans")}
    assert 0 < len(left) < 200
    assert left <= {row["id"] for row in await host.rows("mastra_trace_roots")}  # by which the rest is found
    await remove()
    assert await host.rows("mastra_ai_spans") == await host.rows("mastra_trace_roots") == []
