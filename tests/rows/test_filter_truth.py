"""Filters that hold for every value: each that is found does, and what is made of such parts is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.rows.filter_syntax import checked_filter
from mastra_convex.rows.filter_truth import holds_always
from mastra_convex.rows.filters import compile_filter
from tests.effort import effort

EXISTS, MISSING = {"$exists": True}, {"$exists": False}
MANY_CASES = {"a": {"$not": {"a": None, "b": None, "c": {"d": None, "e": None}}}, "b": None, "c": {"d": None}}

ALWAYS: list[Any] = [
    {},
    {"a": {}},
    {"a": {"b": {}}},
    {"a": {}, "b.c": {}},
    {"$and": []},
    {"$and": [{}]},
    {"$and": [{"$and": []}, {"a": {}}]},
    {"$nor": []},
    {"$or": [{}]},
    {"$or": [{"a": 1}, {}]},
    {"a": {"$nin": []}},
    {"a": {"$not": {"$in": []}}},
    {"a": {"$not": {"$all": []}}},
    {"a": {"$not": {"$not": {}}}},
    {"$not": {"$not": {}}},
    {"$not": {"$nor": [{}]}},
    {"$nor": [{"$or": []}]},
    {"$nor": [{"a": {"$in": []}}]},
    {"$nor": [{"a": 1, "b": {"$in": []}}]},
    {"a": {"$not": {"$eq": 1, "$ne": 1}}},
    {"a": {"$not": {"$exists": False, "$eq": 1}}},
    {"a": {"$not": {"$exists": True, "$not": {"$exists": True}}}},
    {"a": {"$not": {"$eq": None, "$exists": False, "$gt": "x"}}},
    {"a": {"$not": {"$regex": "x", "$size": 1}}},
    {"a": {"$not": {"$gt": 1, "$regex": "x"}}},
    {"a": {"$not": {"$contains": "x", "$exists": False}}},
    {"a": {"$not": {"$elemMatch": {"$in": []}}}},
    {"a": {"$not": {"$elemMatch": {"$exists": False}}}},
    {"a": {"$not": {"$elemMatch": {"b": 1, "c": {"$not": {}}}}}},
    {"a": {"$not": {"b": {"$in": []}}}},
    {"$or": [{"a": 1}, {"a": {"$ne": 1}}]},
    {"$or": [{"a": {"$eq": 1}}, {"$not": {"a": 1}}]},
    {"$or": [{"a": {"b": 1, "c": 2}}, {"$not": {"a": {"$eq": 3}}}, {"a": 3}]},
    {"$or": [MANY_CASES, {"$not": MANY_CASES}]},
    {"$or": [MANY_CASES, {"b": EXISTS}, {"b": MISSING}]},
    {"$or": [{"a": EXISTS}, {"a": MISSING}]},
    {"$or": [{"a": EXISTS}, {"a": None}]},
    {"$or": [{"a": EXISTS}, {"a": {"b": MISSING}}]},
    {"$or": [{"a.b": EXISTS}, {"a.b": None}]},
    {"$or": [{"a": {"$ne": None}}, {"a": {"$in": [1, None]}}]},
    {"$or": [{"a": {"$in": [1, 2]}}, {"a": {"$nin": [2]}}]},
    {"$or": [{"a": {"$in": [2, 1]}}, {"a": {"$nin": [1, 2]}}]},
    {"$or": [{"a": {"$gt": 5}}, {"a": {"$not": {"$gt": 5}}}]},
    {"$or": [{"a": {"$regex": "x"}}, {"a": {"$not": {"$regex": "x"}}}]},
    {"$or": [{"a": 1, "b": 2}, {"a": {"$ne": 1}}, {"b": {"$ne": 2}}]},
    {"$nor": [{"a": 1, "$not": {"a": 1}}]},
    {"$nor": [{"$and": [{"a": EXISTS}, {"a": MISSING}]}]},
    {"$and": [{"$or": [{"a": 1}, {"a": {"$ne": 1}}]}, {"$or": [{"b": EXISTS}, {"b": MISSING}]}]},
]

NOT_ALWAYS: list[Any] = [
    {"a": 1},
    {"a": None},
    {"a": {"$eq": {}}},
    {"a": EXISTS},
    {"a": MISSING},
    {"a": {"$ne": 1}},
    {"a": {"$nin": [1]}},
    {"a": {"$in": []}},
    {"a": {"$all": []}},
    {"a": {"$size": 0}},
    {"a": {"$regex": ""}},
    {"a": {"$elemMatch": {}}},
    {"a": {"$contains": {}}},
    {"$or": []},
    {"$nor": [{}]},
    {"$or": [{"a": {"$ne": 1}}, {"a": {"$ne": 2}}]},  # both fail for [1, 2]
    {"$or": [{"a": {"$gt": 1}}, {"a": {"$lte": 1}}]},
    {"$or": [{"a": EXISTS}, {"b": MISSING}]},
    {"a": {"$not": {"$gt": 9, "$lt": 1}}},  # [0, 10]
    {"a": {"$not": {"$elemMatch": {"$eq": 1, "$size": 2}}}},  # [[1, 2]]
]


@pytest.mark.parametrize("filter", ALWAYS, ids=str)
def test_a_filter_that_holds_always_is_found(filter: Any) -> None:
    assert holds_always(checked_filter(filter))


@pytest.mark.parametrize("filter", NOT_ALWAYS, ids=str)
def test_a_filter_that_may_fail_is_none(filter: Any) -> None:
    assert not holds_always(checked_filter(filter))


KEYS = st.sampled_from(["a", "b"])
SCALARS = st.sampled_from([None, True, 1, 2, 1.5, "", "x", "xy"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a.b"]), inner, max_size=2),
    max_leaves=5,
)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "a.b"]), VALUES, max_size=3)


def _conditions(filters: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(filters, max_size=3)
    operators = {
        **dict.fromkeys(("$eq", "$ne", "$gt", "$lte", "$contains"), SCALARS),
        **dict.fromkeys(("$in", "$nin", "$all"), st.lists(SCALARS, max_size=2)),
        **dict.fromkeys(("$and", "$or", "$nor"), several),
        **dict.fromkeys(("$not", "$elemMatch"), filters),
        "$exists": st.booleans(),
        "$size": st.integers(0, 2),
        "$regex": st.sampled_from(["", "x", "^xy"]),
    }
    names = st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: operators[name] for name in chosen}))


FILTERS: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.just({}),
    lambda inner: _conditions(inner) | st.dictionaries(st.sampled_from(["a", "b", "a.b"]), inner, max_size=2),
    max_leaves=6,
)


@given(FILTERS, st.lists(ROWS | VALUES, min_size=1, max_size=20))
@settings(max_examples=effort(100, 500))
def test_what_is_found_holds_for_every_value(filter: Any, rows: list[Any]) -> None:
    if holds_always(checked_filter(filter)):
        holds = compile_filter(filter)
        assert [row for row in rows if not holds(row)] == []


NAMES = st.sampled_from(["a", "b", "a.b"])
FIELDS = st.dictionaries(NAMES, FILTERS, min_size=1, max_size=2)


def _true(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Larger filters that hold always, made of such, and of any others."""
    return (
        st.builds(lambda each: {"$and": each}, st.lists(inner, max_size=3))
        | st.builds(lambda true, other: {"$or": [other, true]}, inner, FIELDS)
        | st.builds(lambda true: {"$not": {"$not": true}}, inner)
        | st.builds(lambda true, other: {"$nor": [{"$nor": [true]}, {"$and": [other, {"$not": true}]}]}, inner, FIELDS)
        | st.builds(lambda name, true: {name: true}, KEYS, inner)
        | st.builds(lambda name, true: {name: {"$not": {"$elemMatch": {"$not": true}}}}, KEYS, inner)
    )


TRUE: st.SearchStrategy[Any] = st.recursive(
    st.just({})
    | st.builds(lambda other: {"$or": [other, {"$not": other}]}, FIELDS)
    | st.builds(lambda other: {"$nor": [{"$and": [other, {"$nor": [other]}]}]}, FIELDS)
    | st.builds(lambda name, other: {name: {"$not": {"$in": [], "$not": other}}}, NAMES, FILTERS)
    | st.builds(lambda name: {"$or": [{name: EXISTS}, {name: MISSING}]}, NAMES),
    _true,
    max_leaves=4,
)


@given(TRUE)
def test_what_is_made_of_parts_that_hold_always_is_found(filter: Any) -> None:
    assert holds_always(checked_filter(filter))
