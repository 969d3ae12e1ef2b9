"""Times as Mastra stores them: UTC, cut to milliseconds, `YYYY-MM-DDTHH:mm:ss.sssZ`. Internal."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Returns the current time in UTC, cut to milliseconds."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(value: datetime) -> datetime:
    """Returns an aware datetime in UTC, cut to milliseconds.

    Raises ValueError for a naive one, and for one that UTC does not have.
    """
    if value.tzinfo is None:
        raise ValueError("must have a time zone, as datetime.now(UTC) has one")
    if value.tzinfo is not UTC:
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be in the years 1 to 9999 of UTC") from None
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest) if rest else value


def to_iso(value: datetime) -> str:
    """Returns the stored text of an aware datetime; it sorts as text in the order of time."""
    return to_milliseconds(value).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
