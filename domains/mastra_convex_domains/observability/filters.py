"""Defines what lists of spans and traces are limited to (docs/contract.md, "Traces")."""

from __future__ import annotations

from pydantic import Field

from mastra_convex.domain import Record, StoredObject, UtcDatetime

from .models import SpanContext, TraceStatus


class TimeRange(Record):
    """Limits a time; a bound is inclusive unless it is marked as exclusive.

    Example:
        page = await store.observability.list_traces({"startedAt": {"start": "2026-01-01T00:00:00Z"}})
        assert page.spans == []
    """

    start: UtcDatetime | None = None
    """Is the earliest time."""
    end: UtcDatetime | None = None
    """Is the latest time."""
    start_exclusive: bool = False
    """Leaves out the earliest time itself."""
    end_exclusive: bool = False
    """Leaves out the latest time itself."""


class BranchFilters(SpanContext):
    """Selects spans; all that are given must hold.

    Example:
        filters = {"spanType": "tool_call", "entityName": "search", "status": "error"}
        assert (await store.observability.list_branches(filters)).branches == []
    """

    started_at: TimeRange | None = None
    """Limits the start."""
    ended_at: TimeRange | None = None
    """Limits the end; a span that runs does not match."""
    span_type: str | None = None
    """Selects a kind of span."""
    trace_id: str | None = None
    """Selects one trace."""
    scope: StoredObject | None = None
    """Selects spans whose scope has these members."""
    metadata: StoredObject | None = None
    """Selects spans whose metadata have these members."""
    tags: list[str] = Field(default_factory=list)
    """Selects spans that have all these labels."""
    status: TraceStatus | None = None
    """Selects spans that ended so, or run."""


class TraceFilters(BranchFilters):
    """Selects traces by their root spans; all that are given must hold.

    Example:
        assert (await store.observability.list_traces({"threadId": "t1", "hasChildError": True})).spans == []
    """

    has_child_error: bool | None = None
    """Selects traces of which some span failed, or none."""
