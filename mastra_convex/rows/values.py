"""JSON values on their way to Convex: what is refused, how numbers and keys travel, how large a document is."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from mastra_convex.errors import TooLargeError, ValidationError

Row = dict[str, Any]
"""A stored row, with `_creationTime` when it was read; undecoded, see `mastra_convex.rows.codec`."""


MAX_SAFE_INTEGER = 2**53 - 1
MAX_DOCUMENT_BYTES = 1 << 20
MAX_DOCUMENT_NESTING = 16
MAX_ARRAY_ELEMENTS = 8192
MAX_OBJECT_FIELDS = 1024
MAX_KEY_CHARACTERS = 1024
SURELY_SMALL_BYTES = 200_000
"""Of JSON text that is less than 1 MiB as a document: at worst, two bytes count 9 (`1,`)."""
MAX_JSON_NESTING = 128
"""Our own limit for JSON text, well inside what JSON parsers on both sides take."""

ESCAPED_KEYS = "__mastra_json"
"""The key under which an object of a raw column keeps, as JSON text, the members whose keys Convex refuses."""

_RAW_LEVELS = 14
"""Levels of containers in a raw column; with the row and a table that holds it as a record, Convex's 16."""

_ROUGH_BYTES = 8
"""What `is_within` counts for each element, key and member beside the characters of texts."""

_SYSTEM_FIELDS_BYTES = 64
"""Room for `_id` and `_creationTime`, which count towards a document's size."""


class _Refused(Exception):  # noqa: N818  # a signal on the way up, where the path is put together
    def __init__(self, problem: str, error: type[ValidationError] = ValidationError) -> None:
        super().__init__(problem)
        self.problem = problem
        self.error = error
        self.inside = ""

    def at(self, path: str) -> ValidationError:
        where = f"{path}{self.inside}"
        return self.error(self.problem.format(path=where), details={"path": where})


