"""Mastra's filter language, as a test of a value (docs/protocol.md, "Conditions")."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from operator import ge, gt, le, lt
from typing import Any, Final

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filter_syntax import checked_filter
from mastra_convex.rows.patterns import compile_program
from mastra_convex.rows.times import instant

Test = Callable[[Any], bool]
Holds = Callable[[Any, Any], bool]

_MAX_INDEX_DIGITS = 9


class _Missing(Enum):
    """A field that is not there; null is something."""

    MISSING = "missing"


_MISSING: Final = _Missing.MISSING


def compile_filter(value: Any) -> Test:
    """A function that tells whether a filter holds for a parsed JSON value; patterns may be text or programs.

    What is wrong with the filter is reported now, as by `checked_filter`, before any value is looked at.
    """
    checked = checked_filter(value)
    try:
        return _test(checked)
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
    """Tells whether `holds` for two numbers, or for two strings, which Python compares by code points; else False."""
    if isinstance(value, str) and isinstance(given, str):
        return holds(value, given)
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(given, numbers) and bool not in (type(value), type(given)):
        return holds(value, given)
    return False


def array_index(key: str) -> int:
    """The index that a key of decimal digits names in an array; -1 when it names none."""
    return int(key) if key.isdigit() and key.isascii() and len(key.lstrip("0")) <= _MAX_INDEX_DIGITS else -1


def _test(given: Any) -> Test:
    if not isinstance(given, dict):
        return _equals(given)
    members: dict[str, Any] = given
    return _all(
        _TESTS[name](operand) if name.startswith("$") else _field(name, operand) for name, operand in members.items()
    )


def _field(name: str, given: Any) -> Test:
    test = _test(given)
    return (lambda value: test(_named(value, name))) if "." in name else lambda value: test(_child(value, name))


def _named(value: Any, name: str) -> Any:
    """Returns the value that a name with dots leads to: an object is entered by the longest beginning that is a key."""
    rest = name
    while True:
        key = rest if isinstance(value, dict) else rest.partition(".")[0]
        while isinstance(value, dict) and key not in value and "." in key:
            key = key.rpartition(".")[0]
        value = _child(value, key)
        if key == rest:
            return value
        rest = rest[len(key) + 1 :]


def _child(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key, _MISSING)
    if isinstance(value, list):
        index = array_index(key)
        return value[index] if 0 <= index < len(value) else _MISSING
    return _MISSING


def _not(test: Test) -> Test:
    return lambda value: not test(value)


def _all(tests: Iterable[Test]) -> Test:
    each = list(tests)
    return each[0] if len(each) == 1 else lambda value: all(test(value) for test in each)


def _any(tests: Iterable[Test]) -> Test:
    each = list(tests)
    return lambda value: any(test(value) for test in each)


def _equals(given: Any) -> Test:
    def holds(value: Any) -> bool:
        if value is _MISSING:
            return given is None
        return deep_equal(value, given) or (isinstance(value, list) and _has(value, given))

    return holds


def _has(items: list[Any], wanted: Any) -> bool:
    return any(deep_equal(item, wanted) for item in items)


def _has_all(wanted: list[Any]) -> Test:
    return lambda value: isinstance(value, list) and bool(wanted) and all(_has(value, each) for each in wanted)


def _has_match(test: Test) -> Test:
    return lambda value: isinstance(value, list) and any(map(test, value))


def _ordered(holds: Holds) -> Callable[[Any], Test]:
    def test_of(given: Any) -> Test:
        time = instant(given) if isinstance(given, str) else None

        def compare(value: Any) -> bool:
            if time is not None and isinstance(value, str):
                other = instant(value)
                if other is not None:
                    return holds(other, time)
            return compares(value, given, holds)

        return lambda value: any(map(compare, value)) if isinstance(value, list) else compare(value)

    return test_of


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


def _matches(program: dict[str, Any]) -> Test:
    finds = compile_program(program)
    return lambda value: isinstance(value, str) and finds(value)


_TESTS: dict[str, Callable[[Any], Test]] = {
    "$eq": _equals,
    "$ne": lambda given: _not(_equals(given)),
    "$gt": _ordered(gt),
    "$gte": _ordered(ge),
    "$lt": _ordered(lt),
    "$lte": _ordered(le),
    "$in": lambda given: _any(map(_equals, given)),
    "$nin": lambda given: _not(_any(map(_equals, given))),
    "$all": _has_all,
    "$elemMatch": lambda given: _has_match(_test(given)),
    "$exists": lambda given: lambda value: (value is not _MISSING) is given,
    "$size": lambda given: lambda value: isinstance(value, list) and len(value) == given,
    "$contains": lambda given: partial(_contains, given),
    "$regex": _matches,
    "$not": lambda given: _not(_test(given)),
    "$and": lambda given: _all(map(_test, given)),
    "$or": lambda given: _any(map(_test, given)),
    "$nor": lambda given: _not(_any(map(_test, given))),
}
