"""The filter language: the shared cases, and generated filters against plain statements of the rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filter_syntax import checked_filter
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.values import plain_numbers
from tests.filters import OPTIONS_AND_PATTERNS, PROGRAMS_THAT_ARE_NONE, TEXTS, filter_cases, python_flags

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
    cases = [case for case in filter_cases() if not case.get("error")]
    wrong = [
        case["name"]
        for case in cases
        if holds(plain_numbers(case["filter"]), plain_numbers(case.get("value", {}))) is not case["expected"]
    ]
    assert len(cases) > 100
    assert wrong == []


def test_the_shared_cases_that_are_refused() -> None:
    accepted: list[str] = []
    for case in (case for case in filter_cases() if case.get("error")):
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


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        *(({"a": {operator: given}}, f"filter.a: {operator} takes a number, a text or a time, not {kind}")
          for operator in ORDERED
          for given, kind in (([1, 2], "list"), (None, "None"), (True, "bool"), ({"b": 1}, "dict"), ([], "list"))),
        *(({"a": {operator: given}}, f"filter.a: {operator} takes a list, not {kind}")
          for operator in ("$in", "$nin", "$all")
          for given, kind in (("x", "str"), (None, "None"), (1, "int"), ({"b": 1}, "dict"), (True, "bool"))),
        *(({operator: given}, f"filter: {operator} takes a list of filters, not {kind}")
          for operator in ("$and", "$or", "$nor")
          for given, kind in (({"a": 1}, "dict"), (None, "None"), ("x", "str"))),
        *(({"a": {"$exists": given}}, f"filter.a: $exists takes true or false, not {kind}")
          for given, kind in (("yes", "str"), (1, "int"), (None, "None"), ([], "list"))),
        *(({"a": {"$size": given}}, f"filter.a: $size takes a whole number of at least 0, not {kind}")
          for given, kind in (("1", "str"), (True, "bool"), (-1, "int"), (0.5, "float"), ({"$gt": 1}, "dict"))),
        *(({"a": {"$regex": given}}, f"filter.a: $regex takes text, not {kind}")
          for given, kind in ((1, "int"), (None, "None"), (["a"], "list"), (True, "bool"))),
        *(({"a": {"$elemMatch": given}}, f"filter.a: $elemMatch takes a filter, not {kind}")
          for given, kind in (("x", "str"), (1, "int"), ([{}], "list"))),
        *(({"a": {"$not": given}}, f"filter.a: $not takes a filter that is not empty, not {kind}")
          for given, kind in (("x", "str"), ({}, "{}"), ([1], "list"))),
        ({"a": {"$not": {"$gt": [1]}}}, "filter.a.$not: $gt takes a number, a text or a time, not list"),
        ({"a": {"b.c": {"$elemMatch": {"$lt": None}}}}, "filter.a.b.c.$elemMatch: $lt takes a number, a text or a"),
        ({"$or": [{"a": {"$lte": True}}]}, "filter.$or[0].a: $lte takes a number, a text or a time, not bool"),
        ({"a": {"$regex": "a", "$options": 1}}, "$options are letters of ims"),
        ({"a": {"$regex": "a", "$options": "x"}}, "$options are letters of ims"),
        ({"$and": [5]}, "filter.$and[0] must be a mapping of fields"),
        ({"a": {"$gtt": 1}}, "filter.a: $gtt is no operator; did you mean $gt? there are $eq, $ne, $gt, $gte, $lt,"),
        ({"a": {"$GTE": 1}}, "$GTE is no operator; did you mean $gte?"),
        ({"a": {"$exist": True}}, "$exist is no operator; did you mean $exists?"),
        ({"a": {"$nin ": [1]}}, "did you mean $nin?"),
        ({"a": {"$where": 1}}, "$where is no operator; "),
        ({"ors": 1, "$ors": []}, "$ors is no operator; did you mean $or?"),
    ],
)  # fmt: skip
def test_an_operand_that_an_operator_does_not_take_is_refused(filter: Any, text: str) -> None:
    """The text says what it takes; that of an unknown operator lists those that there are."""
    with pytest.raises(ValidationError, match=re.escape(text)):
        checked_filter(filter, place="record")


def test_a_filter_that_is_nested_too_deep_is_refused() -> None:
    filter: Any = 1
    for _ in range(5_000):
        filter = {"$not": filter}
    with pytest.raises(ValidationError, match="deep"):
        compile_filter(filter)


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


DOTTED = st.sampled_from(["a", "b", "a.b", "b.a", "a.b.a", "", ".", "a.", "0"])
NESTED: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(DOTTED, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(NESTED, st.lists(DOTTED, min_size=1, max_size=3).map(".".join))
def test_the_longest_beginning_of_a_name_that_is_a_key_is_taken(value: Any, name: str) -> None:
    found = led_to(value, name.split("."))
    assert holds({name: {"$exists": True}}, value) is (found is not None)
    assert holds({name: {"$eq": found and found[0]}}, value)


def led_to(value: Any, parts: list[str]) -> list[Any] | None:
    """What the parts of a name lead to, in a list; None where they lead nowhere."""
    if not parts:
        return [value]
    if isinstance(value, list):
        [index, *rest] = parts
        return led_to(value[0], rest) if index == "0" and value else None
    for count in range(len(parts), 0, -1):
        if isinstance(value, dict) and (key := ".".join(parts[:count])) in value:
            return led_to(value[key], parts[count:])
    return None


@given(OPTIONS_AND_PATTERNS, TEXTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_patterns_find_what_python_finds(given: tuple[str, tuple[str, str]], text: str) -> None:
    options, (pattern, python_pattern) = given
    expected = re.search(python_pattern, text, python_flags(options)) is not None
    assert holds({"$regex": pattern, "$options": options}, text) is expected


@pytest.mark.long
def test_a_search_that_has_seen_too_many_characters_to_remember_starts_anew() -> None:
    letters = "".join(map(chr, range(0x20000, 0x2F000)))
    finds = compile_filter({"$regex": "[\U00020000-\U0002f000]\n[^a]b"})
    assert not finds(letters + "\n" + letters)
    assert finds(letters + "\n" + letters + "\nbb")
    finds = compile_filter({"$regex": "a.{901}b"})
    assert not finds("aac" * 2_000)
    assert finds("aac" * 2_000 + "b")


def test_a_filter_travels_with_programs_in_place_of_patterns() -> None:
    filter: Any = {
        "$or": [{"a": {"$regex": "bread"}}, {"b": {"$not": {"$regex": "^[ab]", "$options": "i", "$size": 1}}}]
    }
    start = {"sets": [[65, 67, 97, 99]], "steps": [["start", 1], [0, 2]]}
    sent = {"$or": [{"a": {"$regex": {"text": "bread"}}}, {"b": {"$not": {"$regex": start, "$size": 1}}}]}
    assert checked_filter(filter) == sent
    assert checked_filter(sent) == sent
    assert filter["$or"][1]["b"]["$not"]["$options"] == "i"  # the caller's own is not changed


@pytest.mark.parametrize("program", PROGRAMS_THAT_ARE_NONE, ids=str)
def test_a_program_that_is_none_is_refused(program: Any) -> None:
    with pytest.raises(ValidationError, match=r"filter\.a: \$regex"):
        compile_filter({"a": {"$regex": program}})


def test_counts_that_are_too_large_are_refused_with_a_way_out() -> None:
    with pytest.raises(ValidationError, match="more than 2500 steps; write smaller counts"):
        compile_filter({"a": {"$regex": "(a{100}){100}"}})
