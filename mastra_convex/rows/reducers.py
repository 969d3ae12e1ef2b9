"""The reducers: pure functions of the value that is there (None also when there is none) and the given one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mastra_convex.errors import ValidationError
from mastra_convex.rows.values import plain_number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _set(old: Any, given: Any) -> Any:
    return given


def _merge(old: Any, given: Any) -> Any:
    if not isinstance(given, dict):
        raise ValidationError("merge wants an object")
    return {**old, **given} if isinstance(old, dict) else given


def _append(old: Any, given: Any) -> Any:
    if not isinstance(given, list):
        raise ValidationError("append wants an array")
    if old is not None and not isinstance(old, list):
        raise ValidationError("append finds a value that is no array")
    return [*(old or ()), *given]


def _add(old: Any, given: Any) -> Any:
    if not _is_number(given):
        raise ValidationError("add wants a number")
    if old is not None and not _is_number(old):
        raise ValidationError("add finds a value that is no number")
    total = float(old or 0) + float(given)  # in doubles, as JavaScript adds
    if not math.isfinite(total):
        raise ValidationError("the sum is out of the range of numbers")
    return plain_number(total)


def _max(old: Any, given: Any) -> Any:
    for is_kind in (_is_number, _is_text):
        if is_kind(given):
            return max(old, given) if is_kind(old) else given
    raise ValidationError("max wants a number or a string")


def _slots(old: Any, given: Any) -> Any:
    if not isinstance(given, dict):
        raise ValidationError("slots wants an object")
    new: dict[str, Any] = given
    if not (isinstance(old, dict) and isinstance(old.get("output"), list) and isinstance(new.get("output"), list)):
        return new
    kept: dict[str, Any] = old
    elements: list[Any] = new["output"]
    output: list[Any] = [*kept["output"]]
    pending = any(_is_marker(element) for element in elements)
    output.extend([None] * (len(elements) - len(output)))
    for n, element in enumerate(elements):
        if _is_marker(element):
            if _is_marker(output[n]) or _is_suspended(output[n]):
                output[n] = None
        elif element is not None and not pending:
            output[n] = element
    return {**kept, **({} if pending else new), "output": output}


def _is_marker(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"__mastra_pending__"} and value["__mastra_pending__"] is True


def _is_suspended(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("status") == "suspended"
        and ("suspendPayload" in value or "suspendedAt" in value)
    )


REDUCERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "set": _set,
    "merge": _merge,
    "append": _append,
    "add": _add,
    "max": _max,
    "slots": _slots,
}
