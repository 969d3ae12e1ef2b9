"""Times as Mastra stores them: UTC, cut to milliseconds, `YYYY-MM-DDTHH:mm:ss.sssZ`. Internal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from mastra_convex.rows.explain import A_TIME

_ISO_TIME: Final = re.compile(
    r"((?!0000)\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Returns the current time in UTC, cut to milliseconds."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(value: datetime) -> datetime:
    """Returns an aware datetime in UTC, cut to milliseconds.

    Raises ValueError for a naive one, and for one that UTC does not have.
    """
    if value.tzinfo is None:
        raise ValueError(f"must be {A_TIME}")
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


def instant(text: str) -> tuple[int, str] | None:
    """Returns the time that ISO text with a zone tells: whole seconds, and the digits behind; None for other text."""
    found = _ISO_TIME.fullmatch(text)
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found[1] + found[3])
    except ValueError:
        return None  # there is no such day
    return (time - _EPOCH) // timedelta(seconds=1), (found[2] or "").rstrip("0")
