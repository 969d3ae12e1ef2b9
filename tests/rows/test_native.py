"""What a few native calls decide about a value is what the walks find, which look at each part of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mastra_convex import MastraConvexError, TooLargeError
from mastra_convex.rows.at_once import AT_ONCE_BYTES, TakesLongError, attempt
from mastra_convex.rows.native import most_bytes, reread
from mastra_convex.rows.sizes import check_document, is_stored_form, value_size
from mastra_convex.rows.values import (
    MAX_SAFE_INTEGER,
    checked,
    clean,
    escape_keys,
    from_json,
    is_plain_key,
    plain_number,
    restored,
    unescape_keys,
    walked,
)


class Text(str): ...


class Members(dict[str, Any]): ...


class Fruit(Enum):
    APPLE = "apple"


class Colour(str, Enum):  # noqa: UP042  # unlike a StrEnum, it prints its own name
    RED = "red"


class Size(IntEnum):
    SMALL = 1


class Shape(StrEnum):
    ROUND = "round"


EDGES = [1.0, -0.0, 0.5, 2.0**53, 2.0**53 - 1, -(2.0**53), 1e15, 1e16, 1e22, 2**53, MAX_SAFE_INTEGER, 10**400]
NUMBERS = st.integers() | st.floats() | st.integers(-(2**54), 2**54).map(float) | st.sampled_from(EDGES)
TEXTS = st.text() | st.sampled_from(["v1.0, and 2.0]", "1.0", "null", "\udc00", 'a"$b', "__mastra_json", "\\", "\x7f"])
KEYS = TEXTS | st.sampled_from(["$ref", "__proto__", "", "ключ", "k" * 1024, "k" * 1025, "a\nb", '"$'])
ENUMS = st.sampled_from([Fruit.APPLE, Colour.RED, Size.SMALL, Shape.ROUND])
OTHERS = st.sampled_from([UUID(int=1), Text("1.0"), b"x", object]) | ENUMS
ODD_KEYS = KEYS | st.sampled_from([1, None, True, Text("key"), Colour.RED, Shape.ROUND])

VALUES = st.recursive(
    NUMBERS | TEXTS | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
ODD_VALUES = st.recursive(
    NUMBERS | TEXTS | OTHERS | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(ODD_KEYS, inner, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=3).map(Members)
    ),
    max_leaves=10,
)


def outcome(work: Callable[[], Any]) -> Any:
    """What a function returns, with all types to be seen, or the error that it raises."""
    try:
        return repr(work())
    except MastraConvexError as error:
        return type(error), error.message, error.details


def nested(levels: int, inside: Any = 1) -> Any:
    value = inside
    for n in range(levels):
        value = [value] if n % 2 else {"a": value}
    return value


@given(VALUES | ODD_VALUES)
@example([1.0, "1.0]"])
@example({"a": (1, 2)})
@example([float("nan"), None])
@example([True, 1, Colour.RED, Size.SMALL])
@example(nested(128))
@example(nested(129))
@example(nested(129, inside="x" * 10_000))
@example(nested(254))
@example(nested(300))
def test_a_value_is_checked_as_the_walk_checks_it(value: Any) -> None:
    assert outcome(lambda: checked(value, "value")) == outcome(lambda: walked(value, "value"))


@pytest.mark.parametrize(
    "value",
    [{"a": [1, "x", None, True, 0.5]}, [1.0, 2.5], [2**53 - 1], "text", {"ключ": "\n"}, nested(128), Shape.ROUND],
)
def test_no_walk_is_needed_for_plain_values(value: Any) -> None:
    assert reread(value) == walked(value, "value")


def test_a_value_that_was_checked_shares_nothing_with_the_given_one() -> None:
    inner = {"a": [1]}
    given = {"inner": inner}
    found = clean(given, "value")
    inner["a"].append(2)
    assert found == {"inner": {"a": [1]}}


def read_by_a_walk(value: Any) -> Any:
    """What stored JSON means, by the rule for each number."""
    if isinstance(value, dict):
        return {key: read_by_a_walk(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read_by_a_walk(item) for item in value]
    return plain_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


BIG = ["9007199254740993", "9007199254740992.0", "18446744073709551615", "1e400"]
JSON_TEXTS = st.recursive(
    st.sampled_from(["1", "1.0", "-0.0", "1e2", "1E5", "0.5", "null", "true", '"1.0,"', '"__mastra_json"', *BIG]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(st.sampled_from("abcd"), inner).map(
            lambda parts: "{" + ",".join(f'"{key}":{part}' for key, part in parts.items()) + "}"
        )
    ),
    max_leaves=12,
)


@given(JSON_TEXTS)
def test_json_text_is_read_as_the_walk_reads_it(text: str) -> None:
    try:
        parsed = orjson.loads(text)
    except ValueError:
        assume(False)
    assert repr(from_json(text)) == repr(read_by_a_walk(parsed))
    assert repr(restored(orjson.loads(text))) == repr(unescape_keys(read_by_a_walk(parsed)))


def is_legal(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_plain_key(key) or key == "__mastra_json" for key in value) and all(map(is_legal, value.values()))
    return all(map(is_legal, value)) if isinstance(value, list) else True


@given(VALUES)
@example({"a": {"$ref": 1}})
@example({"k" * 1025: 1})
@example({"a": ['"$']})
@example({"a\nb": 1})
@example(nested(14))
@example({"a": nested(14)})
@example({f"k{n}": n for n in range(1023)})
@example({f"k{n}": n for n in range(1024)})
def test_raw_columns_hold_what_is_legal_and_come_back(value: Any) -> None:
    try:
        found = checked(value, "value")
    except MastraConvexError:
        return
    stored = outcome(lambda: escape_keys(found.value))
    assert stored == outcome(lambda: escape_keys(found.value, text=found.text))
    if isinstance(stored, str):
        raw = escape_keys(found.value)
        assert is_legal(raw)
        check_document("table", {"column": raw})
        assert restored(orjson.loads(orjson.dumps(raw))) == found.value


@pytest.mark.parametrize("items", [8192, 8193])
def test_an_array_in_no_object_has_at_most_8192_elements(items: int) -> None:
    found = outcome(lambda: escape_keys([0] * items, "value"))
    assert (found == repr([0] * items)) is (items == 8192)


@given(VALUES)
def test_a_value_takes_no_more_bytes_than_its_text_tells(value: Any) -> None:
    try:
        found = checked(value, "value")
    except MastraConvexError:
        return
    assert value_size(found.value) <= most_bytes(found.text)


@pytest.mark.parametrize("size", [(1 << 20) - 100, 1 << 20])
def test_a_document_is_measured_exactly_where_its_text_does_not_tell(size: int) -> None:
    count = (size - 64 - 20) // 9
    row = {f"n{n}": [0] * 8192 for n in range(count // 8192)} | {"rest": [0] * (count % 8192)}
    found = outcome(lambda: check_document("table", row))
    assert (found == "None") is (size < 1 << 20)


LARGE = "x" * AT_ONCE_BYTES


@pytest.mark.parametrize(
    "work",
    [
        lambda: checked({"text": LARGE}, "value"),
        lambda: checked({"text": LARGE, "bad": object()}, "value"),
        lambda: from_json(f'"{LARGE}"'),
        lambda: restored({"text": LARGE}),
    ],
)
def test_an_attempt_gives_up_on_large_values(work: Callable[[], Any]) -> None:
    with pytest.raises(TakesLongError):
        attempt(lambda _: work(), None)
    outcome(work)  # without an attempt it is done


def test_an_attempt_works_on_small_values() -> None:
    assert attempt(from_json, "[1]") == [1]
    with pytest.raises(TooLargeError):
        attempt(lambda value: clean(value, "value"), nested(200, inside="x" * 100))


def is_taken(value: Any) -> bool:
    """Whether a database takes a value inside of a column, part by part."""
    if type(value) is dict:
        return all(type(key) is str and is_legal({key: None}) and is_taken(item) for key, item in value.items())
    if type(value) is list:
        return all(map(is_taken, value))
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (str, bool) or (type(value) is int and abs(value) <= MAX_SAFE_INTEGER)


@given(VALUES | ODD_VALUES)
@example({"a": nested(14)})
@example({"a": nested(15)})
@example({"a": nested(14, inside={})})
@example({"a": nested(13, inside=[])})
@example({f"k{n}": n for n in range(1025)})
@example([0] * 8193)
@example([1e308, 1e308])
def test_a_column_is_in_stored_form_if_each_part_is(value: Any) -> None:
    if not isinstance(value, dict | list):
        return
    taken = is_taken(value) and outcome(lambda: check_document("table", {"column": value})) == "None"
    if is_stored_form(value):
        assert taken
    else:
        assert not taken or math.isinf(sum(floats_in(value)))  # a sum beyond all floats is left to the walk


def floats_in(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in floats_in(part)]
    return [abs(value)] if type(value) is float else []
