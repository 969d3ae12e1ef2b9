"""Declares the tables of traces: Mastra's spans, and a small row for each trace that its lists are made of."""

from mastra_convex.domain import Field, Index, Owner, Table

TEXTS = (
    "entityType",
    "entityId",
    "entityName",
    "entityVersionId",
    "parentEntityType",
    "parentEntityId",
    "parentEntityName",
    "parentEntityVersionId",
    "rootEntityType",
    "rootEntityId",
    "rootEntityName",
    "rootEntityVersionId",
    "userId",
    "organizationId",
    "resourceId",
    "runId",
    "sessionId",
    "threadId",
    "requestId",
    "environment",
    "serviceName",
    "source",
    "experimentId",
)
"""The columns that a span may have and lists can be filtered by."""

ROOTS = Table(
    name="mastra_trace_roots",
    fields=(
        Field("id"),
        Field("rootSpanId", optional=True),
        Field("name", optional=True),
        Field("spanType", optional=True),
        Field("isEvent", "boolean", optional=True),
        Field("startedAt", optional=True),
        Field("endedAt", optional=True),
        Field("status", optional=True),
        *(Field(name, optional=True) for name in TEXTS),
        Field("scope", "any", json=True, optional=True),
        Field("metadata", "any", json=True, optional=True),
        Field("tags", "any", json=True, optional=True),
        Field("error", "any", json=True, optional=True),
        Field("inputPreview", optional=True),
        Field("hasChildError", "boolean", optional=True),
        Field("marks", "any", json=True, optional=True),
        Field("createdAt", optional=True),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_started", ("startedAt",)),
        Index("by_ended", ("endedAt",)),
        Index("by_updated", ("updatedAt",)),
        Index("by_thread_started", ("threadId", "startedAt")),
        Index("by_run_started", ("runId", "startedAt")),
        Index("by_resource_started", ("resourceId", "startedAt")),
        Index("by_session_started", ("sessionId", "startedAt")),
        Index("by_user_started", ("userId", "startedAt")),
        Index("by_entity_id_started", ("entityId", "startedAt")),
        Index("by_entity_name_started", ("entityName", "startedAt")),
        Index("by_status_started", ("status", "startedAt")),
        Index("by_organization_started", ("organizationId", "startedAt")),
        Index("by_request_started", ("requestId", "startedAt")),
        Index("by_experiment_started", ("experimentId", "startedAt")),
        Index("by_service_started", ("serviceName", "startedAt")),
        Index("by_environment_started", ("environment", "startedAt")),
        Index("by_source_started", ("source", "startedAt")),
        Index("by_entity_type_started", ("entityType", "startedAt")),
        Index("by_type_started", ("spanType", "startedAt")),
        Index("by_child_error_started", ("hasChildError", "startedAt")),
        Index("by_entity", ("entityType", "entityName")),
    ),
)
"""Has one row for each trace: what lists show and filter by, taken from its root span (docs/contract.md, "Traces").

`marks` has what is counted of a trace, by span: an object with `i` and `o`, the tokens of a call of a model, and `e`, 1
for an error. As it is kept by span, a span that is written twice counts once. A trace whose root was not written yet
has only `id`, `marks`, `hasChildError` and `updatedAt`, and is in no list.
"""

SPANS = Table(
    name="mastra_ai_spans",
    fields=(
        Field("traceId"),
        Field("spanId"),
        Field("parentSpanId", optional=True),
        Field("name"),
        Field("spanType"),
        Field("isEvent", "boolean"),
        Field("startedAt"),
        Field("endedAt", optional=True),
        *(Field(name, optional=True) for name in TEXTS),
        Field("scope", "any", json=True, optional=True),
        Field("metadata", "any", json=True, optional=True, large=True),
        Field("attributes", "any", json=True, optional=True, large=True),
        Field("requestContext", "any", json=True, optional=True, large=True),
        Field("tags", "any", json=True, optional=True),
        Field("links", "any", json=True, optional=True, large=True),
        Field("input", "any", json=True, optional=True, large=True),
        Field("output", "any", json=True, optional=True, large=True),
        Field("error", "any", json=True, optional=True, large=True),
        Field("createdAt", optional=True),
        Field("updatedAt", optional=True),
    ),
    indexes=(
        Index("by_span", ("traceId", "spanId")),
        Index("by_trace_started", ("traceId", "startedAt")),
        Index("by_type_started", ("spanType", "startedAt")),
    ),
    key="by_span",
    owner=Owner("mastra_trace_roots", "by_trace_started"),
)
"""Has one row for each span, with the columns of Mastra's table."""
