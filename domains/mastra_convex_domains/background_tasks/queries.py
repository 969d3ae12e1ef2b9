"""Turns filters of tasks into a scan of the most selective index (docs/contract.md, "Background tasks")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic.alias_generators import to_camel

from mastra_convex.domain import (
    Bound,
    Condition,
    Row,
    Scan,
    Time,
    items,
    moment,
    order_column,
    string,
    to_iso,
    to_json,
)
from mastra_convex.errors import ValidationError

from .models import TaskStatus, TaskTime
from .tables import TASKS

_INDEXES: Mapping[str, str] = {
    "tool_call_id": "by_tool_call",
    "run_id": "by_run",
    "thread_id": "by_thread_created",
    "resource_id": "by_resource_created",
    "agent_id": "by_agent_created",
    "status": "by_status_created",
    "tool_name": "by_tool_created",
}
"""Names the index that finds the tasks of a filter, the most selective filter first."""


@dataclass(frozen=True)
class TaskQuery:
    """Holds the scan that finds the tasks of some filters, and the column to order them by."""

    scan: Scan
    order_by: str

    @classmethod
    def of(
        cls,
        *,
        operation: str,
        status: object,
        texts: Mapping[str, str | None],
        dates: tuple[Time | None, Time | None, str],
        order_by: str,
    ) -> TaskQuery:
        """Checks filters and chooses the index of the most selective one."""
        order, direction = order_column(order_by, get_args(TaskTime), operation=operation)
        wanted: dict[str, list[str]] = {
            name: [string(value, name, operation=operation)] for name, value in texts.items() if value is not None
        }
        if status is not None:
            wanted["status"] = checked_statuses(status, "status", operation)
        column = next((name for name in _INDEXES if name in wanted), None)
        prefixes = [[]] if column is None else [[value] for value in wanted.pop(column)]
        index = "by_created" if column is None else _INDEXES[column]
        where = [Condition(path=[name], operator="in", value=to_json(values)) for name, values in wanted.items()]
        start, end, date = dates
        if date not in get_args(TaskTime):
            raise ValidationError(f"date_filter_by must be one of {', '.join(get_args(TaskTime))}", operation=operation)
        lower = _bound(start, "from_date", operation)
        upper = _bound(end, "to_date", operation, inclusive=False)
        if date != "created_at" or not index.endswith("_created"):
            if lower is not None or upper is not None:  # a task without the time has null, which is before all texts
                earliest = "" if lower is None else lower.value
                where.append(Condition(path=[column_of(date)], operator="gte", value=to_json(earliest)))
            if upper is not None:
                where.append(Condition(path=[column_of(date)], operator="lt", value=to_json(upper.value)))
            lower = upper = None
        scan = Scan(
            table=TASKS.name, index=index, prefixes=prefixes, lower=lower, upper=upper, where=where, order=direction
        )
        return cls(scan, column_of(order))

    @property
    def matches_none(self) -> bool:
        return not self.scan.prefixes

    @property
    def matches_all(self) -> bool:
        scan = self.scan
        return scan.index == "by_created" and not scan.where and scan.lower is None and scan.upper is None

    @property
    def is_in_order(self) -> bool:
        return self.order_by == "createdAt" and self.scan.index.endswith("_created")

    def position(self, row: Row) -> str:
        """Returns the time to order a row by; a missing one comes first."""
        return row.get(self.order_by) or ""


def column_of(name: str) -> str:
    """Returns the column of an attribute: times are in camel case, as the table of `@mastra/convex` has them."""
    return to_camel(name) if name.endswith("_at") else name


def _bound(value: Time | None, name: str, operation: str, *, inclusive: bool = True) -> Bound | None:
    if value is None:
        return None
    return Bound(value=to_iso(moment(value, name, operation=operation)), inclusive=inclusive)


def checked_statuses(value: object, name: str, operation: str) -> list[str]:
    several = [value] if isinstance(value, str) else items(value, name, operation=operation)
    for one in several:
        if one not in get_args(TaskStatus):
            raise ValidationError(f"{name} must be among {', '.join(get_args(TaskStatus))}", operation=operation)
    return list(dict.fromkeys(several))
