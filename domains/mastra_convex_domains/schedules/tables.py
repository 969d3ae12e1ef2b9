"""Declares the tables of the schedules domain (docs/contract.md, "Tables")."""

from mastra_convex.domain import Field, Index, Owner, Table

SCHEDULES = Table(
    name="mastra_schedules",
    fields=(
        Field("id"),
        Field("target", json=True),
        Field("cron"),
        Field("timezone", optional=True, nullable=True),
        Field("status"),
        Field("next_fire_at", "number"),
        Field("last_fire_at", "number", optional=True, nullable=True),
        Field("last_run_id", optional=True, nullable=True),
        Field("created_at", "number"),
        Field("updated_at", "number"),
        Field("metadata", json=True, optional=True, nullable=True),
        Field("owner_type", optional=True, nullable=True),
        Field("owner_id", optional=True, nullable=True),
        Field("workflow_id", optional=True, nullable=True),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_status_next_fire_at", ("status", "next_fire_at")),
        Index("by_workflow_status", ("workflow_id", "status")),
        Index("by_workflow_id", ("workflow_id",)),
        Index("by_owner", ("owner_type", "owner_id")),
        Index("by_owner_id", ("owner_id",)),
        Index("by_created", ("created_at",)),
    ),
    shared=True,
)
"""Each row holds one schedule. `workflow_id` repeats that of a target of type `workflow`, so that it has an index."""

TRIGGERS = Table(
    name="mastra_schedule_triggers",
    fields=(
        Field("id"),
        Field("schedule_id"),
        Field("run_id", optional=True, nullable=True),
        Field("scheduled_fire_at", "number"),
        Field("actual_fire_at", "number"),
        Field("outcome"),
        Field("error", optional=True, nullable=True),
        Field("trigger_kind"),
        Field("parent_trigger_id", optional=True, nullable=True),
        Field("metadata", json=True, optional=True, nullable=True),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_schedule_actual", ("schedule_id", "actual_fire_at")),
        Index("by_parent_trigger", ("parent_trigger_id",)),
        Index("by_actual", ("actual_fire_at",), extra=True),
    ),
    owner=Owner("mastra_schedules", "by_schedule_actual"),
    shared=True,
)
"""Each row holds one firing of a schedule, and is deleted with it."""
