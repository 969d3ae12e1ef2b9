"""Hostile inputs: JSON at every edge, what is not JSON, and how to tell the two apart."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

SAFE = 2**53 - 1

EDGE_TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\x7f",
    "\u0085",
    "\u00a0",
    "\u200f",
    "\u2028\u2029",
    "\u202egnp.exe",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "e\u0301",
    "\u00e9",
    "\ufeff",
    "\ufffd\uffff",
    "\ud7ff\ue000",
    "\U0001f600",
    "\U0010ffff",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "null",
    '"',
    "'; DROP TABLE mastra_threads; --",
    "\\u0000",
    "\\",
    "%s{0}",
    "x" * 5_000,
]
EDGE_KEYS = [
    "",
    "$ref",
    "$",
    "_id",
    "_creationTime",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "__mastra_json",
    "__mastra_pending__",
    "a.b",
    "0",
    "-1",
    "length",
    "\u043a\u043b\u044e\u0447",
    "a\x7f",
    "\0",
    "\n",
    "k" * 1_024,
    "k" * 1_025,
]
LONE_SURROGATES = ["\ud800", "\udfff", "a\udc00b", "\udc00\ud800"]

TEXT = st.sampled_from(EDGE_TEXTS) | st.text(max_size=30)
KEYS = st.sampled_from(EDGE_KEYS) | st.text(max_size=8)
NUMBERS = (
    st.sampled_from([0, 1, -1, SAFE, -SAFE, 2**31, 2**32, -(2**31) - 1])
    | st.sampled_from([0.0, -0.0, 0.1, 1.0, 1e-320, 5e-324, 1.7976931348623157e308, -1e22, 1e21, 2.0**53, 2.0**63])
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)


JSON = st.recursive(SCALARS, _containers, max_leaves=8)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)

HOSTILE_TEXT = TEXT | st.sampled_from(LONE_SURROGATES) | st.text(st.characters(), max_size=8)
HOSTILE_NUMBERS = NUMBERS | st.sampled_from(
    [math.nan, math.inf, -math.inf, 2**53, -(2**53), 2**63, 2**64, -(2**63) - 1, 10**400]
)
NO_JSON = st.sampled_from(
    [
        b"bytes",
        {1},
        frozenset(),
        object(),
        1j,
        Decimal("0.1"),
        Fraction(1, 3),
        date(2020, 1, 1),
        datetime(2020, 1, 1),
        UUID(int=1),
        {1: 2},
        {None: 1},
        {"\ud800": 1},
        (1, 2),
        range(3),
        Exception,
        ...,
    ]
)
HOSTILE_SCALARS = st.none() | st.booleans() | HOSTILE_NUMBERS | HOSTILE_TEXT | NO_JSON


def nested(levels: int) -> Any:
    """Lists and objects in turns, a number in the middle."""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


HOSTILE = st.recursive(
    HOSTILE_SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | HOSTILE_TEXT, inner, max_size=3),
    max_leaves=8,
) | st.builds(nested, st.sampled_from([10, 20, 100, 129, 300]))
HOSTILE_OBJECTS = st.dictionaries(KEYS | HOSTILE_TEXT, HOSTILE, max_size=4)

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12, minutes=34, seconds=56))])
AWARE = st.datetimes(timezones=ZONES) | st.sampled_from(
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(-timedelta(hours=1))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
)
NAIVE = st.datetimes()


def is_json(value: Any) -> bool:
    """Whether JSON can carry a value as it is, for Python and JavaScript alike (tuples count as lists)."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, int):
        return abs(value) <= SAFE
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(key) and is_json(item) for key, item in value.items())
    return isinstance(value, list | tuple) and all(map(is_json, value))


def in_utc(value: datetime) -> datetime | None:
    """The time that a record keeps: UTC, whole milliseconds; None for a year that UTC does not have."""
    try:
        moved = value.astimezone(UTC)
    except OverflowError:
        return None
    return moved.replace(microsecond=moved.microsecond // 1000 * 1000)
