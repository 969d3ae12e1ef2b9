"""Words for error texts: what a value is, and what was probably meant. Internal."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_SHORT_INTEGER: Final = 10**20
_SHORT_TEXT: Final = 60
"""Integers below the first, and texts of at most so many characters, are shown."""

_LONG_PATH: Final = 200
"""So many characters of a path are shown."""

A_TIME: Final = "a datetime with a time zone, as datetime.now(UTC)"
"""Says what a time must be, and how to make one."""

AS_JSON: Final = "mastra_convex.to_jsonable"
"""Names the function that errors give as the way to convert a value that is not JSON."""


def kind_of(value: object) -> str:
    """Names the type of a value with its module, as `decimal.Decimal`; types of the language alone, as `bytes`."""
    kind = type(value)
    if value is None:
        return "None"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def shown(value: object) -> str:
    """Shows a short text or number itself, and of any other value its type."""
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, int) and abs(value) < _SHORT_INTEGER:
        return repr(value)
    if isinstance(value, str) and len(value) <= _SHORT_TEXT:
        return repr(str(value))
    return f"a long {kind_of(value)}" if isinstance(value, str | int) else kind_of(value)


def at(path: str) -> str:
    """Returns the path for a text; of a very long one, as of what nests too deep, only its beginning."""
    return path if len(path) <= _LONG_PATH else f"{path[:_LONG_PATH]}..."


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """Returns `; did you mean 'title'?` for a text that is nearly one of `known`, an empty text for any other value."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(given.lower(), names, n=1) if isinstance(given, str) else []
    return f"; did you mean {names[close[0]]!r}?" if close else ""


def one_of(given: object, known: Iterable[str]) -> str:
    """Returns `must be one of user, assistant, not 'asistant'; did you mean 'assistant'?`."""
    known = list(known)
    return f"must be one of {', '.join(known)}, not {shown(given)}{did_you_mean(given, known)}"
