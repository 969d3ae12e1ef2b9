"""Defines schedules and their triggers (docs/contract.md, "Schedules")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WrapValidator

from mastra_convex.domain import MAX_SAFE_INTEGER, Id, Record, StoredObject, checked_when_given, is_stored, new_id, now

ScheduleStatus = Literal["active", "paused"]
TriggerKind = Literal["schedule-fire", "queue-drain", "manual"]
TriggerOutcome = Literal[
    "published", "succeeded", "delivered", "persisted", "discarded", "skipped", "aborted", "failed"
]

_NEEDED = {"workflow": ("workflowId",), "agent": ("agentId", "prompt")}
"""Names the members that a target of each type must have."""


def milliseconds(value: Any) -> Any:
    """Returns the epoch milliseconds of an aware datetime, any other value as it is."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("must have a time zone, as datetime.now(UTC) has")
        return int(value.timestamp() * 1000)
    return value


def now_in_milliseconds() -> int:
    """Returns the current time in epoch milliseconds."""
    return int(now().timestamp() * 1000)


def _target(value: Any, info: ValidationInfo) -> Any:
    """Reads the type `heartbeat`, which older versions stored, as `agent`; checks a target that is given."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    if is_stored(info):
        return {**value, "type": "agent"} if value.get("type") == "heartbeat" else dict(value)
    kind = value.get("type")
    if kind not in _NEEDED:
        raise ValueError("must have the type 'workflow' or 'agent'")
    for name in _NEEDED[kind]:
        if not isinstance(value.get(name), str) or not value[name].strip():
            raise ValueError(f"of type {kind!r} must have {name!r}, a non-empty string")
    return value


Milliseconds = Annotated[int, BeforeValidator(milliseconds), Field(ge=0, le=MAX_SAFE_INTEGER)]
"""A field type: epoch milliseconds; an aware datetime becomes such a number."""
Target = Annotated[dict[str, Any], BeforeValidator(_target)]
"""A field type: what a schedule runs, with Mastra's keys."""


class Schedule(Record):
    """Represents a schedule: what to run, and when it is due. Times are epoch milliseconds.

    Example:
        target = {"type": "workflow", "workflowId": "report"}
        schedule = Schedule(target=target, cron="0 9 * * *", next_fire_at=1_767_258_000_000)
        await store.schedules.create_schedule(schedule)
        assert await store.schedules.list_due_schedules(1_767_258_000_000) == [schedule]
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the schedule; a new UUID by default."""
    target: Target
    """Describes what is run: `{"type": "workflow", "workflowId": ...}` or `{"type": "agent", "agentId": ..., "prompt":
    ...}`, with further members.
    """
    cron: str
    """Holds the cron expression; who fires the schedule reads it."""
    timezone: str | None = None
    """Names the time zone of the cron expression, or None."""
    status: Annotated[ScheduleStatus, WrapValidator(checked_when_given)] = "active"
    """Tells whether it fires: `active` or `paused`."""
    next_fire_at: Milliseconds
    """Says when it is due next."""
    last_fire_at: Milliseconds | None = None
    """Records when it was due last, or None."""
    last_run_id: str | None = None
    """Identifies the run that it started last, or None."""
    created_at: Milliseconds = Field(default_factory=now_in_milliseconds)
    """Records when it was made; now by default."""
    updated_at: Milliseconds = Field(default_factory=now_in_milliseconds)
    """Records when it was changed last; now by default."""
    metadata: StoredObject | None = None
    """Holds any JSON members of the program's own, or None."""
    owner_type: str | None = None
    """Names the kind of what the schedule belongs to, or None."""
    owner_id: str | None = None
    """Identifies what the schedule belongs to, or None."""


class ScheduleTrigger(Record):
    """Represents one firing of a schedule. Times are epoch milliseconds.

    Example:
        trigger = ScheduleTrigger(schedule_id="s1", scheduled_fire_at=1_000, actual_fire_at=1_020, outcome="published")
        await store.schedules.record_trigger(trigger)
        assert await store.schedules.list_triggers("s1") == [trigger]
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the trigger; a new UUID by default."""
    schedule_id: Id
    """Names the schedule, which need not exist."""
    run_id: str | None = None
    """Identifies the run that was started, or None."""
    scheduled_fire_at: Milliseconds
    """Says when the schedule was due."""
    actual_fire_at: Milliseconds
    """Records when it fired."""
    outcome: Annotated[TriggerOutcome, WrapValidator(checked_when_given)]
    """Names what the firing led to; older rows may have other names."""
    error: str | None = None
    """Explains a failure, or is None."""
    trigger_kind: Annotated[TriggerKind, WrapValidator(checked_when_given)] = "schedule-fire"
    """Names what fired it."""
    parent_trigger_id: str | None = None
    """Identifies the trigger that this one follows from, or None."""
    metadata: StoredObject | None = None
    """Holds any JSON members of the program's own, or None."""
