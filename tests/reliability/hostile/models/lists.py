"""Order and pages of lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mastra_convex import ValidationError
from tests.reliability.hostile.outcomes import NOW, exact

Row = dict[str, Any]


def by_time(rows: Iterable[Row], *, descending: bool = False) -> list[Row]:
    """By creation time, those of one time in the order in which they came; descending is the exact reverse."""
    found = sorted(rows, key=lambda row: (row["created_at"] == NOW, row["created_at"]))
    return found[::-1] if descending else found


def within(row: Row, start: datetime | None, end: datetime | None, past: bool = False, before: bool = False) -> bool:
    """Whether a row is of a span of time; `past` and `before` leave out the bounds themselves."""
    time = row["created_at"]
    if time == NOW:
        return end is None
    after_start = start is None or time > start or (time == start and not past)
    return after_start and (end is None or time < end or (time == end and not before))


def has_pairs(members: Any, wanted: Row | None) -> bool:
    """Whether an object has members that equal all those wanted."""
    found = members if isinstance(members, dict) else {}
    return all(key in found and exact(found[key]) == exact(value) for key, value in (wanted or {}).items())


def page_of(
    name: str, rows: list[Row], page: int = 0, per_page: int | bool = 100, include_total: bool = True
) -> dict[str, Any]:
    """What a list answers of all rows that match."""
    if per_page is False:
        if page:
            raise ValidationError("page must be 0 when per_page is False")
        shown, more = rows, False
    else:
        end = (page + 1) * per_page
        shown, more = rows[page * per_page : end], end < len(rows)
    total = len(rows) if include_total else None
    return {name: shown, "total": total, "page": page, "per_page": per_page, "has_more": more}
