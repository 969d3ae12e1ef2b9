"""Values at paths inside stored rows, and edits at paths (docs/protocol.md, "Rows, keys, paths" and "Reducers")."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import orjson

from mastra_convex.errors import LargeValueError, ValidationError
from mastra_convex.rows.filters import array_index
from mastra_convex.rows.large_values import reference
from mastra_convex.rows.values import (
    ESCAPED_KEYS,
    Row,
    escaped_members,
    from_json,
    unescape_keys,
)
from mastra_convex.tables import Table

Path = Sequence[str]
"""A column, then keys inside it; goes through object columns and JSON-text columns alike."""


class Missing(Enum):
    """Nothing is there; null is something."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def check_column(table: Table, name: str) -> None:
    """Raises ValidationError unless the table has the column."""
    if name not in table.field_by_name:
        raise ValidationError(f"{table.name} has no column {name!r}")


def check_path(table: Table, path: Sequence[str], *, system: bool) -> None:
    """ValidationError unless the path starts with a declared column, or `_creationTime` where that may be named."""
    if not path:
        raise ValidationError("a path must not be empty")
    if path[0] not in table.field_by_name and not (system and path[0] == "_creationTime"):
        raise ValidationError(f"{table.name} has no column {path[0]!r}")


def value_at(table: Table, row: Row, path: Sequence[str], *, visible: bool = False) -> Any:
    """The value at a checked path, `MISSING` if there is none.

    With `visible`, LargeValueError where it is inside a value that is kept in chunks.
    """
    column = path[0]
    value = row.get(column, MISSING)
    if visible:
        check_members(table, value, path)
    if len(path) == 1:
        field = table.field_by_name.get(column)
        if field is not None and field.json and isinstance(value, str):
            return parsed(value)
        return unescape_keys(value) if isinstance(value, dict | list) else value
    escaped = True  # inside a raw value, members may be under the reserved key; inside JSON text they never are
    for key in path[1:]:
        if isinstance(value, str):
            value, escaped = parsed_through(value), False
        if visible:
            check_no_reference(table, value, path)
        if isinstance(value, dict):
            value, escaped = _member(value, key, escaped)
        elif isinstance(value, list):
            items: list[Any] = value
            index = array_index(key)
            value = items[index] if 0 <= index < len(items) else MISSING
        else:
            return MISSING
    return unescape_keys(value) if escaped and isinstance(value, dict | list) else value


def _member(value: dict[str, Any], key: str, escaped: bool) -> tuple[Any, bool]:
    members = escaped_members(value) if escaped and ESCAPED_KEYS in value else None
    if members is None:
        return value.get(key, MISSING), escaped
    if key in members:
        return members[key], False
    return (MISSING if key == ESCAPED_KEYS else value.get(key, MISSING)), escaped


def parsed(text: str) -> Any:
    """The value of JSON text; text that is none is itself."""
    try:
        return from_json(text)
    except ValueError:
        return text


def parsed_through(text: str) -> Any:
    """The value of JSON text, of JSON text of JSON text and so on."""
    value: Any = text
    while isinstance(value, str):
        try:
            value = from_json(value)
        except ValueError:
            break
    return value


def check_no_reference(table: Table, value: Any, path: Sequence[str]) -> None:
    """LargeValueError where a value at a path, or on the way to its end, is kept in chunks."""
    field = table.field_by_name.get(path[0])
    if field is not None and field.large and reference(value) is not None:
        raise LargeValueError(f"{'.'.join(path)} leads into a large value", details={"path": ".".join(path)})


def check_members(table: Table, value: Any, path: Sequence[str]) -> None:
    """LargeValueError where the members that Convex refuses, as JSON text, are kept in chunks: they cannot be told."""
    if isinstance(value, dict):
        check_no_reference(table, value.get(ESCAPED_KEYS), path)


def values_at(table: Table, row: Row, paths: Sequence[Path]) -> list[str | None]:
    """The JSON text of the value at each path, None where there is none.

    LargeValueError where one is inside a value that is kept in chunks.
    """
    texts: list[str | None] = []
    for path in paths:
        value: Any = value_at(table, row, path, visible=True)
        texts.append(None if value is MISSING else orjson.dumps(value).decode())
    return texts
