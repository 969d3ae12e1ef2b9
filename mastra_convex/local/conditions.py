"""Conditions on rows: one form for filters, guards and range operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mastra_convex.engine import Condition, Row
from mastra_convex.errors import ValidationError
from mastra_convex.local.paths import MISSING, check_path, value_at
from mastra_convex.tables import Table
from mastra_convex.values import from_json

Predicate = Callable[[Row], bool]


def parse_json(text: str, what: str) -> Any:
    """The value of JSON text that a caller gave; ValidationError when it is none."""
    try:
        return from_json(text)
    except ValueError:
        raise ValidationError(f"the value of {what} is not JSON text") from None


def predicate(table: Table, where: Sequence[Condition]) -> Predicate | None:
    """A function that tells whether all conditions hold, None for no condition. ValidationError for malformed ones."""
    tests = [_test(table, condition) for condition in where]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _test(table: Table, condition: Condition) -> Predicate:
    path = list(condition.path)
    check_path(table, path, system=True)
    given = parse_json(condition.value, "a condition")
    match condition.operator:
        case "eq":
            return lambda row: deep_equal(value_at(table, row, path), given)
        case "ne":
            return lambda row: not deep_equal(value_at(table, row, path), given)
        case "in":
            if not isinstance(given, list):
                raise ValidationError("the value of `in` must be an array")
            elements: list[Any] = given
            return lambda row: _among(value_at(table, row, path), elements)
        case "exists":
            if not isinstance(given, bool):
                raise ValidationError("the value of `exists` must be true or false")
            return lambda row: (value_at(table, row, path) is not MISSING) is given
        case "lt" | "lte" | "gt" | "gte":
            results = _ORDERED[condition.operator]
            return lambda row: _compare(value_at(table, row, path), given) in results


_ORDERED = {"lt": (-1,), "lte": (-1, 0), "gt": (1,), "gte": (0, 1)}


def _among(value: Any, elements: list[Any]) -> bool:
    return any(deep_equal(value, element) for element in elements)


def _compare(value: Any, given: Any) -> int | None:
    """-1, 0 or 1 for two numbers or two strings (by code points, as Python compares them); None for anything else."""
    if isinstance(value, str) and isinstance(given, str):
        return (value > given) - (value < given)
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(given, numbers) and bool not in (type(value), type(given)):
        return (value > given) - (value < given)
    return None


def deep_equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: like Python's, but true is not 1 and false is not 0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        left: dict[str, Any] = a
        right: dict[str, Any] = b
        return left.keys() == right.keys() and all(deep_equal(value, right[key]) for key, value in left.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(deep_equal, a, b))  # pyright: ignore
    return bool(a == b)
