"""Defines spans and traces (docs/contract.md, "Traces")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import WrapValidator

from mastra_convex.domain import Answer, Id, Page, Record, StoredObject, UtcDatetime, checked_when_given

TraceStatus = Literal["running", "success", "error"]
TraceOrder = Literal["started_at", "-started_at", "ended_at", "-ended_at"]

SpanType = Literal[
    "agent_run",
    "model_generation",
    "model_step",
    "model_inference",
    "model_chunk",
    "tool_call",
    "mcp_tool_call",
    "mcp_server_request",
    "client_tool_call",
    "provider_tool_call",
    "workflow_run",
    "workflow_step",
    "workflow_conditional",
    "workflow_conditional_eval",
    "workflow_parallel",
    "workflow_loop",
    "workflow_sleep",
    "workflow_wait_event",
    "processor_run",
    "memory_operation",
    "workspace_action",
    "rag_ingestion",
    "rag_embedding",
    "rag_vector_operation",
    "rag_action",
    "graph_action",
    "scorer_run",
    "scorer_step",
    "classifier_evaluation",
    "skill_resolution",
    "skill_action",
    "mapping",
    "agent_signal",
    "generic",
]
_SpanType = Annotated[SpanType, WrapValidator(checked_when_given)]


class SpanContext(Record):
    """Holds what a span belongs to; each is a text, or None."""

    entity_type: str | None = None
    """Says what ran: `agent`, `tool`, `workflow_run`, ..."""
    entity_id: str | None = None
    """Identifies what ran."""
    entity_name: str | None = None
    """Names what ran."""
    entity_version_id: str | None = None
    """Identifies its version."""
    parent_entity_type: str | None = None
    """Says what called it."""
    parent_entity_id: str | None = None
    """Identifies what called it."""
    parent_entity_name: str | None = None
    """Names what called it."""
    parent_entity_version_id: str | None = None
    """Identifies the version of what called it."""
    root_entity_type: str | None = None
    """Says what the trace began with."""
    root_entity_id: str | None = None
    """Identifies what the trace began with."""
    root_entity_name: str | None = None
    """Names what the trace began with."""
    root_entity_version_id: str | None = None
    """Identifies the version of what the trace began with."""
    user_id: str | None = None
    """Identifies the user."""
    organization_id: str | None = None
    """Identifies the organization."""
    resource_id: str | None = None
    """Identifies the resource, as threads have it."""
    run_id: str | None = None
    """Identifies the run."""
    session_id: str | None = None
    """Identifies the session."""
    thread_id: str | None = None
    """Identifies the thread."""
    request_id: str | None = None
    """Identifies the request."""
    environment: str | None = None
    """Names the environment, as `production`."""
    service_name: str | None = None
    """Names the program."""
    source: str | None = None
    """Says where the span comes from."""
    experiment_id: str | None = None
    """Identifies the experiment."""


class Span(SpanContext):
    """Represents one step of a trace: a run of an agent, a call of a model or of a tool.

    Example:
        span = {"trace_id": "t1", "span_id": "s1", "name": "agent run: 'a'", "span_type": "agent_run"}
        await store.observability.create_span({**span, "started_at": "2026-01-01T00:00:00Z"})
        found = await store.observability.get_span("t1", span_id="s1")
        assert found is not None and found.ended_at is None
    """

    trace_id: Id
    """Identifies the trace."""
    span_id: Id
    """Identifies the span in its trace."""
    parent_span_id: str | None = None
    """Identifies the span that it is a part of; None for the root of the trace."""
    name: str
    """Names the span for people."""
    span_type: _SpanType
    """Says what kind of step it is."""
    is_event: bool = False
    """Is true for a moment, whose end is its start."""
    started_at: UtcDatetime
    """Records when it began, in UTC."""
    ended_at: UtcDatetime | None = None
    """Records when it ended; None while it runs."""
    scope: StoredObject | None = None
    """Holds what recorded it, with its version."""
    metadata: StoredObject | None = None
    """Holds what the program said about it."""
    attributes: StoredObject | None = None
    """Holds what is special to its kind, as `model` and `usage` of a call of a model."""
    request_context: StoredObject | None = None
    """Holds values of the request."""
    tags: list[str] | None = None
    """Lists labels."""
    links: list[Any] | None = None
    """Lists other spans that it is linked to."""
    input: Any = None
    """Holds what it was given, any JSON value."""
    output: Any = None
    """Holds what it gave, any JSON value."""
    error: Any = None
    """Holds `{"message": ..., "name"?: ..., "stack"?: ...}` of a span that failed, or None."""
    created_at: UtcDatetime | None = None
    """Records when it was first stored; set by the store."""
    updated_at: UtcDatetime | None = None
    """Records when it was last stored; set by the store."""


class SpanSummary(Record):
    """Represents a span without what may be large: its input, output, attributes.

    Example:
        page = await store.observability.list_traces({"status": "running"})
        assert page.spans == []
    """

    trace_id: str
    """Identifies the trace."""
    span_id: str
    """Identifies the span in its trace."""
    parent_span_id: str | None = None
    """Identifies the span that it is a part of; None for the root of the trace."""
    name: str
    """Names the span for people."""
    span_type: str
    """Says what kind of step it is."""
    is_event: bool = False
    """Is true for a moment."""
    started_at: UtcDatetime
    """Records when it began, in UTC."""
    ended_at: UtcDatetime | None = None
    """Records when it ended; None while it runs."""
    error: Any = None
    """Holds the error of a span that failed, or None."""
    entity_type: str | None = None
    """Says what ran."""
    entity_id: str | None = None
    """Identifies what ran."""
    entity_name: str | None = None
    """Names what ran."""
    created_at: UtcDatetime | None = None
    """Records when it was first stored."""
    updated_at: UtcDatetime | None = None
    """Records when it was last stored."""


class TraceSummary(SpanSummary):
    """Represents a trace in a list: its root span, and what was counted.

    Example:
        found = await store.observability.list_traces({"threadId": "t1"}, per_page=1)
        assert [trace.input_preview for trace in found.spans] == []
    """

    status: TraceStatus
    """Tells how the root ended."""
    thread_id: str | None = None
    """Identifies the thread."""
    resource_id: str | None = None
    """Identifies the resource."""
    run_id: str | None = None
    """Identifies the run."""
    user_id: str | None = None
    """Identifies the user."""
    session_id: str | None = None
    """Identifies the session."""
    environment: str | None = None
    """Names the environment."""
    service_name: str | None = None
    """Names the program."""
    metadata: StoredObject | None = None
    """Holds what the program said about the root."""
    tags: list[str] | None = None
    """Lists labels of the root."""
    input_preview: str | None = None
    """Has the first words of what the users said, at most 100 characters."""
    has_child_error: bool = False
    """Is true when a span of the trace failed."""
    input_tokens: int = 0
    """Sums the tokens that models were given."""
    output_tokens: int = 0
    """Sums the tokens that models gave."""
    errors: int = 0
    """Counts the spans that failed."""


class WholeTrace(TraceSummary):
    """Represents a trace in a list with all that its root span holds.

    Example:
        page = await store.observability.list_whole_traces()
        assert page.spans == []
    """

    attributes: StoredObject | None = None
    """Holds what is special to its kind."""
    request_context: StoredObject | None = None
    """Holds values of the request."""
    scope: StoredObject | None = None
    """Holds what recorded it."""
    links: list[Any] | None = None
    """Lists other spans that it is linked to."""
    input: Any = None
    """Holds what it was given, any JSON value."""
    output: Any = None
    """Holds what it gave, any JSON value."""


class BranchSummary(SpanSummary):
    """Represents a part of a trace in a list: a run of an agent or workflow, a call of a tool, wherever it stands.

    Example:
        page = await store.observability.list_branches({"spanType": "tool_call"})
        assert page.branches == []
    """

    status: TraceStatus
    """Tells how it ended."""


class Trace(Answer):
    """Holds the spans of one trace, by the time of their start.

    Example:
        assert await store.observability.get_trace("nowhere") is None
    """

    trace_id: str
    """Identifies the trace."""
    spans: list[Span]
    """Lists the spans."""


class TraceStructure(Answer):
    """Holds the spans of one trace without what may be large.

    Example:
        assert await store.observability.get_structure("nowhere") is None
    """

    trace_id: str
    """Identifies the trace."""
    spans: list[SpanSummary]
    """Lists the spans by the time of their start."""


class TracePage(Page):
    """Holds one page of a list of traces.

    Example:
        page = await store.observability.list_traces(per_page=20, include_total=False)
        assert (page.spans, page.total) == ([], None)
    """

    spans: list[TraceSummary]
    """Lists the roots of the traces, in the order asked for."""


class WholeTracePage(Page):
    """Holds one page of a list of traces with all that their root spans hold.

    Example:
        page = await store.observability.list_whole_traces(per_page=20)
        assert (page.spans, page.has_more) == ([], False)
    """

    spans: list[WholeTrace]
    """Lists the roots of the traces, in the order asked for."""


class BranchPage(Page):
    """Holds one page of a list of branches.

    Example:
        page = await store.observability.list_branches()
        assert page.total == 0
    """

    branches: list[BranchSummary]
    """Lists the branches, in the order asked for."""


class TraceQueryPage(Answer):
    """Holds one page of finished traces.

    Example:
        page = await store.observability.query_traces({"timeRange": {"from": "2026-01-01T00:00:00Z"}})
        assert (page.traces, page.next) == ([], None)
    """

    traces: list[TraceSummary]
    """Lists the traces, in the order asked for."""
    next: str | None
    """Is the cursor of the next page; None after the last one."""


class TraceTotals(Answer):
    """Holds what was counted of traces.

    Example:
        totals = await store.observability.get_totals(started_at={"start": "2026-01-01T00:00:00Z"})
        assert (totals.traces, totals.input_tokens) == (0, 0)
    """

    traces: int
    """Counts the traces."""
    input_tokens: int
    """Sums the tokens that models were given."""
    output_tokens: int
    """Sums the tokens that models gave."""
    errors: int
    """Counts the spans that failed."""
    running: int
    """Counts the traces that have not ended."""
    failed: int
    """Counts the traces whose root failed."""
