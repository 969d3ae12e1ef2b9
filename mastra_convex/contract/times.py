"""Times as Mastra stores them: UTC, cut to milliseconds, `YYYY-MM-DDTHH:mm:ss.sssZ` (contract section 1.9)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from mastra_convex.contract.stored import is_stored


def now() -> datetime:
    """The current time in UTC, cut to milliseconds."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(value: datetime) -> datetime:
    """An aware datetime in UTC without its microseconds; ValueError for a naive one, and one that UTC does not have."""
    if value.tzinfo is None:
        raise ValueError("must have a time zone")
    if value.tzinfo is not UTC:
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be in the years 1 to 9999 of UTC") from None
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest) if rest else value


def to_iso(value: datetime) -> str:
    """The stored text of an aware datetime; it sorts as text in the order of time."""
    return to_milliseconds(value).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _utc(value: datetime, info: ValidationInfo) -> datetime:
    """The handler of @mastra/convex stores a time that is given as text unchanged, also without a zone."""
    return to_milliseconds(value.replace(tzinfo=UTC) if value.tzinfo is None and is_stored(info) else value)


UtcDatetime = Annotated[datetime, AfterValidator(_utc)]
"""A field type: aware, UTC, milliseconds; a stored one without a zone is UTC."""
