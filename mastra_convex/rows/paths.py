"""Values at paths inside stored rows, and edits at paths (docs/protocol.md, "Rows, keys, paths" and "Reducers")."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from mastra_convex.engine.protocol import Edit, Row
from mastra_convex.errors import LargeValueError, ValidationError
from mastra_convex.rows.filters import array_index
from mastra_convex.rows.large_values import reference
from mastra_convex.rows.reducers import REDUCERS
from mastra_convex.rows.values import (
    ESCAPED_KEYS,
    check_indexed,
    escape_keys,
    escaped_members,
    from_json,
    to_json,
    unescape_keys,
)
from mastra_convex.tables import Field, Table


class Missing(Enum):
    """Nothing is there; null is something."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


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
        _check_members(table, value, path)
    if len(path) == 1:
        field = table.field_by_name.get(column)
        if field is not None and field.json and isinstance(value, str):
            return _parsed(value)
        return unescape_keys(value) if isinstance(value, dict | list) else value
    escaped = True  # inside a raw value, members may be under the reserved key; inside JSON text they never are
    for key in path[1:]:
        if isinstance(value, str):
            value, escaped = _parsed_through(value), False
        if visible:
            _check_no_reference(table, value, path)
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


def _parsed(text: str) -> Any:
    """The value of JSON text; text that is none is itself."""
    try:
        return from_json(text)
    except ValueError:
        return text


def _parsed_through(text: str) -> Any:
    """The value of JSON text, of JSON text of JSON text and so on."""
    value: Any = text
    while isinstance(value, str):
        try:
            value = from_json(value)
        except ValueError:
            break
    return value


def _check_no_reference(table: Table, value: Any, path: Sequence[str]) -> None:
    """LargeValueError where a value at a path, or on the way to its end, is kept in chunks."""
    field = table.field_by_name.get(path[0])
    if field is not None and field.large and reference(value) is not None:
        raise LargeValueError(f"{'.'.join(path)} leads into a large value", details={"path": ".".join(path)})


def _check_members(table: Table, value: Any, path: Sequence[str]) -> None:
    """LargeValueError where the members that Convex refuses, as JSON text, are kept in chunks: they cannot be told."""
    if isinstance(value, dict):
        _check_no_reference(table, value.get(ESCAPED_KEYS), path)


def apply_edit(table: Table, row: Row, edit: Edit, value: Any) -> None:
    """Edits a row in place; the path is checked and `value` parsed. ValidationError where the edit does not fit."""
    column, *rest = edit.path
    field = table.field_by_name[column]
    stored = row.get(column, MISSING)
    if rest or edit.reducer != "set":
        _check_members(table, stored, edit.path)
    old = _reduced(table, _editable(field, stored, bool(rest)), rest, edit, value)
    if field.json or (field.type == "string" and rest):
        row[column] = to_json(old)
    else:
        row[column] = escape_keys(old) if field.type == "any" else old
        check_indexed(row[column], table.indexed_members, column)


def _editable(field: Field, value: Any, inside: bool) -> Any:
    """The value of a column as the reducers see it."""
    if isinstance(value, str):
        if field.type == "any" and not field.json:
            parsed = _parsed_through(value)
            return parsed if isinstance(parsed, dict) else value
        if inside:
            return _parsed_through(value)
        return _parsed(value) if field.json else value
    return value if value is MISSING else unescape_keys(value)


def _reduced(table: Table, old: Any, path: Sequence[str], edit: Edit, given: Any) -> Any:
    """`old` with the value at the path reduced. Containers on the way are copied: rows may share their values."""
    if path or edit.reducer != "set":
        _check_no_reference(table, old, edit.path)
    if not path:
        if edit.reducer == "slots" and isinstance(old, dict):
            output = old.get("output")
            for part in (output, *(output if isinstance(output, list) else ())):  # whose insides decide what is taken
                _check_no_reference(table, part, edit.path)
        return REDUCERS[edit.reducer](None if old is MISSING else old, given)
    key, rest = path[0], path[1:]
    if old is MISSING or old is None:
        old = {}
    if isinstance(old, dict):
        members: dict[str, Any] = old
        return {**members, key: _reduced(table, members.get(key, MISSING), rest, edit, given)}
    if isinstance(old, list) and 0 <= array_index(key) < len(old):
        items: list[Any] = [*old]
        items[array_index(key)] = _reduced(table, items[array_index(key)], rest, edit, given)
        return items
    raise ValidationError(f"nothing can be edited at {'.'.join(edit.path)}: {key!r} does not lead into what is there")
