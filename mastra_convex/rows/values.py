"""JSON values on their way to Convex: what is refused, how numbers and keys travel."""

from __future__ import annotations

import contextlib
import math
import operator
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from numbers import Real
from typing import Any

import orjson

from mastra_convex.errors import ConfigurationError, TooLargeError, ValidationError
from mastra_convex.rows.at_once import check_at_once
from mastra_convex.rows.explain import AS_JSON, at, kind_of, shown
from mastra_convex.rows.native import MAX_JSON_NESTING, Checked, count_containers, levels, printed, reread
from mastra_convex.rows.times import to_iso

Row = dict[str, Any]
"""A stored row, with `_creationTime` when it was read; undecoded, see `mastra_convex.rows.codec`."""


MAX_SAFE_INTEGER = 2**53 - 1
MAX_ARRAY_ELEMENTS = 8192
MAX_OBJECT_FIELDS = 1024
MAX_KEY_CHARACTERS = 1024

ESCAPED_KEYS = "__mastra_json"
"""The key under which an object of a raw column keeps, as JSON text, the members whose keys Convex refuses."""

_ESCAPED_KEYS = ESCAPED_KEYS.encode()

_NOT_SIMPLE = (b'"$', b"\\", b"\x7f", b"__proto__", _ESCAPED_KEYS)
"""One of these is in ASCII JSON text where a key is not an `is_plain_key`. A backslash escapes what is unprintable."""

_RAW_LEVELS = 14
"""Levels of containers in a raw column; with the row and a table that holds it as a record, Convex's 16."""


class _Refused(Exception):  # noqa: N818  # a signal on the way up, where the path is put together
    def __init__(self, problem: str, error: type[ValidationError] = ValidationError) -> None:
        super().__init__(problem)
        self.problem = problem
        self.error = error
        self.inside = ""

    def at(self, path: str) -> ValidationError:
        where = f"{path}{self.inside}"
        return self.error(self.problem.format(path=at(where)), details={"path": where})


def clean(value: Any, path: str) -> Any:
    """A copy of a JSON value as both languages read it alike: integral floats within 2^53 become ints, tuples lists,
    mappings dicts, and datetimes with a time zone the text of `to_iso`.

    Raises ValidationError naming `path` for what JSON or JavaScript would change: integers beyond 2^53, NaN and
    infinities, lone surrogates, keys that are not text, types that JSON lacks, and more than 128 levels.
    """
    return checked(value, path).value


def checked(value: Any, path: str) -> Checked:
    """`clean` of a value, with its JSON text."""
    return reread(value) or walked(value, path)


def walked(value: Any, path: str) -> Checked:
    """`checked` by looking at each part of the value, which is many times slower and names what is wrong."""
    try:
        cleaned = _clean(value, 0)
    except _Refused as refused:
        raise refused.at(path) from None
    return Checked(cleaned, orjson.dumps(cleaned))


def _clean(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, int | float):
        return _clean_number(value)
    if isinstance(value, datetime):
        return _clean_time(value)
    if not isinstance(value, Mapping | list | tuple):
        raise _Refused(f"{{path}} must be a JSON value, not {kind_of(value)}; {AS_JSON}(...) makes one")
    if depth >= MAX_JSON_NESTING:
        problem = f"is nested deeper than {MAX_JSON_NESTING} levels, or contains itself"
        raise _Refused(f"{{path}} {problem}", TooLargeError)
    return _clean_parts(value, depth + 1)


def _clean_parts(value: Mapping[Any, Any] | Sequence[Any], depth: int) -> Any:
    part: Any = None
    try:
        if isinstance(value, Mapping):
            members: dict[str, Any] = {}
            for part, item in value.items():  # the path names the part that is refused
                members[_clean_key(part)] = _clean(item, depth)
            return members
        items: list[Any] = []
        for part, item in enumerate(value):  # noqa: B007  # named by the path of what is refused
            items.append(_clean(item, depth))
        return items
    except _Refused as refused:
        refused.inside = (f"[{part}]" if isinstance(part, int) else f".{part}") + refused.inside
        raise


def _clean_key(key: Any) -> str:
    if not isinstance(key, str):
        raise _Refused(f"{{path}} is a key that is not text, but {kind_of(key)}; {AS_JSON}(...) makes it text")
    try:
        return _clean_text(key)
    except _Refused:
        raise _Refused(f"{{path}} is a key with a lone surrogate; {AS_JSON}(...) replaces it") from None


def _clean_time(value: datetime) -> str:
    try:
        return to_iso(value)
    except ValueError as error:
        keeps = f"; {AS_JSON}(...) keeps it as text without a zone" if value.tzinfo is None else ""
        raise _Refused(f"{{path}} {error}{keeps}") from None


