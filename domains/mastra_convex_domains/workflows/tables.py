"""Declares the table of the workflows domain (docs/contract.md, "Tables")."""

from mastra_convex.domain import Field, Index, Table

SNAPSHOTS = Table(
    name="mastra_workflow_snapshots",
    fields=(
        Field("id", optional=True),
        Field("workflow_name"),
        Field("run_id"),
        Field("resourceId", optional=True),
        Field("snapshot", "any", json=True, large=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_workflow_run", ("workflow_name", "run_id")),
        Index("by_workflow", ("workflow_name",)),
        Index("by_resource", ("resourceId",)),
        Index("by_created", ("createdAt",)),
        Index("by_workflow_created", ("workflow_name", "createdAt"), extra=True),
        Index("by_resource_created", ("resourceId", "createdAt"), extra=True),
        Index("by_run_created", ("run_id", "createdAt"), extra=True),
        Index("by_updated", ("updatedAt",), extra=True),
    ),
    key="by_workflow_run",
    shared=True,
    resource="resourceId",
)
"""Each row holds one run. The key is not `id`, as `a-b` + `c` and `a` + `b-c` have the same one."""

CLAIMS = Table(
    name="mastra_workflow_claims",
    fields=(
        Field("workflow_name"),
        Field("run_id"),
        Field("owner", optional=True),
        Field("fence", "number"),
        Field("claimed_at"),
        Field("expires_at", optional=True),
    ),
    indexes=(
        Index("by_workflow_run", ("workflow_name", "run_id")),
        Index("by_expires", ("expires_at",)),
    ),
    key="by_workflow_run",
    beside=SNAPSHOTS.name,
)
"""Each row holds the latest claim of a run; one that was released has no owner and no end. `@mastra/convex` has no such
table.
"""
