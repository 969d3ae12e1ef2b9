"""Reducers: pure functions from an old value and a given one to the new value (tests/cases/reducers.json)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from mastra_convex.errors import ValidationError
from mastra_convex.rows.values import plain_number

ReducerName = Literal["set", "merge", "append", "add", "max", "slots"]

Reducer = Callable[[Any], Any]
"""A reducer with its given value takes the old value, which is None also where there is none."""


def reducer(name: ReducerName, given: Any) -> Reducer:
    """Returns the reducer with its given value.

    Raises ValidationError for a value that does not suit it; the reducer raises it for such an old value.
    """
    suits, what, reduce = _REDUCERS[name]
    if not suits(given):
        raise ValidationError(f"{name} wants {what}")
    return lambda old: reduce(old, given)


def _set(old: Any, given: Any) -> Any:
    return given


def _merge(old: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {**old, **given} if isinstance(old, dict) else given


def _append(old: Any, given: list[Any]) -> list[Any]:
    if old is not None and not isinstance(old, list):
        raise ValidationError("append finds a value that is no array")
    return [*(old or ()), *given]


def _add(old: Any, given: float) -> float:
    if old is not None and not _is_number(old):
        raise ValidationError("add finds a value that is no number")
    total = float(old or 0) + float(given)  # in doubles, as JavaScript adds
    if not math.isfinite(total):
        raise ValidationError("the sum is out of the range of numbers")
    return plain_number(total)


def _max(old: Any, given: Any) -> Any:
    is_kind = _is_text if _is_text(given) else _is_number
    return max(old, given) if is_kind(old) else given


def _slots(old: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Merges the result of a step whose parts finish, and suspend, in any order."""
    if not isinstance(old, dict):
        return given
    before, after = old.get("output"), given.get("output")
    if not isinstance(before, list) or not isinstance(after, list):
        return given
    pending = any(map(_is_pending, after))
    return {**old, **({} if pending else given), "output": _merged_output(before, after, pending=pending)}


def _merged_output(old: list[Any], given: list[Any], *, pending: bool) -> list[Any]:
    output = [*old, *[None] * (len(given) - len(old))]
    for n, item in enumerate(given):
        if _is_pending(item):
            if _is_pending(output[n]) or _is_suspended(output[n]):
                output[n] = None
        elif item is not None and not pending:
            output[n] = item
    return output


def _is_pending(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {"__mastra_pending__"} and item["__mastra_pending__"] is True


def _is_suspended(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("status") == "suspended"
        and ("suspendPayload" in item or "suspendedAt" in item)
    )


def _is_any(value: Any) -> bool:
    return True


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_array(value: Any) -> bool:
    return isinstance(value, list)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number_or_text(value: Any) -> bool:
    return _is_number(value) or _is_text(value)


_REDUCERS: Mapping[ReducerName, tuple[Callable[[Any], bool], str, Callable[[Any, Any], Any]]] = {
    "set": (_is_any, "a value", _set),
    "merge": (_is_object, "an object", _merge),
    "append": (_is_array, "an array", _append),
    "add": (_is_number, "a number", _add),
    "max": (_is_number_or_text, "a number or a string", _max),
    "slots": (_is_object, "an object", _slots),
}
"""Each reducer is a function of the old and the given value; a given value must suit it."""
