"""The filter language: the shared cases, and generated filters against plain statements of the rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.values import plain_numbers
from tests.engine.rows import CASES

Case = dict[str, Any]
LOADED: list[Case] = json.loads((CASES / "filters.json").read_text("utf-8"))

TEXT = st.text("aZ~\u0000é\ue000\U0001f600", max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, 1e300]) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=3),
    max_leaves=6,
)
ORDERED = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}


def holds(filter: Any, value: Any) -> bool:
    return compile_filter(filter)(value)


def test_the_shared_cases() -> None:
    cases = [case for case in LOADED if not case.get("error")]
    wrong = [
        case["name"]
        for case in cases
        if holds(plain_numbers(case["filter"]), plain_numbers(case.get("value", {}))) is not case["expected"]
    ]
    assert len(cases) > 100
    assert wrong == []


def test_the_shared_cases_that_are_refused() -> None:
    accepted: list[str] = []
    for case in (case for case in LOADED if case.get("error")):
        try:
            compile_filter(plain_numbers(case["filter"]))
        except ValidationError:
            continue
        accepted.append(case["name"])
    assert accepted == []


@pytest.mark.parametrize(
    ("filter", "operator", "path"),
    [
        ({"a": {"b.c": {"$foo": 1}}}, "$foo", "filter.a.b.c"),
        ({"a": 1, "$gt": 1}, "$gt", "filter"),
        ({"$and": [{}, {"x": {"$in": 3}}]}, "$in", "filter.$and[1].x"),
        ({"x": {"$not": {"$regex": "(?=a)"}}}, "$regex", "filter.x.$not"),
        ({"x": {"$options": "i"}}, "$options", "filter.x"),
    ],
)
def test_an_error_names_operator_and_path(filter: Any, operator: str, path: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"{path}: {operator}")) as caught:
        compile_filter(filter)
    assert caught.value.details["operator"] == operator
    assert caught.value.details["path"] == path


def test_a_filter_that_is_nested_too_deep_is_refused() -> None:
    filter: Any = 1
    for _ in range(5_000):
        filter = {"$not": filter}
    with pytest.raises(ValidationError, match="deep"):
        compile_filter(filter)
    with pytest.raises(ValidationError, match="deep"):
        compile_filter({"a": {"$regex": "(" * 499 + ")" * 499}})


@given(VALUES, VALUES)
def test_equality_is_that_of_json_or_of_an_element(value: Any, other: Any) -> None:
    expected = canonical(value) == canonical(other) or (
        isinstance(value, list) and canonical(other) in list(map(canonical, value))
    )
    assert holds({"$eq": other}, value) is expected
    assert holds({"x": {"$eq": other}}, {"x": value}) is expected
    assert holds({"x": {"$ne": other}}, {"x": value}) is not expected
    assert holds({"x": {"$in": [other]}}, {"x": value}) is expected
    assert holds({"x": {"$nin": [other, other]}}, {"x": value}) is not expected
    if not isinstance(other, dict):
        assert holds({"x": other}, {"x": value}) is expected


def canonical(value: Any) -> str:
    """Equal for equal JSON values: the JSON text with sorted keys and numbers as floats."""
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key) + canonical(value[key]) for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return repr(float(value) + 0.0) if type(value) in (int, float) else json.dumps(value)


@given(VALUES, SCALARS, st.sampled_from(list(ORDERED)))
def test_order_is_among_equal_types_and_reaches_into_arrays(value: Any, limit: Any, operator: str) -> None:
    items = value if isinstance(value, list) else [value]
    alike = [item for item in items if kind(item) and kind(item) == kind(limit)]
    assert holds({operator: limit}, value) is any(ORDERED[operator](item, limit) for item in alike)


def kind(value: Any) -> str | None:
    return {int: "number", float: "number", str: "string"}.get(type(value))


FILTERS = st.recursive(
    st.builds(lambda operator, value: {operator: value}, st.sampled_from(["$eq", "$ne", "$gt", "$contains"]), SCALARS)
    | st.builds(lambda there: {"$exists": there}, st.booleans())
    | SCALARS,
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b", "a.b", "0"]), inner, max_size=2)
        | st.builds(lambda each: {"$not": each}, inner)
        | st.builds(lambda each: {"$elemMatch": each}, inner)
    ),
    max_leaves=5,
)


@given(VALUES, st.lists(FILTERS, max_size=3))
def test_logical_operators_are_those_of_python(value: Any, filters: list[Any]) -> None:
    each = [holds(filter, value) for filter in filters]
    assert holds({"$and": filters}, value) is all(each)
    assert holds({"$or": filters}, value) is any(each)
    assert holds({"$nor": filters}, value) is not any(each)
    for filter, expected in zip(filters, each, strict=True):
        assert holds({"$not": filter}, value) is not expected
        assert holds({"x": {"$elemMatch": filter}}, {"x": [value]}) is expected


@given(FILTERS, VALUES)
def test_dots_are_nested_filters(filter: Any, value: Any) -> None:
    inside = {"a": {"b": value}}
    assert holds({"a.b": filter}, inside) is holds({"a": {"b": filter}}, inside) is holds(filter, value)


ATOMS = st.sampled_from(["a", "Z", "é", ".", r"\d", r"\w", r"\S", "[ab]", "[^a-y]", r"[\s_]", r"\.", "(?:ab|~)", "(b)"])
PATTERNS = st.lists(st.tuples(ATOMS, st.sampled_from(["", "*", "+?", "{1,2}"])), max_size=4).map(
    lambda parts: "".join(map("".join, parts))
)


@given(PATTERNS, st.text("abzZé1~_. \n", max_size=8), st.sampled_from(["", "i", "s", "is"]))
def test_patterns_are_read_as_python_reads_them_with_ascii_classes(pattern: str, text: str, options: str) -> None:
    flags = re.ASCII | (re.IGNORECASE if "i" in options else 0) | (re.DOTALL if "s" in options else 0)
    assert holds({"$regex": pattern, "$options": options}, text) is (re.search(pattern, text, flags) is not None)
