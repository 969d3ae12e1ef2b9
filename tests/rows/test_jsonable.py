"""What `to_jsonable` makes of Python values: JSON that every place takes and gives back unchanged."""

from __future__ import annotations

import math
from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from ipaddress import ip_address
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel, SecretStr

from mastra_convex import TooLargeError, ValidationError, to_jsonable
from mastra_convex.rows.values import clean
from tests.reliability.hostile.strategies import HOSTILE


class Colour(Enum):
    RED = (1, 2)


class Size(StrEnum):
    BIG = "big"


class Count(IntEnum):
    HUGE = 2**60


@dataclass
class Point:
    x: float
    around: list[Any] = field(default_factory=list)


class Reading(BaseModel):
    at: datetime
    value: Decimal = Decimal("0.10")
    other: Any = None


Pair = namedtuple("Pair", "a b")

AT = datetime(2026, 1, 31, 12, 30, 15, 123_999, tzinfo=timezone(timedelta(hours=2)))

KEPT: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (2**53 - 1, 2**53 - 1),
    (2**53, "9007199254740992"),
    (-(2**63), "-9223372036854775808"),
    (2.0, 2),
    (0.1, 0.1),
    (math.nan, None),
    (-math.inf, None),
    ("a\ud800b", "a\ufffdb"),
    ("\ud83d\ude00", "\U0001f600"),
    (AT, "2026-01-31T10:30:15.123Z"),
    (datetime(2026, 1, 31, 12, 30), "2026-01-31T12:30:00"),
    (date(2026, 1, 31), "2026-01-31"),
    (time(12, 30), "12:30:00"),
    (timedelta(hours=1, milliseconds=500), 3600.5),
    (timedelta(days=1), 86_400),
    (Decimal("0.10"), "0.10"),
    (Decimal("NaN"), None),
    (Fraction(1, 3), "1/3"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (PurePosixPath("/tmp/a"), "/tmp/a"),
    (ip_address("::1"), "::1"),
    (ZoneInfo("Europe/Tallinn"), "Europe/Tallinn"),
    (Colour.RED, [1, 2]),
    (Size.BIG, "big"),
    (Count.HUGE, "1152921504606846976"),
    (b"\x00\xff", "AP8="),
    (bytearray(b"ab"), "YWI="),
    (memoryview(b"abcd")[::2], "YWM="),
    ((1, (2,)), [1, [2]]),
    (Pair(1, 2), [1, 2]),
    (deque([1]), [1]),
    (range(3), [0, 1, 2]),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset(), []),
    ({1, "a", None}, ["a", 1, None]),
    ({"b": 1, "a": 2}.keys(), ["b", "a"]),
    ({"a": 1}.values(), [1]),
    (UserList([1]), [1]),
    (UserString("a"), "a"),
    (array("f", [1, 2.5]), [1, 2.5]),
    ({1: 1, None: 2, (1, 2): 3, 1.5: 4, UUID(int=1): 5, AT: 6}, None),
    (MappingProxyType({"a": {1}}), {"a": [1]}),
    (OrderedDict(a=1), {"a": 1}),
    (defaultdict(list, a=[1]), {"a": [1]}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (UserDict(a=1), {"a": 1}),
    (ChainMap({"a": 1}), {"a": 1}),
    (Point(1.0, [Point(2.5)]), {"x": 1, "around": [{"x": 2.5, "around": []}]}),
    (Reading(at=AT), {"at": "2026-01-31T10:30:15.123Z", "value": "0.10", "other": None}),
    (RootModel[list[int]]([1]), [1]),
    (np.bool_(True), True),
    (np.int64(2**60), "1152921504606846976"),
    (np.uint8(7), 7),
    (np.float32(0.5), 0.5),
    (np.longdouble("1.5"), 1.5),
    (np.float64("nan"), None),
    (np.str_("a"), "a"),
    (np.datetime64("2026-01-31T12:30:00", "ns"), "2026-01-31T12:30:00"),
    (np.datetime64("NaT", "s"), None),
    (np.timedelta64(1_500, "ms"), 1.5),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([0.5, math.nan], np.float32), [0.5, None]),
    (np.array(3), 3),
    (np.array(["2026-01-31"], "datetime64[ns]"), ["2026-01-31T00:00:00"]),
    (np.array([{1}, None], object), [[1], None]),
    (np.ma.masked_array([1, 2], mask=[False, True]), [1, None]),
]
KEYS = {
    "1": 1,
    "null": 2,
    "[1,2]": 3,
    "1.5": 4,
    "00000000-0000-0000-0000-000000000001": 5,
    "2026-01-31T10:30:15.123Z": 6,
}


