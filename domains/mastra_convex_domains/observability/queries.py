"""Turns filters of traces and branches into scans of the most selective index (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

from mastra_convex.domain import Bound, Condition, Key, Scan, equals, parse, to_iso, to_json

from .filters import BranchFilters, TimeRange, TraceFilters
from .models import SpanContext
from .tables import ROOTS, SPANS

_INDEXES: Final[Mapping[str, str]] = {
    "trace_id": "by_record_id",
    "thread_id": "by_thread_started",
    "run_id": "by_run_started",
    "request_id": "by_request_started",
    "session_id": "by_session_started",
    "resource_id": "by_resource_started",
    "user_id": "by_user_started",
    "entity_id": "by_entity_id_started",
    "entity_name": "by_entity_name_started",
    "experiment_id": "by_experiment_started",
    "organization_id": "by_organization_started",
    "service_name": "by_service_started",
    "environment": "by_environment_started",
    "source": "by_source_started",
    "entity_type": "by_entity_type_started",
    "span_type": "by_type_started",
    "status": "by_status_started",
}
"""The index of a filter that is an equality, the most selective first."""

BRANCH_TYPES: Final = (
    "agent_run",
    "workflow_run",
    "processor_run",
    "scorer_run",
    "rag_ingestion",
    "tool_call",
    "mcp_tool_call",
    "mcp_server_request",
    "provider_tool_call",
)
"""The kinds of span that lists of branches have."""

_AFTER_NONE: Final = Bound(value="", inclusive=False)
"""The lower bound of times that are there."""

FiltersT = TypeVar("FiltersT", bound=BranchFilters)


def checked_filters(kind: type[FiltersT], filters: FiltersT | Mapping[str, Any] | None, *, operation: str) -> FiltersT:
    """Returns filters as a record; raises ValidationError for an unknown one."""
    return parse(kind, {} if filters is None else filters, "filters", operation=operation)


def trace_scan(filters: TraceFilters) -> Scan:
    """Returns the scan of the rows of traces that match, by the time of their start."""
    texts = _trace_texts(filters)
    name = next((name for name in _INDEXES if name in texts), None)
    index = "by_started" if name is None else _INDEXES[name]
    prefix: Key = [] if name is None else [texts.pop(name)]
    where = _trace_conditions(filters, texts, failed=name is not None)
    if name is None and filters.has_child_error:
        index, prefix = "by_child_error_started", (True,)
    elif name is None and filters.has_child_error is False:
        where.append(_exists("hasChildError", False))
    lower, upper = bounds(filters.started_at)
    if index == "by_record_id":  # which has no time to bound
        where += [_exists("startedAt", True), *_times("startedAt", filters.started_at)]
        lower = upper = None
    else:
        lower = lower or _AFTER_NONE
    where += _times("endedAt", filters.ended_at)
    return Scan(table=ROOTS.name, index=index, prefixes=[prefix], lower=lower, upper=upper, where=where)


def ended_scans(filters: TraceFilters) -> tuple[Scan, Scan]:
    """Returns the scans of matching traces that have ended, by the time of their end, and of those that have not."""
    where = _trace_conditions(filters, _trace_texts(filters), failed=True) + _times("startedAt", filters.started_at)
    lower, upper = bounds(filters.ended_at)
    ended = Scan(table=ROOTS.name, index="by_ended", lower=lower or _AFTER_NONE, upper=upper, where=where)
    none = [_exists("startedAt", False)] if filters.ended_at is not None else []  # which no trace in a list matches
    running = Scan(
        table=ROOTS.name,
        index="by_ended",
        upper=Bound(value="", inclusive=False),
        where=[*where, _exists("startedAt", True), *none],
    )
    return ended, running


def branch_scan(filters: BranchFilters) -> Scan:
    """Returns the scan of the spans that match, by the time of their start."""
    texts = _texts(filters)
    if filters.trace_id is not None:
        texts["trace_id"] = filters.trace_id
    wanted = [kind for kind in BRANCH_TYPES if filters.span_type in (None, kind)]
    where = [*_equalities(texts), *_members(filters), *_times("endedAt", filters.ended_at)]
    if filters.status == "error":
        where.append(_exists("error", True))
    elif filters.status is not None:
        where += [_exists("error", False), _exists("endedAt", filters.status == "success")]
    lower, upper = bounds(filters.started_at)
    return Scan(
        table=SPANS.name,
        index="by_type_started",
        prefixes=[[kind] for kind in wanted],
        lower=lower or _AFTER_NONE,
        upper=upper,
        where=where,
    )


def bounds(times: TimeRange | None) -> tuple[Bound | None, Bound | None]:
    """Returns the bounds of an index of a range of times."""
    if times is None:
        return None, None
    lower = None if times.start is None else Bound(value=to_iso(times.start), inclusive=not times.start_exclusive)
    upper = None if times.end is None else Bound(value=to_iso(times.end), inclusive=not times.end_exclusive)
    return lower, upper


def _texts(filters: BranchFilters) -> dict[str, str]:
    columns = vars(filters)
    return {name: columns[name] for name in SpanContext.model_fields if columns[name] is not None}


def _trace_texts(filters: TraceFilters) -> dict[str, str]:
    others = {"trace_id": filters.trace_id, "span_type": filters.span_type, "status": filters.status}
    return _texts(filters) | {name: value for name, value in others.items() if value is not None}


def _trace_conditions(filters: TraceFilters, texts: Mapping[str, str], *, failed: bool) -> list[Condition]:
    """Returns the conditions on the rows of traces; with `failed` also that on errors of their spans."""
    columns = {"id" if name == "trace_id" else name: value for name, value in texts.items()}
    where = [*_equalities(columns), *_members(filters)]
    if failed and filters.has_child_error is not None:
        where.append(_exists("hasChildError", filters.has_child_error))
    return where


def _equalities(texts: Mapping[str, str]) -> list[Condition]:
    names = {**{name: str(field.alias) for name, field in BranchFilters.model_fields.items()}, "id": "id"}
    return [equals([names[name]], value) for name, value in texts.items()]


def _members(filters: BranchFilters) -> list[Condition]:
    """Returns the conditions on members of scope and metadata, and on labels."""
    objects = {"scope": filters.scope, "metadata": filters.metadata}
    where = [equals([name, key], value) for name, object in objects.items() for key, value in (object or {}).items()]
    if filters.tags:
        where.append(Condition(path=["tags"], operator="match", value=to_json({"$all": filters.tags})))
    return where


def _times(column: str, times: TimeRange | None) -> list[Condition]:
    """Returns the conditions that a time is there and within a range."""
    if times is None:
        return []
    where = [_exists(column, True)]
    lower, upper = bounds(times)
    if lower is not None:
        operator: Literal["gte", "gt"] = "gte" if lower.inclusive else "gt"
        where.append(Condition(path=[column], operator=operator, value=to_json(lower.value)))
    if upper is not None:
        below: Literal["lte", "lt"] = "lte" if upper.inclusive else "lt"
        where.append(Condition(path=[column], operator=below, value=to_json(upper.value)))
    return where


def _exists(column: str, wanted: bool) -> Condition:
    return Condition(path=[column], operator="exists", value=to_json(wanted))
