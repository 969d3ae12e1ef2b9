"""Conditions on rows: one form for filters, guards and range operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Literal

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filters import compares, compile_filter, deep_equal
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import MISSING, Path, check_path
from mastra_convex.rows.values import from_json
from mastra_convex.tables import Table

Predicate = Callable[[OpenRow], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Compares the value at a path with `value`, which is JSON text. Conditions in a list must all hold."""

    path: Path
    operator: Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "lacks", "exists", "match"]
    value: str


def predicate(table: Table, where: Sequence[Condition]) -> Predicate | None:
    """Returns a function that tells whether all conditions hold for a row, None for no condition.

    Raises ValidationError for a malformed one, whether or not there is a row.
    """
    tests = [_test(table, condition) for condition in where]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def given_value(text: str, what: str) -> Any:
    """Returns the value of JSON text that a caller gave; ValidationError when it is none."""
    try:
        return from_json(text)
    except ValueError:
        raise ValidationError(f"the value of {what} is not JSON text") from None


def _test(table: Table, condition: Condition) -> Predicate:
    path = list(condition.path)
    check_path(table, path, system=True)
    given = given_value(condition.value, "a condition")
    compare = _COMPARISONS.get(condition.operator)
    if compare is not None:
        return lambda row: compare(row.get(path), given)
    match condition.operator:
        case "in":
            if not isinstance(given, list):
                raise ValidationError("the value of `in` must be an array")
            elements: list[Any] = given
            return lambda row: _among(row.get(path), elements)
        case "lacks":
            if not isinstance(given, dict):
                raise ValidationError("the value of `lacks` must be an object")
            members: dict[str, Any] = given
            return lambda row: not _has_element(row.get(path), members)
        case "exists":
            if not isinstance(given, bool):
                raise ValidationError("the value of `exists` must be true or false")
            return lambda row: (row.get(path) is not MISSING) is given
        case _:
            test = compile_filter(given)
            return lambda row: test({} if (value := row.get(path)) is MISSING else value)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": deep_equal,
    "ne": lambda value, given: not deep_equal(value, given),
    "lt": lambda value, given: compares(value, given, lt),
    "lte": lambda value, given: compares(value, given, le),
    "gt": lambda value, given: compares(value, given, gt),
    "gte": lambda value, given: compares(value, given, ge),
}
"""Compares a value at a path with the given one."""


def _has_element(value: Any, members: dict[str, Any]) -> bool:
    """Tells whether a value is an array with an object that has all these members."""
    elements: list[Any] = value if isinstance(value, list) else []
    return any(
        isinstance(element, dict)
        and all(name in element and deep_equal(element[name], members[name]) for name in members)
        for element in elements
    )


def _among(value: Any, elements: list[Any]) -> bool:
    return any(deep_equal(value, element) for element in elements)
