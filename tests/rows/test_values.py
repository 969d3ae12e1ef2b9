"""JSON values on their way to Convex."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import TooLargeError, ValidationError
from mastra_convex.rows.sizes import check_document, value_size
from mastra_convex.rows.values import MAX_SAFE_INTEGER, clean, escape_keys, from_json, is_plain_key, unescape_keys

KEYS = st.text() | st.sampled_from(["$ref", "__proto__", "__mastra_json", "ключ", "", "a\x7f", "k" * 1025])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(JSON)
def test_cleaning_keeps_every_json_value(value: Any) -> None:
    cleaned = clean(value, "value")
    assert cleaned == value
    assert clean(cleaned, "value") == cleaned
    assert orjson.loads(orjson.dumps(cleaned)) == cleaned


@given(JSON)
def test_escaped_keys_are_legal_and_come_back(value: Any) -> None:
    escaped = escape_keys(clean(value, "value"))
    assert unescape_keys(escaped) == value
    assert all(is_plain_key(key) or key == "__mastra_json" for key in keys_of(escaped))


def keys_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for item in value.values() for key in keys_of(item))]
    return [key for item in value for key in keys_of(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(("given", "plain"), [(1.0, 1), (-0.0, 0), (2.0**53, 2.0**53), (1e300, 1e300), (0.5, 0.5)])
def test_integral_floats_within_2_to_the_53_become_ints(given: float, plain: float) -> None:
    cleaned = clean([given], "value")[0]
    assert (type(cleaned), cleaned) == (type(plain), plain)
    assert math.copysign(1, cleaned) == math.copysign(1, plain)


@pytest.mark.parametrize("text", ["9007199254740992", "100000000000000000000", "-1e300", "9007199254740993"])
def test_numbers_beyond_2_to_the_53_are_floats_however_they_are_written(text: str) -> None:
    number = from_json(f'{{"a": [{text}]}}')["a"][0]
    assert (type(number), number) == (float, float(text))
    assert clean(number, "value") == number  # so that what was read can be written


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"a": [1, 2**53]}, r"value\.a\[1\]"),
        ({"a": float("nan")}, r"value\.a"),
        ({"a": float("-inf")}, r"value\.a"),
        ({"a": "\udc00"}, r"value\.a"),
        ({"a": {"\udc00": 1}}, r"value\.a\.\udc00 is a key"),
        ({1: 1}, r"value\[1\] is a key that is not text"),
        ({"a": {1, 2}}, r"value\.a"),
        (b"bytes", "value"),
    ],
)
def test_what_json_would_change_is_refused_by_path(value: Any, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        clean(value, "value")


def test_json_that_is_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    with pytest.raises(TooLargeError, match="128 levels"):
        clean(deep, "value")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ({"text": "x" * (1 << 20)}, 1 << 20),
        ({"list": list(range(8193))}, 8192),
        ({"object": {f"k{n}": n for n in range(1025)}}, 1024),
        (nested(17), 16),
    ],
)
def test_documents_beyond_a_limit_of_convex_are_refused_with_it(row: dict[str, Any], limit: int) -> None:
    with pytest.raises(TooLargeError) as raised:
        check_document("table", row)
    assert raised.value.details["limit"] == limit


def test_documents_at_the_limits_pass() -> None:
    check_document("table", {"list": list(range(8192)), "object": {f"k{n}": n for n in range(1024)}})
    check_document("table", nested(16))
    check_document("table", {"text": "x" * ((1 << 20) - 100)})


def test_sizes_are_those_that_convex_charges() -> None:
    assert value_size({"a": 1, "bc": ["é", None, True]}) == 2 + (1 + 1 + 9) + (2 + 1 + 2 + (2 + 2) + 1 + 1)
