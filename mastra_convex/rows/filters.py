"""Mastra's filter language, compiled to a test of a value (docs/protocol.md, "Conditions").

What is wrong with a filter is reported while it is compiled, before any value is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from operator import ge, gt, le, lt
from typing import Any, Final

from mastra_convex.errors import ValidationError
from mastra_convex.rows.patterns import compile_pattern

Test = Callable[[Any], bool]
Holds = Callable[[Any, Any], bool]

_MAX_INDEX_DIGITS = 9
_LOGICAL = ("$and", "$or", "$nor", "$not")
"""These may stand beside the names of fields."""


class _Missing(Enum):
    """A field that is not there; null is something."""

    MISSING = "missing"


_MISSING: Final = _Missing.MISSING


def compile_filter(value: Any) -> Test:
    """A function that tells whether the filter `value` (parsed JSON) holds for a parsed JSON value.

    Raises ValidationError, naming the operator and the path inside the filter, for what is unknown, misplaced or
    malformed.
    """
    try:
        return _filter(value, "filter")
    except RecursionError:
        raise ValidationError("filter is nested too deep") from None


def deep_equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: like Python's, but true is not 1 and false is not 0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        left: dict[str, Any] = a
        right: dict[str, Any] = b
        return left.keys() == right.keys() and all(deep_equal(value, right[key]) for key, value in left.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(deep_equal, a, b))
    return bool(a == b)


def compares(value: Any, given: Any, holds: Holds) -> bool:
    """Whether `holds` for two numbers, or for two strings, which Python compares by code points; else False."""
    if isinstance(value, str) and isinstance(given, str):
        return holds(value, given)
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(given, numbers) and bool not in (type(value), type(given)):
        return holds(value, given)
    return False


def array_index(key: str) -> int:
    """The index that a key of decimal digits names in an array; -1 when it names none."""
    return int(key) if key.isdigit() and key.isascii() and len(key.lstrip("0")) <= _MAX_INDEX_DIGITS else -1


def _filter(given: Any, path: str) -> Test:
    if not isinstance(given, dict):
        return partial(_equals, given)
    members: dict[str, Any] = given
    field = next((name for name in members if not name.startswith("$")), None)
    tests: list[Test] = []
    for name, operand in members.items():
        if not name.startswith("$"):
            tests.append(_field(name, operand, f"{path}.{name}"))
        elif field is not None and name not in _LOGICAL:
            raise _refused(name, path, f"is misplaced beside the field {field!r}")
        elif name == "$regex":
            tests.append(_regex(operand, members.get("$options", ""), path))
        elif name != "$options":
            tests.append(_operation(name, operand, path))
        elif "$regex" not in members:
            raise _refused(name, path, "belongs beside $regex")
    return tests[0] if len(tests) == 1 else partial(_all, tests)


def _refused(operator: str, path: str, problem: str) -> ValidationError:
    return ValidationError(f"{path}: {operator} {problem}", details={"path": path, "operator": operator})


def _operation(operator: str, given: Any, path: str) -> Test:
    compiled = _OPERATORS.get(operator)
    if compiled is None:
        raise _refused(operator, path, "is no operator")
    return compiled(given, path)


def _exists(given: Any, path: str) -> Test:
    if not isinstance(given, bool):
        raise _refused("$exists", path, "takes true or false")
    return lambda value: (value is not _MISSING) is given


def _size(given: Any, path: str) -> Test:
    if not isinstance(given, int | float) or isinstance(given, bool) or given < 0 or given % 1:
        raise _refused("$size", path, "takes a whole number of at least 0")
    return lambda value: isinstance(value, list) and len(value) == given


def _list(operator: str, given: Any, path: str) -> list[Any]:
    if not isinstance(given, list):
        raise _refused(operator, path, "takes an array")
    return given


def _regex(text: Any, options: Any, path: str) -> Test:
    if not isinstance(text, str) or not isinstance(options, str):
        raise _refused("$regex", path, "takes text, and so does $options")
    try:
        pattern = compile_pattern(text, options)
    except ValidationError as error:
        raise _refused("$regex", path, f"takes no such pattern: {error.message}") from error
    return lambda value: isinstance(value, str) and pattern.search(value) is not None


def _field(name: str, given: Any, path: str) -> Test:
    test = _filter(given, path)
    keys = name.split(".")

    def holds(value: Any) -> bool:
        for key in keys:
            value = _child(value, key)
        return test(value)

    return holds


def _child(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key, _MISSING)
    if isinstance(value, list):
        index = array_index(key)
        return value[index] if 0 <= index < len(value) else _MISSING
    return _MISSING


def _not(test: Test) -> Test:
    return lambda value: not test(value)


def _all(tests: list[Test], value: Any) -> bool:
    return all(test(value) for test in tests)


def _any(tests: list[Test], value: Any) -> bool:
    return any(test(value) for test in tests)


def _equals(given: Any, value: Any) -> bool:
    if value is _MISSING:
        return given is None
    return deep_equal(value, given) or (isinstance(value, list) and _has(value, given))


def _has(items: list[Any], wanted: Any) -> bool:
    return any(deep_equal(item, wanted) for item in items)


def _has_all(wanted: list[Any], value: Any) -> bool:
    return isinstance(value, list) and bool(wanted) and all(_has(value, each) for each in wanted)


def _has_match(test: Test, value: Any) -> bool:
    return isinstance(value, list) and any(map(test, value))


def _ordered(given: Any, holds: Holds, value: Any) -> bool:
    if isinstance(value, list):
        return any(compares(item, given, holds) for item in value)
    return compares(value, given, holds)


def _contains(wanted: Any, value: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    if isinstance(value, list):
        return all(_has(value, each) for each in wanted) if isinstance(wanted, list) else _has(value, wanted)
    if isinstance(value, dict) and isinstance(wanted, dict):
        members: dict[str, Any] = value
        parts: dict[str, Any] = wanted
        return all(
            key in members and (_contains(part, members[key]) or deep_equal(members[key], part))
            for key, part in parts.items()
        )
    return False


def _values(operator: str, given: Any, path: str) -> list[Test]:
    return [partial(_equals, item) for item in _list(operator, given, path)]


def _filters(operator: str, given: Any, path: str) -> list[Test]:
    return [_filter(item, f"{path}.{operator}[{n}]") for n, item in enumerate(_list(operator, given, path))]


_OPERATORS: dict[str, Callable[[Any, str], Test]] = {
    "$eq": lambda given, _: partial(_equals, given),
    "$ne": lambda given, _: _not(partial(_equals, given)),
    "$gt": lambda given, _: partial(_ordered, given, gt),
    "$gte": lambda given, _: partial(_ordered, given, ge),
    "$lt": lambda given, _: partial(_ordered, given, lt),
    "$lte": lambda given, _: partial(_ordered, given, le),
    "$in": lambda given, path: partial(_any, _values("$in", given, path)),
    "$nin": lambda given, path: _not(partial(_any, _values("$nin", given, path))),
    "$all": lambda given, path: partial(_has_all, _list("$all", given, path)),
    "$elemMatch": lambda given, path: partial(_has_match, _filter(given, f"{path}.$elemMatch")),
    "$exists": _exists,
    "$size": _size,
    "$contains": lambda given, _: partial(_contains, given),
    "$not": lambda given, path: _not(_filter(given, f"{path}.$not")),
    "$and": lambda given, path: partial(_all, _filters("$and", given, path)),
    "$or": lambda given, path: partial(_any, _filters("$or", given, path)),
    "$nor": lambda given, path: _not(partial(_any, _filters("$nor", given, path))),
}
