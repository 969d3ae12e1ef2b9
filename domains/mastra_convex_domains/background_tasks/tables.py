"""Declares the table of the background tasks domain (docs/contract.md, "Tables")."""

from mastra_convex.domain import Field, Index, Table

TASKS = Table(
    name="mastra_background_tasks",
    fields=(
        Field("id"),
        Field("tool_call_id"),
        Field("tool_name"),
        Field("agent_id"),
        Field("run_id"),
        Field("thread_id", nullable=True),
        Field("resource_id", nullable=True),
        Field("status"),
        Field("args", json=True, large=True),
        Field("result", json=True, optional=True, nullable=True, large=True),
        Field("error", json=True, optional=True, nullable=True, large=True),
        Field("suspend_payload", json=True, optional=True, nullable=True, large=True),
        Field("retry_count", "number"),
        Field("max_retries", "number"),
        Field("timeout_ms", "number"),
        Field("createdAt"),
        Field("startedAt", nullable=True),
        Field("suspendedAt", nullable=True),
        Field("completedAt", nullable=True),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_status_created", ("status", "createdAt")),
        Index("by_agent_status", ("agent_id", "status")),
        Index("by_run", ("run_id",)),
        Index("by_tool_call", ("tool_call_id",)),
        Index("by_thread", ("thread_id",)),
        Index("by_resource", ("resource_id",)),
        Index("by_tool", ("tool_name",)),
        Index("by_created", ("createdAt",)),
        Index("by_agent_created", ("agent_id", "createdAt"), extra=True),
        Index("by_thread_created", ("thread_id", "createdAt"), extra=True),
        Index("by_resource_created", ("resource_id", "createdAt"), extra=True),
        Index("by_tool_created", ("tool_name", "createdAt"), extra=True),
    ),
    shared=True,
    resource="resource_id",
)
"""Each row holds one task. All its columns are there; a value that is missing is null."""
