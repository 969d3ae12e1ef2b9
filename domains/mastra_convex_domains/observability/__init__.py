"""Stores traces of agents: spans, and a small row for each trace (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import RetentionTable, Table, register

from .discovery import DiscoveryMethods
from .elsewhere import Elsewhere
from .filters import BranchFilters, TimeRange, TraceFilters
from .listing import ListingMethods
from .models import (
    BranchPage,
    BranchSummary,
    Span,
    SpanSummary,
    Trace,
    TracePage,
    TraceQueryPage,
    TraceStatus,
    TraceStructure,
    TraceSummary,
    TraceTotals,
    WholeTrace,
    WholeTracePage,
)
from .reading import ReadingMethods
from .tables import ROOTS, SPANS
from .trace_query import TraceQueryMethods
from .writing import WritingMethods

__all__ = [
    "BranchFilters",
    "BranchPage",
    "BranchSummary",
    "ObservabilityStore",
    "Span",
    "SpanSummary",
    "TimeRange",
    "Trace",
    "TraceFilters",
    "TracePage",
    "TraceQueryPage",
    "TraceStatus",
    "TraceStructure",
    "TraceSummary",
    "TraceTotals",
    "WholeTrace",
    "WholeTracePage",
]


@register
class ObservabilityStore(
    WritingMethods, ReadingMethods, ListingMethods, TraceQueryMethods, DiscoveryMethods, Elsewhere
):
    """Stores the spans of agents' runs, and lists them as traces.

    Example:
        root = {"trace_id": "t1", "span_id": "s1", "name": "agent run: 'a'", "span_type": "agent_run"}
        times = {"started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:02Z"}
        model = {**root, "span_id": "s2", "parent_span_id": "s1", "name": "llm", "span_type": "model_generation"}
        usage = {"attributes": {"usage": {"inputTokens": 54, "outputTokens": 5}}}
        await store.observability.batch_create_spans([{**model, **times, **usage}, {**root, **times}])
        [trace] = (await store.observability.list_traces()).spans
        assert (trace.status, trace.input_tokens, trace.output_tokens) == ("success", 54, 5)
    """

    name: ClassVar[str] = "observability"
    tables: ClassVar[tuple[Table, ...]] = (ROOTS, SPANS)
    retention: ClassVar[Mapping[str, RetentionTable]] = {
        "traces": RetentionTable(ROOTS, "updatedAt"),
        "spans": RetentionTable(ROOTS, "updatedAt"),
    }
