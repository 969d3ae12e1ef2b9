"""Makes what frameworks hand over fit for storage: plain JSON values of a bounded size. Internal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from mastra_convex.rows.jsonable import to_jsonable

_DEPTH: Final = 32
"""Levels of nesting that are kept of a value that cannot be kept as it is."""

_SHORTEST: Final = 64
"""Characters that are left of a text at least, before a whole value is kept as the beginning of its JSON text."""


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Returns a copy that is JSON; of what a store takes no value, the text. Never raises."""
    try:
        return to_jsonable(value)
    except Exception:  # somewhere in it is an object of a framework or a user, or it is too deep
        return _with_texts(value, depth)


def parsed(value: Any) -> Any:
    """Returns what a JSON text of an object, array or string says; any other value as it is."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(value)
        except ValueError:  # or a text that only begins so
            return value
    return value


def time_of(nanoseconds: int) -> datetime:
    """Returns the time of OpenTelemetry's count, whole microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def fitted(value: Any, limit: int) -> Any:
    """Returns a JSON value whose text has at most about `limit` bytes: the longest texts in it are cut, with a note.

    Where that is not enough, as of an array of many numbers, the beginning of the JSON text is left.
    """
    if value is None or isinstance(value, bool | int | float) or _size(value) <= limit:
        return value
    longest = limit
    while longest > _SHORTEST:
        shorter = _with_texts_cut(value, longest)
        if _size(shorter) <= limit:
            return shorter
        longest //= 2
    return _cut(orjson.dumps(value).decode(), limit // 2)


def _with_texts(value: Any, depth: int) -> Any:
    try:
        if depth and isinstance(value, Mapping):
            return {str(name): plain(member, depth - 1) for name, member in value.items()}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [plain(item, depth - 1) for item in value]
        return to_jsonable(str(value))
    except Exception as error:  # its text cannot be had either
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _size(value: Any) -> int:
    return len(orjson.dumps(value))


def _with_texts_cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return _cut(value, longest)
    if isinstance(value, dict):
        return {name: _with_texts_cut(member, longest) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_texts_cut(item, longest) for item in value]
    return value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… (cut, {len(text)} characters)"
