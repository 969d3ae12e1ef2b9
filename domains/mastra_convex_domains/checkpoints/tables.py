"""Declares the tables of checkpoints (docs/contract.md, "Checkpoints")."""

from __future__ import annotations

from mastra_convex.domain import Field, Index, Table

CHECKPOINTS = Table(
    name="mastra_checkpoints",
    fields=(
        Field("threadId"),
        Field("namespace"),
        Field("checkpointId"),
        Field("parentId", optional=True),
        Field("runId", optional=True),
        Field("kind"),
        Field("state", large=True),
        Field("versions", json=True, large=True),
        Field("metadata", json=True, large=True),
        Field("needsAncestors", "boolean", optional=True),
        Field("createdAt"),
    ),
    indexes=(
        Index("by_namespace_checkpoint", ("threadId", "namespace", "checkpointId")),
        Index("by_thread_checkpoint", ("threadId", "checkpointId")),
        Index("by_run", ("runId",)),
        Index("by_created", ("createdAt",)),
    ),
    key="by_namespace_checkpoint",
)
"""Has one row per checkpoint; `versions` names the rows of BLOBS with its values. `state` is base64."""

BLOBS = Table(
    name="mastra_checkpoint_blobs",
    fields=(
        Field("threadId"),
        Field("namespace"),
        Field("channel"),
        Field("version"),
        Field("kind"),
        Field("data", large=True),
    ),
    indexes=(Index("by_channel_version", ("threadId", "namespace", "channel", "version")),),
    key="by_channel_version",
)
"""Has one row per version of a channel, written once and named by all checkpoints that have it. `data` is base64."""

WRITES = Table(
    name="mastra_checkpoint_writes",
    fields=(
        Field("threadId"),
        Field("namespace"),
        Field("checkpointId"),
        Field("taskId"),
        Field("index", "number"),
        Field("taskPath"),
        Field("channel"),
        Field("kind"),
        Field("data", large=True),
    ),
    indexes=(Index("by_task_index", ("threadId", "namespace", "checkpointId", "taskId", "index")),),
    key="by_task_index",
)
"""Has one row per pending write of a task to a channel, for the step after a checkpoint. `data` is base64."""