def clean_floats(value: list[Any], path: str) -> list[Any]:
    """`clean` of a list of numbers, floats left as they are."""
    if set(map(type, value)) == {float} and math.isfinite(sum(value)):
        return value
    cleaned: list[Any] = clean(value, path)
    return cleaned


def clean_text(value: str, path: str) -> str:
    """The text itself; ValidationError when it has a lone surrogate, which UTF-8 cannot carry."""
    try:
        return _clean_text(value)
    except _Refused as refused:
        raise refused.at(path) from None


def _clean_text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Refused(f"{{path}} contains a lone surrogate; {AS_JSON}(...) replaces it") from None
    return value if type(value) is str else str.__str__(value)  # an enum would print its own name


def as_integer(value: object) -> int | None:
    """An int for what Python takes as an index, numpy's integers too; None for booleans and everything else."""
    is_boolean = isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b"
    if is_boolean:  # numpy 1 takes its own booleans as an index
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # what is no index is the case below
    except TypeError:
        return None


def as_number(value: object) -> int | float | None:
    """The number itself, numpy's as Python's; None for a boolean, what a finite float cannot hold, and other values."""
    found: int | float | None = as_integer(value)
    if found is None and isinstance(value, Real) and not isinstance(value, bool):
        found = float(value)
    return found if found is not None and abs(found) <= sys.float_info.max else None


def setting(value: object, name: str, *, least: int = 1) -> int:
    """An integer that a store is set up with; ConfigurationError otherwise."""
    found = as_integer(value)
    if found is None or found < least:
        raise ConfigurationError(f"{name} must be an integer >= {least}, not {shown(value)}")
    return found


def clean_number(value: float, path: str) -> int | float:
    """An int within 2^53 or a finite float; ValidationError otherwise."""
    try:
        return _clean_number(value)
    except _Refused as refused:
        raise refused.at(path) from None


def _clean_number(value: float) -> int | float:
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            fix = f"keep it as text: str(...), or {AS_JSON}(...) for a whole value"
            raise _Refused(f"{{path}} must be within 2^53, else it loses digits; {fix}")
        return int(value)
    if not math.isfinite(value):
        raise _Refused(f"{{path}} must be a finite number, not {value}; {AS_JSON}(...) makes it None")
    return plain_number(float(value))


def plain_number(value: float) -> int | float:
    """An integral number within 2^53 as int (so -0.0 is 0), any other as float."""
    whole = isinstance(value, int) or value.is_integer()
    return int(value) if whole and abs(value) <= MAX_SAFE_INTEGER else float(value)


def plain_numbers(value: Any) -> Any:
    """Makes every number of a parsed value a `plain_number`, in place.

    Convex prints each number as a float; JavaScript one below 1e21 without point or exponent.
    """
    if isinstance(value, dict | list):
        return value if printed(value) is not None else _plain_numbers(value)
    return plain_number(value) if isinstance(value, float) or type(value) is int else value


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            kind = type(item)
            if kind is str:  # most of what is stored
                continue
            if kind is int or kind is float:
                value[key] = plain_number(item)
            elif kind is dict or kind is list:
                _plain_numbers(item)
    elif isinstance(value, list):
        _plain_items(value)
    return value


def _plain_items(items: list[Any]) -> None:
    kinds = set(map(type, items))
    if kinds == {float} and not any(map(float.is_integer, items)):  # vectors are long
        return
    if not kinds.isdisjoint(_NUMBERS):
        items[:] = [plain_number(item) if type(item) in _NUMBERS else item for item in items]
    if not kinds.isdisjoint(_CONTAINERS):
        for item in items:
            _plain_numbers(item)


_CONTAINERS = {dict, list}
_NUMBERS = {int, float}


def to_json(value: Any) -> str:
    """Compact JSON text of a cleaned value, keys in their order."""
    return orjson.dumps(value).decode()


def from_json(text: str) -> Any:
    """The value of JSON text, numbers as `plain_number`; ValueError when it is not JSON."""
    check_at_once(len(text))
    return plain_numbers(orjson.loads(text))


def is_plain_key(key: str) -> bool:
    """Tells whether Convex takes an object key and gives it back: printable ASCII, no leading `$`, at most 1,024
    characters.
    """
    return (
        len(key) <= MAX_KEY_CHARACTERS
        and not key.startswith("$")
        and key.isascii()
        and (key.isprintable() or not key)
        and key not in ("__proto__", ESCAPED_KEYS)
    )


def escape_keys(value: Any, path: str = "value", *, text: bytes | None = None) -> Any:
    """A cleaned value for a raw column: members that Convex refuses move into `__mastra_json`, at every level.

    Refused are keys (`is_plain_key`), and values with more levels, elements or members than Convex takes. Raises
    TooLargeError where an array that is in no object is such a value. `text` is the JSON text of the value, if that is
    known.
    """
    if not isinstance(value, dict | list) or (text is not None and _is_simple(text)) or _is_taken(value):
        return value
    try:
        return _escaped(value, _RAW_LEVELS)
    except _Refused as refused:
        raise refused.at(path) from None