@pytest.mark.parametrize(("value", "kept"), KEPT, ids=lambda value: f"{type(value).__name__}")
def test_each_type_is_kept_as_the_table_says(value: Any, kept: Any) -> None:
    expected = KEYS if isinstance(value, dict) and len(value) == len(KEYS) else kept
    for given_value, wanted in [(value, expected), ({"a": [value]}, {"a": [expected]})]:
        found = to_jsonable(given_value)
        assert found == wanted
        assert repr(found) == repr(wanted)  # 1 is not True, and 2 not 2.0
        assert clean(found, "value") == found
        assert to_jsonable(found) == found


def test_the_value_itself_is_not_changed() -> None:
    value = {"a": [{1}], 2: (1,)}
    found = to_jsonable(value)
    found["a"].append(1)
    assert value == {"a": [{1}], 2: (1,)}


def _containing_itself() -> list[tuple[Any, str]]:
    a_list: list[Any] = [1]
    a_list.append(a_list)
    a_dict: dict[str, Any] = {}
    a_dict["a"] = {"b": [a_dict]}
    point = Point(1)
    point.around.append(point)
    return [(a_list, r"value\[1\]"), (a_dict, r"value\.a\.b\[0\]"), (point, r"value\.around\[0\]")]


@pytest.mark.parametrize(("value", "path"), _containing_itself(), ids=["list", "dict", "dataclass"])
def test_what_contains_itself_is_refused_at_its_path(value: Any, path: str) -> None:
    with pytest.raises(ValidationError, match=f"^{path} contains itself"):
        to_jsonable(value)


def test_what_contains_a_value_twice_is_no_cycle() -> None:
    shared = [1]
    assert to_jsonable({"a": shared, "b": [shared, shared]}) == {"a": [1], "b": [[1], [1]]}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (object(), r"value cannot be converted, as it is object"),
        ({"a": [1j]}, r"value\.a\[0\] cannot be converted, as it is complex"),
        (Point, "value cannot be converted, as it is type"),
        (len, "value cannot be converted, as it is builtin_function_or_method"),
        ((n for n in "a"), "value cannot be converted, as it is generator"),
        (SecretStr("key"), r"as it is pydantic\.types\.SecretStr"),
        (np.array([1j]), r"value\[0\] cannot be converted, as it is complex"),
        (10**5_000, "value has too many digits"),
        ({1: "a", "1": "b"}, r"value\.1 is the name of two keys"),
        ({"a": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, r"value\.a must be in the years"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_converted_is_named(value: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        to_jsonable(value)


def test_what_nests_too_deep_is_refused() -> None:
    value: Any = 1
    for _ in range(128):
        value = (value,)
    assert clean(to_jsonable(value), "value") == to_jsonable(value)
    with pytest.raises(TooLargeError, match="deeper than 128 levels"):
        to_jsonable([value])


@given(value=HOSTILE | st.sets(st.integers() | st.text()) | st.dictionaries(st.integers() | st.dates(), st.decimals()))
def test_whatever_is_made_is_taken_as_it_is(value: Any) -> None:
    try:
        found = to_jsonable(value)
    except ValidationError:
        return
    assert clean(found, "value") == found
    assert to_jsonable(found) == found


def test_an_aware_time_is_kept_as_everywhere() -> None:
    assert to_jsonable(AT) == clean(AT, "value") == to_jsonable(AT.astimezone(UTC))
