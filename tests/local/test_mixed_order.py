"""The order of values of all types, which the domains' own tables hardly use."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Bound
from mastra_convex.local.engine import LocalEngine
from tests.local.tables import NOTES, put, scan

MISSING = object()
IN_ORDER: list[Any] = [
    MISSING,
    None,
    -1e300,
    -(2**53) + 1,
    -1.5,
    -1,
    -5e-324,
    0,
    5e-324,
    0.1,
    1,
    1.5,
    2,
    10,
    2**53 - 1,
    1e300,
    False,
    True,
    "",
    "\u0000",
    "\u0000a",
    "a",
    "a\u0000",
    "aa",
    "\uffff",
    "\U0001f600",
    [],
    [None],
    [0],
    [0, 0],
    [1],
    [False],
    [""],
    ["\u0000"],
    ["\u0000", "a"],
    ["\u0000b"],
    ["a"],
    ["a", "b"],
    ["a\u0000"],
    [[]],
    [{}],
    {},
    {"": 0},
    {"a": 1},
    {"a": 1, "b": 0},
    {"a": 2},
    {"aa": 1},
    {"b": 0},
]


@pytest.fixture
async def local() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(":memory:", [NOTES])
    yield engine
    await engine.aclose()


def note(id: str, value: Any) -> dict[str, Any]:
    return {"id": id} if value is MISSING else {"id": id, "rank": value}


async def test_values_of_all_types(local: LocalEngine) -> None:
    shuffled = [*range(1, len(IN_ORDER), 2), *range(0, len(IN_ORDER), 2)]
    await put(local, *(note(f"{n:02}", IN_ORDER[n]) for n in reversed(shuffled)))
    every = [f"{n:02}" for n in range(len(IN_ORDER))]
    assert await scan(local, "by_rank") == every
    assert await scan(local, "by_rank", order="desc") == every[::-1]


async def test_numbers_are_equal_by_value(local: LocalEngine) -> None:
    await put(local, note("a", 1), note("b", 1.0), note("c", True), note("d", -0.0))
    assert await scan(local, "by_rank", prefixes=[[1]]) == ["a", "b"]
    assert await scan(local, "by_rank", prefixes=[[1.0]]) == ["a", "b"]
    assert await scan(local, "by_rank", prefixes=[[True]]) == ["c"]
    assert await scan(local, "by_rank", prefixes=[[0]]) == ["d"]


async def test_bounds_of_another_type(local: LocalEngine) -> None:
    await put(local, *(note(f"{n:02}", value) for n, value in enumerate(IN_ORDER)))
    first, last = IN_ORDER.index(-1e300), IN_ORDER.index(1e300)
    numbers = [f"{n:02}" for n in range(first, last + 1)]
    bounds = {"lower": Bound(value=None, inclusive=False), "upper": Bound(value=False, inclusive=False)}
    assert await scan(local, "by_rank", **bounds) == numbers
    assert await scan(local, "by_rank", upper=Bound(value=-2e300)) == ["00", "01"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-5, 5)
    | st.text("\u0000\u0001az\uffff\U0001f600", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "a", "b"]), inner, max_size=2),
    max_leaves=5,
)


def compare(a: Any, b: Any) -> int:
    """Convex's order of values, said plainly."""
    if kind(a) != kind(b):
        return kind(a) - kind(b)
    if isinstance(a, dict):
        return compare([list(item) for item in sorted(a.items())], [list(item) for item in sorted(b.items())])
    if isinstance(a, list):
        for left, right in zip(a, b, strict=False):
            if order := compare(left, right):
                return order
        return len(a) - len(b)
    return 0 if a is None or a is MISSING else (a > b) - (a < b)


def kind(value: Any) -> int:
    if value is None or value is MISSING:
        return 0 if value is MISSING else 1
    if isinstance(value, bool):
        return 3
    return next(n for n, types in ((2, int | float), (4, str), (5, list), (6, dict)) if isinstance(value, types))


@pytest.mark.long
@given(st.lists(st.just(MISSING) | VALUES, max_size=20))
@settings(max_examples=100)
async def test_any_values(values: list[Any]) -> None:
    local = LocalEngine(":memory:", [NOTES])
    rows = {uuid.uuid4().hex: value for value in values}
    await put(local, *(note(id, value) for id, value in rows.items()))
    expected = sorted(rows, key=lambda name: cmp_to_key(compare)(rows[name]))  # stable, so ties are by creation
    assert await scan(local, "by_rank") == expected
    await local.aclose()