def _is_simple(text: bytes) -> bool:
    """Tells by the JSON text alone that Convex takes the value as it is."""
    return (
        len(text) <= MAX_KEY_CHARACTERS
        and count_containers(text) <= _RAW_LEVELS
        and text.isascii()
        and not any(part in text for part in _NOT_SIMPLE)
    )


def _is_taken(value: Any) -> bool:
    """Tells whether Convex takes a value of a raw column as it is."""
    keys: set[str] = set()
    for level in levels(value):
        if not level.is_within(_RAW_LEVELS, MAX_OBJECT_FIELDS - 1, MAX_ARRAY_ELEMENTS):
            return False
        keys.update(*level.objects)
    return all(map(is_plain_key, keys))


def _escaped(value: Any, levels: int) -> Any:
    """The value with at most so many levels of containers; _Refused if it has more, where no object can hold them."""
    if isinstance(value, str) or not isinstance(value, dict | list):
        return value
    if levels == 0:
        raise _Refused(f"{{path}} is nested deeper than {_RAW_LEVELS} levels", TooLargeError)
    if isinstance(value, list):
        if len(value) > MAX_ARRAY_ELEMENTS:
            raise _Refused(f"{{path}} has {len(value)} elements; Convex takes {MAX_ARRAY_ELEMENTS}", TooLargeError)
        return [_escaped(item, levels - 1) for item in value]
    members: dict[str, Any] = value
    plain: dict[str, Any] = {}
    for key, item in members.items() if len(members) < MAX_OBJECT_FIELDS else ():
        if is_plain_key(key):
            with contextlib.suppress(_Refused):
                plain[key] = _escaped(item, levels - 1)
    if len(plain) < len(members):
        plain[ESCAPED_KEYS] = to_json({key: item for key, item in members.items() if key not in plain})
    return plain


def restored(value: Any) -> Any:
    """Returns the value of a raw column: the inverse of `escape_keys`, numbers as `plain_number`; done in place."""
    if not isinstance(value, dict | list):
        return plain_numbers(value)
    text = printed(value)
    if text is not None and _ESCAPED_KEYS not in text:
        return value
    return unescape_keys(value if text is not None else _plain_numbers(value))


def unescape_keys(value: Any) -> Any:
    """The inverse of `escape_keys`."""
    if isinstance(value, list):
        return [unescape_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = value
    escaped = escaped_members(members)
    plain = {key: unescape_keys(item) for key, item in members.items() if escaped is None or key != ESCAPED_KEYS}
    return plain if escaped is None else plain | escaped


def escaped_members(value: dict[str, Any]) -> dict[str, Any] | None:
    """The members of a stored object that travel as JSON text; None when there are none."""
    text = value.get(ESCAPED_KEYS)
    if not isinstance(text, str):
        return None
    try:
        members = from_json(text)
    except ValueError:
        return None  # somebody else's text under our key: it stays what it is
    return members if isinstance(members, dict) else None


def check_indexed(stored: Any, indexed: Collection[tuple[str, ...]], path: str) -> None:
    """Raises TooLargeError for a value of a raw column with members as JSON text that an index does not find there.

    `indexed` are paths of members that indexes name, `path` is the column.
    """
    for name in (escaped_members(stored) or {}) if isinstance(stored, dict) else ():
        if (path, name) in indexed:
            problem = f"is indexed, and found only in objects of at most {MAX_OBJECT_FIELDS - 1} members, not too deep"
            raise TooLargeError(f"{path}.{name} {problem}", details={"path": path, "limit": MAX_OBJECT_FIELDS - 1})


def carry(stored: dict[str, Any], members: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A stored object that also carries values of the record which have no column of their own, but for those that are
    None. They join the escaped members.

    Raises TooLargeError when the object has an escaped member of such a name, so that `carried` can tell them apart.
    """
    escaped = escaped_members(stored) or {}
    for name in escaped.keys() & members.keys():
        raise TooLargeError(f"{path}.{name} is larger or deeper than Convex takes", details={"path": f"{path}.{name}"})
    given = {name: value for name, value in members.items() if value is not None}
    return stored | {ESCAPED_KEYS: to_json(escaped | given)} if given else stored


def carried(stored: Any, names: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """A stored value without what it carries under these names, and that; one that is no object carries nothing."""
    escaped = (escaped_members(stored) if isinstance(stored, dict) else None) or {}
    members = {key: item for key, item in escaped.items() if key in names}
    if not members:
        return stored, {}
    rest = {key: item for key, item in stored.items() if key != ESCAPED_KEYS}
    if len(members) < len(escaped):
        rest[ESCAPED_KEYS] = to_json({key: item for key, item in escaped.items() if key not in members})
    return rest, members
