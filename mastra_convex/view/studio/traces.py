"""Traces, their spans, and the values that filters offer."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex.errors import ValidationError
from mastra_convex.rows.times import to_iso
from mastra_convex.view.studio.agents import traces_of
from mastra_convex.view.studio.calls import Call, page_info
from mastra_convex.view.studio.slugs import slug, unslug

_TRACES: Final = 10
_IDS: Final = frozenset({"traceId", "threadId"})
"""Ids that are in paths of Studio, by which traces are filtered."""

_FILTERS: Final = _IDS | {
    "entityId",
    "entityName",
    "entityType",
    "environment",
    "experimentId",
    "organizationId",
    "requestId",
    "resourceId",
    "runId",
    "serviceName",
    "sessionId",
    "source",
    "spanType",
    "status",
    "userId",
}
_TOKENS: Final = {
    "mastra_model_total_input_tokens": "input_tokens",
    "mastra_model_total_output_tokens": "output_tokens",
}
"""The metrics that Studio sums, and what we have of them."""


async def query_traces(call: Call) -> dict[str, Any]:
    """Returns a page of finished traces that a predicate holds for."""
    page = await call.store.observability.query_traces(_translated(await call.body()))
    return {"traces": [_finished(trace) for trace in page.traces], "page": {"next": page.next}}


async def list_traces(call: Call) -> dict[str, Any]:
    """Returns a page of the roots of traces with all that they hold, as Studio listed them before version 1.28."""
    page, per_page = call.page(_TRACES)
    found = await call.store.observability.list_whole_traces(
        _filters(call), page=page, per_page=per_page, include_total=False
    )
    return {"pagination": page_info(found, len(found.spans)), "spans": [_span(span) for span in found.spans]}


async def list_traces_light(call: Call) -> dict[str, Any]:
    """Returns a page of the roots of traces without content, as those of a thread."""
    page, per_page = call.page(_TRACES)
    found = await call.store.observability.list_traces(
        _filters(call), page=page, per_page=per_page, include_total=False
    )
    return {"pagination": page_info(found, len(found.spans)), "spans": [_span(span) for span in found.spans]}


async def get_trace(call: Call) -> dict[str, Any] | None:
    """Returns all spans of a trace."""
    return _trace(await call.store.observability.get_trace(call.id("trace")))


async def get_trace_light(call: Call) -> dict[str, Any] | None:
    """Returns all spans of a trace without content."""
    return _trace(await call.store.observability.get_structure(call.id("trace")))


async def get_span(call: Call) -> dict[str, Any] | None:
    """Returns a span."""
    span = await call.store.observability.get_span(call.id("trace"), span_id=call.id("span"))
    return None if span is None else {"span": _span(span)}


async def list_query_fields(call: Call) -> dict[str, Any]:
    """Returns the fields that a query can be built of by suggestions: none, as no values are suggested."""
    await call.body()
    return {"canonicalFields": [], "observedFields": [], "observedFieldsTruncated": False}


async def sum_tokens(call: Call) -> dict[str, Any]:
    """Returns the tokens of traces, the one breakdown of metrics that we have."""
    wanted = await call.body()
    filters = wanted.get("filters")
    ids = filters.get("traceIds") if isinstance(filters, dict) else None
    if wanted.get("groupBy") != ["traceId", "name"] or not isinstance(ids, list):
        raise ValidationError("only the tokens of traceIds by traceId and name are kept, no other metrics")
    totals = await call.store.observability.get_trace_totals([unslug(id) or "" for id in ids])
    return {
        "groups": [
            {"dimensions": {"traceId": slug(id), "name": metric}, "value": getattr(total, member)}
            for id, total in totals.items()
            for metric, member in _TOKENS.items()
        ]
    }


async def list_entity_types(call: Call) -> dict[str, Any]:
    """Returns the kinds of entities that traces began with."""
    return {"entityTypes": await call.store.observability.get_entity_types()}


async def list_entity_names(call: Call) -> dict[str, Any]:
    """Returns the names of entities that traces began with."""
    return {"names": await call.store.observability.get_entity_names(entity_type=call.text("entityType"))}


async def list_service_names(call: Call) -> dict[str, Any]:
    """Returns the names of programs."""
    return {"serviceNames": await call.store.observability.get_service_names()}


async def list_environments(call: Call) -> dict[str, Any]:
    """Returns the names of environments."""
    return {"environments": await call.store.observability.get_environments()}


async def list_tags(call: Call) -> dict[str, Any]:
    """Returns the labels of traces."""
    return {"tags": await call.store.observability.get_tags(entity_type=call.text("entityType"))}


def _filters(call: Call) -> dict[str, Any]:
    given = {name: value for name, value in call.request.query.items() if name in _FILTERS and value}
    return {name: call.optional_id(name) if name in _IDS else value for name, value in given.items()}


def _translated(plan: Any) -> Any:
    """Returns a query in terms of the store: slugs are ids again, and an agent of ours is its resource."""
    match plan:
        case list():
            return [_translated(each) for each in plan]
        case {"spans": {"some": {"op": "eq", "left": {"path": "entityId"}, "right": {"literal": str(agent)}}}}:
            return traces_of(agent) or plan
        case {"op": _, "left": {"path": str(path)}, "right": right} if path in _IDS:
            return {**plan, "right": _ids(right)}
        case {"op": _, "value": {"path": str(path)}, "set": ids} if path in _IDS:
            return {**plan, "set": _ids(ids)}
        case dict():
            return {name: _translated(value) for name, value in plan.items()}
        case _:
            return plan


def _ids(operand: Any) -> Any:
    match operand:
        case str():
            return unslug(operand) or operand
        case list():
            return [_ids(each) for each in operand]
        case {"literal": literal}:
            return {**operand, "literal": _ids(literal)}
        case _:
            return operand


def _trace(trace: Any) -> dict[str, Any] | None:
    if trace is None:
        return None
    return {"traceId": slug(trace.trace_id), "spans": [_span(span) for span in trace.spans]}


def _span(span: Any) -> dict[str, Any]:
    found = span.model_dump(by_alias=True)
    ids = {name: slug(found[name]) for name in ("traceId", "spanId", "parentSpanId", "threadId") if found.get(name)}
    status = "error" if span.error is not None else "running" if span.ended_at is None else "success"
    return {**found, **ids, "status": status}


def _finished(trace: Any) -> dict[str, Any]:
    return {
        "traceId": slug(trace.trace_id),
        "rootSpanId": slug(trace.span_id),
        "name": trace.name,
        "entityId": trace.entity_id,
        "parentSpanId": None,
        "createdAt": to_iso(trace.created_at or trace.started_at),
        "metadata": trace.metadata,
        "inputPreview": trace.input_preview,
        "threadId": None if trace.thread_id is None else slug(trace.thread_id),
        "resourceId": trace.resource_id,
        "startedAt": to_iso(trace.started_at),
        "endedAt": to_iso(trace.ended_at),
        "entityName": trace.entity_name,
        "entityType": trace.entity_type,
        "environment": trace.environment,
        "status": trace.status,
    }
