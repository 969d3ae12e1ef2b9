"""Converts Python values to JSON values that both languages read alike."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections import UserString
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.rows.explain import at, kind_of
from mastra_convex.rows.native import MAX_JSON_NESTING
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import MAX_SAFE_INTEGER, plain_number, to_json

_AS_TEXT: Final = (
    UUID,
    PurePath,
    Fraction,
    ZoneInfo,
    IPv4Address,
    IPv6Address,
    IPv4Network,
    IPv6Network,
    UserString,
)
"""Values of these types are kept as what `str` makes of them."""


def to_jsonable(value: Any) -> Any:
    """Converts a value to what a store takes as metadata, content, state or result, and gives back unchanged.

    | given | kept as |
    | --- | --- |
    | None, text, booleans, integers within 2^53, finite floats | themselves, whole floats as integers |
    | larger integers | their digits as text |
    | NaN and infinities | None, as in JavaScript |
    | lone surrogates in text | U+FFFD, the replacement character |
    | datetime with a time zone | text in UTC with milliseconds, `2026-01-31T12:00:00.000Z`, which sorts by time |
    | datetime without a time zone, date, time | ISO text; no time zone is guessed |
    | timedelta | seconds |
    | Decimal | its digits as text, as a float would change them; NaN and infinities are None |
    | UUID, Path, Fraction, IP address, ZoneInfo | text |
    | Enum | its value, converted |
    | bytes, bytearray, memoryview | base64 text |
    | list, tuple (also a named one), deque, range | list |
    | set, frozenset, and other collections | list; of a set in sorted order |
    | mapping | dict; a key that is not text becomes the JSON text of what it is kept as, `1` the key `"1"` |
    | dataclass, attrs object, pydantic model | dict of its members (a model by its `model_dump()`) |
    | numpy scalar or array, and others with `tolist()` | number, or lists of numbers; its times as above |

    Args:
        value: the value. It is not changed.

    Returns:
        A new value of dicts, lists, text, numbers, booleans and None.

    Raises:
        ValidationError: the value, or the part that the message names, is of another type, is an object that contains
            itself, or has two keys that become one.
        TooLargeError: the value nests deeper than 128 levels.

    Example:
        from decimal import Decimal

        metadata = to_jsonable({"price": Decimal("0.10"), "tags": {"b", "a"}, 7: 2**60})
        assert metadata == {"price": "0.10", "tags": ["a", "b"], "7": "1152921504606846976"}
        thread = await store.memory.save_thread(Thread(resource_id="user-1", metadata=metadata))
        assert thread.metadata == metadata
    """
    return _converted(value, "value", ())


def _converted(value: Any, path: str, around: tuple[int, ...]) -> Any:
    """Converts the part of a value at `path`, inside containers with the ids `around`."""
    if isinstance(value, Enum):  # first, as its members may be text or numbers too
        return _converted(value.value, path, around)
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return convert(value, path)
    if id(value) in around:
        raise _refused(path, "contains itself")
    if len(around) >= MAX_JSON_NESTING:
        raise TooLargeError(f"{at(path)} is nested deeper than {MAX_JSON_NESTING} levels", details={"path": path})
    return _converted_parts(value, path, (*around, id(value)))


def _converted_parts(value: Any, path: str, inside: tuple[int, ...]) -> Any:
    if isinstance(value, BaseModel):
        return _converted(_dumped(value, path), path, inside)
    if isinstance(value, Mapping):
        return _members(value, path, inside)
    names = _member_names(value)
    if names is not None:
        return _members({name: getattr(value, name) for name in names if hasattr(value, name)}, path, inside)
    if callable(getattr(value, "tolist", None)) and not isinstance(value, type):
        return _converted(_listed(value), path, inside)
    if isinstance(value, Collection):
        items = [_converted(item, f"{path}[{n}]", inside) for n, item in enumerate(value)]
        return _sorted(items) if isinstance(value, set | frozenset) else items
    raise _refused(path, f"cannot be converted, as it is {kind_of(value)}; give its members, or a text, instead")


def _text(value: str, path: str) -> str:
    """Replaces lone surrogates; two that make a pair become the character that they stand for."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return str.__str__(value)


def _number(value: float, path: str) -> int | float | str | None:
    if isinstance(value, float):
        return plain_number(float(value)) if math.isfinite(value) else None
    if abs(value) <= MAX_SAFE_INTEGER:
        return int(value)
    try:
        return str(int(value))
    except ValueError:  # Python prints no more than some thousand digits
        raise _refused(path, "has too many digits") from None


def _moment(value: date | time | timedelta, path: str) -> str | float | None:
    if isinstance(value, timedelta):
        return plain_number(value.total_seconds())
    if value != value:  # noqa: PLR0124  # the time that is none of pandas
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value.isoformat()
    try:
        return to_iso(value)
    except ValueError as error:
        raise _refused(path, str(error)) from None


_SCALARS: Final[Sequence[tuple[Any, Callable[[Any, str], Any]]]] = (
    ((bool, type(None)), lambda value, path: value),
    (str, _text),
    ((int, float), _number),
    (Decimal, lambda value, path: str(value) if value.is_finite() else None),
    ((date, time, timedelta), _moment),
    ((bytes, bytearray, memoryview), lambda value, path: base64.b64encode(bytes(value)).decode()),
    (_AS_TEXT, lambda value, path: _text(str(value), path)),
)
"""Types whose values have no parts, and how they are converted; a type comes before those that it is one of."""


def _dumped(model: BaseModel, path: str) -> Any:
    try:
        return model.model_dump()
    except ValueError as error:  # as of a model that contains itself
        raise _refused(path, f"cannot be dumped: {error}") from error


def _members(members: Mapping[Any, Any], path: str, inside: tuple[int, ...]) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for key, item in members.items():
        name = _converted(key, f"{path}.{key}", inside)
        name = name if isinstance(name, str) else to_json(name)
        if name in converted:
            raise _refused(f"{path}.{name}", "is the name of two keys")
        converted[name] = _converted(item, f"{path}.{name}", inside)
    return converted


def _member_names(value: Any) -> list[str] | None:
    """Returns the names of the members of a dataclass or attrs object, None for other values."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    attributes = getattr(type(value), "__attrs_attrs__", None)
    return None if attributes is None else [attribute.name for attribute in attributes]


def _listed(value: Any) -> Any:
    """Returns the values of an array, or of a scalar of numpy, as objects of Python."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if type(value).__module__.partition(".")[0] == "numpy" and kind in _WIDE:
        value = value.astype(_WIDE[kind])
    return value.tolist()


_WIDE: Final = {"M": "datetime64[us]", "m": "timedelta64[us]", "f": "float64"}
"""Kinds of numpy's types that Python's have fewer digits than, and the type to convert them to before."""


def _sorted(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:  # they are of several types
        return sorted(items, key=to_json)


def _refused(path: str, problem: str) -> ValidationError:
    return ValidationError(f"{at(path)} {problem}", operation="TO_JSONABLE", details={"path": path})