_STRICT = (
    orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""With these options orjson refuses integers beyond 2^53, and writes no type that JSON lacks but UUIDs and enums."""


def clean(value: Any, path: str) -> Any:
    """Returns a copy of a JSON value as both languages read it alike.

    Integral floats within 2^53 become ints, tuples lists.

    In the ordinary case native code decides: what orjson writes and reads back equal was JSON. All else is walked, so
    that the error names the part.

    Raises ValidationError naming `path` for what JSON or JavaScript would change: integers beyond 2^53, NaN and
    infinities, lone surrogates, keys that are not text, types that JSON lacks, and more than 128 levels.
    """
    if type(value) in _CONTAINERS:
        try:
            copy = orjson.loads(orjson.dumps(value, option=_STRICT))
            if copy == value and _normalise(copy, MAX_JSON_NESTING):
                return copy
        except (TypeError, ValueError, RecursionError):
            pass  # the walk says what is wrong
    try:
        return _clean(value, 0)
    except _Refused as refused:
        raise refused.at(path) from None


def _clean(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, int | float):
        return _clean_number(value)
    if depth >= MAX_JSON_NESTING:
        raise _Refused(f"{{path}} is nested deeper than {MAX_JSON_NESTING} levels", TooLargeError)
    part: Any = None
    try:
        if isinstance(value, dict):
            members: dict[str, Any] = {}
            for part, item in value.items():  # the path names the part that is refused
                members[_clean_key(part)] = _clean(item, depth + 1)
            return members
        if isinstance(value, list | tuple):
            items: list[Any] = []
            for part, item in enumerate(value):  # noqa: B007  # named by the path of what is refused
                items.append(_clean(item, depth + 1))
            return items
    except _Refused as refused:
        refused.inside = (f"[{part}]" if isinstance(part, int) else f".{part}") + refused.inside
        raise
    raise _Refused(f"{{path}} must be a JSON value, not {type(value).__name__}")


def _clean_key(key: Any) -> str:
    if not isinstance(key, str):
        raise _Refused("{path} is a key that is not text")
    try:
        return _clean_text(key)
    except _Refused:
        raise _Refused("{path} is a key with a lone surrogate") from None


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
            raise _Refused("{path} contains a lone surrogate") from None
    return value if type(value) is str else str(value)


def clean_number(value: float, path: str) -> int | float:
    """An int within 2^53 or a finite float; ValidationError otherwise."""
    try:
        return _clean_number(value)
    except _Refused as refused:
        raise refused.at(path) from None


def _clean_number(value: float) -> int | float:
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise _Refused("{path} must be within 2^53, else it loses digits")
        return int(value)
    if not math.isfinite(value):
        raise _Refused("{path} must be a finite number")
    return plain_number(float(value))


def plain_number(value: float) -> int | float:
    """An integral number within 2^53 as int (so -0.0 is 0), any other as float."""
    whole = isinstance(value, int) or value.is_integer()
    return int(value) if whole and abs(value) <= MAX_SAFE_INTEGER else float(value)


def plain_numbers(value: Any) -> Any:
    """Makes every number of a parsed value a `plain_number`, in place, and returns the value.

    Convex prints each number as a float; JavaScript one below 1e21 without point or exponent.
    """
    if type(value) in _CONTAINERS:
        _normalise(value, sys.maxsize)
        return value
    return plain_number(value) if isinstance(value, float) or type(value) is int else value


_CONTAINERS = (dict, list)
_NUMBERS = {int, float}


def _normalise(container: Any, levels: int) -> bool:
    """Makes numbers plain in place; False when containers nest deeper than `levels`. The hottest walk: no calls."""
    if levels == 0:
        return False
    is_list = type(container) is list
    if is_list and _is_plain_list(container):
        return True
    for place, item in enumerate(container) if is_list else container.items():
        kind = type(item)
        if kind is str:
            continue
        if kind is dict or kind is list:
            if item and not _normalise(item, levels - 1):
                return False
        elif kind is float:
            if item.is_integer() and -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                container[place] = int(item)
        elif kind is int and not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
            container[place] = float(item)
    return True


def _is_plain_list(items: list[Any]) -> bool:
    """Tells by native code that a list has nothing to change, neither directly nor inside."""
    kinds = {*map(type, items)}
    if kinds == {int}:
        return bool(min(items) >= -MAX_SAFE_INTEGER and max(items) <= MAX_SAFE_INTEGER)
    return kinds.isdisjoint(_TO_LOOK_AT)


_TO_LOOK_AT = {dict, list, float, int}
"""Types of values that may have to change, or have something inside that has to."""


def to_json(value: Any) -> str:
    """Compact JSON text of a cleaned value, keys in their order."""
    return orjson.dumps(value).decode()


def from_json(text: str) -> Any:
    """The value of JSON text, numbers as `plain_number`; ValueError when it is not JSON."""
    return plain_numbers(orjson.loads(text))


def is_plain_key(key: str) -> bool:
    """Whether Convex takes this object key and gives it back: printable ASCII, no leading `$`, at most 1,024
    characters.
    """
    return (
        len(key) <= MAX_KEY_CHARACTERS
        and not key.startswith("$")
        and key.isascii()
        and (key.isprintable() or not key)
        and key not in ("__proto__", ESCAPED_KEYS)
    )


def escape_keys(value: Any, path: str = "value") -> Any:
    """A cleaned value for a raw column: members that Convex refuses move into `__mastra_json`, at every level.

    Refused are keys (`is_plain_key`), and values with more levels, elements or members than Convex takes. Raises
    TooLargeError where an array that is in no object is such a value.
    """
    try:
        return _escaped(value, _RAW_LEVELS)
    except _Refused as refused:
        raise refused.at(path) from None


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


def check_document(table: str, row: dict[str, Any], *, apart: Sequence[str] = ()) -> None:
    """Raises TooLargeError, with path and limit, for a row that Convex refuses (docs/protocol.md, "Limits of Convex").

    The size of the columns `apart` does not count.
    """
    size = _SYSTEM_FIELDS_BYTES + _measure(row, table, 1) - sum(value_size(row.get(name)) for name in apart)
    if size > MAX_DOCUMENT_BYTES:
        raise TooLargeError(
            f"a row of {table} takes {size} bytes; Convex stores at most {MAX_DOCUMENT_BYTES} (1 MiB) in a document",
            details={"path": table, "size": size, "limit": MAX_DOCUMENT_BYTES},
        )


def value_size(value: Any) -> int:
    """The size in bytes that Convex charges for a value."""
    return _measure(value, "value", 0, limits=False)


def is_within(value: Any, size: int) -> bool:
    """Whether a value takes at most so many bytes, by a rough measure that ends as soon as it takes more."""
    left = [value]
    while left and size >= 0:
        part = left.pop()
        if isinstance(part, str):
            size -= len(part)
        elif isinstance(part, dict):
            size -= 2 * _ROUGH_BYTES * len(part)
            if size >= 0:
                left += part
                left += part.values()
        elif isinstance(part, list | tuple):
            size -= _ROUGH_BYTES * len(part)
            if size >= 0 and not set(map(type, part)) <= _NUMBERS:
                left += part
    return size >= 0


def document_size(row: dict[str, Any]) -> int:
    """The size in bytes that Convex charges for a row that is stored as a document."""
    return _SYSTEM_FIELDS_BYTES + value_size(row)


def _measure(value: Any, path: str, depth: int, *, limits: bool = True) -> int:
    if isinstance(value, str):
        return 2 + (len(value) if value.isascii() else len(value.encode()))
    if value is None or value is True or value is False:
        return 1
    if isinstance(value, int | float):
        return 9
    if limits:
        _check_container(value, path, depth)
    size = 2
    if isinstance(value, dict):
        for key, item in value.items():
            size += len(key) + 1
            if type(item) is str:  # most of what is stored
                size += 2 + (len(item) if item.isascii() else len(item.encode()))
            else:
                size += _measure(item, f"{path}.{key}", depth + 1, limits=limits)
        return size
    if set(map(type, value)) <= _NUMBERS:  # vectors are long
        return size + 9 * len(value)
    for item in value:
        size += _measure(item, f"{path}[]", depth + 1, limits=limits)
    return size


def _check_container(value: Any, path: str, depth: int) -> None:
    limit, what = (MAX_OBJECT_FIELDS, "fields") if isinstance(value, dict) else (MAX_ARRAY_ELEMENTS, "elements")
    if len(value) > limit:
        raise TooLargeError(
            f"{path} has {len(value)} {what}; Convex takes at most {limit}",
            details={"path": path, "size": len(value), "limit": limit},
        )
    if depth > MAX_DOCUMENT_NESTING:
        raise TooLargeError(
            f"{path} is nested deeper than the {MAX_DOCUMENT_NESTING} levels of a Convex document",
            details={"path": path, "limit": MAX_DOCUMENT_NESTING},
        )
