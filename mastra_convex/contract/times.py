"""Times as Mastra stores them: UTC, cut to milliseconds, `YYYY-MM-DDTHH:mm:ss.sssZ` (contract section 1.9)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def now() -> datetime:
    """The current time in UTC, cut to milliseconds."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(value: datetime) -> datetime:
    """An aware datetime in UTC without its microseconds; ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("must have a time zone")
    value = value.astimezone(UTC)
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def to_iso(value: datetime) -> str:
    """The stored text of an aware datetime; it sorts as text in the order of time."""
    return to_milliseconds(value).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


UtcDatetime = Annotated[datetime, AfterValidator(to_milliseconds)]
"""A field type: aware, UTC, milliseconds."""
