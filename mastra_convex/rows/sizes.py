"""Measures values as Convex counts, and checks the limits of a document (docs/protocol.md, "Limits of Convex")."""

from __future__ import annotations

import math
from collections.abc import Collection
from types import NoneType
from typing import Any

import orjson

from mastra_convex.errors import TooLargeError
from mastra_convex.rows.native import count_containers, levels, most_bytes
from mastra_convex.rows.values import (
    ESCAPED_KEYS,
    MAX_ARRAY_ELEMENTS,
    MAX_OBJECT_FIELDS,
    MAX_SAFE_INTEGER,
    is_plain_key,
)

MAX_DOCUMENT_BYTES = 1 << 20
MAX_DOCUMENT_NESTING = 16
SURELY_SMALL_BYTES = 200_000
"""JSON text of fewer bytes is less than 1 MiB as a document: at worst, two bytes of it (`1,`) count 9."""

SYSTEM_FIELDS_BYTES = 64
"""Room for `_id` and `_creationTime`, which count towards a document's size."""

_JSON_TYPES = {dict, list, str, int, float, bool, NoneType}

_NUMBERS = {int, float}


def check_document(table: str, row: dict[str, Any], *, apart: Collection[str] = ()) -> None:
    """Raises TooLargeError, with path and limit, for a row that Convex refuses (docs/protocol.md, "Limits of Convex").

    The size of the columns `apart` does not count; their values are within the other limits.
    """
    measured = {name: value for name, value in row.items() if name not in apart} if apart else row
    if _has_short_texts(measured) or _is_document(measured):
        return
    size = SYSTEM_FIELDS_BYTES + _measure(row, table, 1) - sum(value_size(row.get(name)) for name in apart)
    if size > MAX_DOCUMENT_BYTES:
        raise TooLargeError(
            f"a row of {table} takes {size} bytes; Convex stores at most {MAX_DOCUMENT_BYTES} (1 MiB) in a document",
            details={"path": table, "size": size, "limit": MAX_DOCUMENT_BYTES},
        )


def _has_short_texts(row: dict[str, Any]) -> bool:
    """Tells whether a row has nothing but texts that are surely small enough, as most rows have."""
    texts = (*row, *row.values())
    is_flat = len(row) <= MAX_OBJECT_FIELDS and set(map(type, texts)) <= {str}
    return is_flat and sum(map(len, texts)) < SURELY_SMALL_BYTES  # at worst, 4 bytes a character


def _is_document(row: dict[str, Any]) -> bool:
    """Tells without a walk that Convex surely takes the row."""
    try:
        text = orjson.dumps(row)
    except TypeError:
        return False
    if most_bytes(text) > MAX_DOCUMENT_BYTES - SYSTEM_FIELDS_BYTES:
        return False
    if count_containers(text) <= MAX_DOCUMENT_NESTING and text.count(b",") < MAX_OBJECT_FIELDS:
        return True
    return all(level.is_within(MAX_DOCUMENT_NESTING, MAX_OBJECT_FIELDS, MAX_ARRAY_ELEMENTS) for level in levels(row))


def is_stored_form(value: Any) -> bool:
    """Tells whether Convex surely takes a container as the value of a column, if the row is small enough.

    Its keys are plain, and its numbers those that both languages read alike.
    """
    keys: set[str] = set()
    for level in levels(value):
        kinds = set(map(type, level.parts))
        if not (
            kinds <= _JSON_TYPES
            and level.is_within(MAX_DOCUMENT_NESTING - 1, MAX_OBJECT_FIELDS, MAX_ARRAY_ELEMENTS)
            and _are_numbers_alike(level.parts, kinds)
        ):
            return False
        keys.update(*level.objects)
    return set(map(type, keys)) <= {str} and all(is_plain_key(key) or key == ESCAPED_KEYS for key in keys)


def _are_numbers_alike(parts: list[Any], kinds: set[type]) -> bool:
    integers = [part for part in parts if type(part) is int] if int in kinds else [0]
    floats = [part for part in parts if type(part) is float] if float in kinds else []
    return min(integers) >= -MAX_SAFE_INTEGER and max(integers) <= MAX_SAFE_INTEGER and math.isfinite(sum(floats))


def value_size(value: Any) -> int:
    """The size in bytes that Convex charges for a value."""
    return _measure(value, "value", 0, limits=False)


def document_size(row: dict[str, Any]) -> int:
    """The size in bytes that Convex charges for a row that is stored as a document."""
    return SYSTEM_FIELDS_BYTES + value_size(row)


def _measure(value: Any, path: str, depth: int, *, limits: bool = True) -> int:
    if isinstance(value, str):
        # A lone surrogate is refused where the value is checked; here it must only not be in the way.
        return 2 + (len(value) if value.isascii() else len(value.encode(errors="surrogatepass")))
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


_ROUGH_BYTES = 8
"""A number or a key counts so many bytes in a rough measure."""


def is_within(value: Any, size: int) -> bool:
    """Tells whether a value takes at most so many bytes, by a rough measure that ends as soon as it takes more."""
    left = [value]
    while left and size >= 0:
        part = left.pop()
        if isinstance(part, str):
            size -= len(part)
        elif isinstance(part, dict):
            texts = (*part, *part.values())
            size -= _ROUGH_BYTES * len(texts)
            if set(map(type, texts)) <= {str}:  # most rows
                size -= sum(map(len, texts))
            elif size >= 0:
                left += texts
        elif isinstance(part, list | tuple):
            size -= _ROUGH_BYTES * len(part)
            if size >= 0 and not set(map(type, part)) <= _NUMBERS:
                left += part
    return size >= 0
