"""Turns schedules and triggers into rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex.domain import Row, ScanResult, decode_row, each, encode_row

from .models import Schedule, ScheduleTrigger
from .tables import SCHEDULES, TRIGGERS


def schedule_row(schedule: Schedule) -> Row:
    """Returns the row of a schedule."""
    columns = {field.name: vars(schedule).get(field.name) for field in SCHEDULES.fields}
    return encode_row(SCHEDULES, {**columns, "workflow_id": workflow_of(schedule.target)})


def schedule_of(row: Row) -> Schedule:
    """Returns the schedule of a row."""
    columns = decode_row(SCHEDULES, row)
    columns.pop("workflow_id", None)
    return Schedule.stored(columns, SCHEDULES)


async def schedules_of(found: ScanResult) -> list[Schedule]:
    """Returns the schedules that a scan found."""
    return await each(schedule_of, found.rows)


def trigger_of(row: Row) -> ScheduleTrigger:
    """Returns the trigger of a row."""
    return ScheduleTrigger.stored(decode_row(TRIGGERS, row), TRIGGERS)


def workflow_of(target: Mapping[str, Any]) -> Any:
    """Returns the workflow that a target starts; None when it starts none."""
    return target["workflowId"] if target["type"] == "workflow" else None
