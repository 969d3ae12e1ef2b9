"""Says how values appear on pages: links, times, durations, JSON. All of it is text; templates escape it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from pydantic.alias_generators import to_snake

MOST_CHARACTERS: Final = 20_000
"""So much of a text is on a page; the raw JSON has all of it."""
_FEW: Final = 1_000
_PAGE: Final = 150_000
_LINE: Final = 120


def link(path: str, **parameters: Any) -> str:
    """Returns a path with parameters; any text may be an id."""
    given = {name: str(value) for name, value in parameters.items() if value is not None and value != ""}
    return f"{path}?{urlencode(given, errors='replace')}" if given else path


def row_link(table: str, key: list[Any], path: str = "/row") -> str:
    """Returns the path of the page of one row."""
    return link(path, table=table, key=json.dumps(key))


def moment_of(value: Any) -> datetime | None:
    """Returns the time that a column holds, as ISO text or in milliseconds; None for anything else."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def when(value: Any) -> str:
    """Returns a time as text, in UTC."""
    time = moment_of(value)
    if time is None:
        return "" if value is None else short(value)
    return time.strftime("%Y-%m-%d %H:%M:%S")


def duration(milliseconds: Any) -> str:
    """Returns a duration in the unit that suits it."""
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        return ""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def as_json(value: Any) -> str:
    """Returns a value as indented JSON."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # lone surrogates, and numbers of more than 64 bits
        return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Returns the beginning of a long text, and how long it is."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n… the first {most:,} of {len(text):,} characters; raw JSON has all"


class Room:
    """Shares out a page among many texts, so that it takes no longer with long ones.

    Once they fill the page, each further one has the room of a few lines.
    """

    def __init__(self) -> None:
        self._left = _PAGE

    def cut(self, text: str) -> str:
        """Returns as much of a text as it has room for."""
        shown = cut(text, min(MOST_CHARACTERS, max(_FEW, self._left)))
        self._left -= len(shown)
        return shown


def short(value: Any) -> str:
    """Returns a value as one line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    line = " ".join(text[: 4 * _LINE].split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"


def words(name: str) -> str:
    """Returns the name of a column as words."""
    return to_snake(name).replace("_", " ").capitalize()


def status_class(status: Any) -> str:
    """Returns the style of a status: good, bad, waiting, or none."""
    return _CLASSES.get(status, "") if isinstance(status, str) else ""


_CLASSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("success", "completed", "active", "published", "succeeded", "result", "output-available"), "good"),
    **dict.fromkeys(("failed", "error", "tripwire", "timed_out", "canceled", "cancelled", "output-error"), "bad"),
    **dict.fromkeys(("running", "suspended", "waiting", "paused", "pending", "call"), "open"),
}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return value.tolist() if hasattr(value, "tolist") else str(value)
