"""Paths to values inside stored rows (docs/protocol.md, "Rows, keys, paths")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

from mastra_convex.errors import LargeValueError, ValidationError
from mastra_convex.rows.filters import array_index
from mastra_convex.rows.large_values import reference
from mastra_convex.rows.values import ESCAPED_KEYS
from mastra_convex.tables import Table

Path = Sequence[str]
"""A path is a column, then keys inside it. It goes through object columns and JSON-text columns alike."""


class Missing(Enum):
    """Stands for the value where nothing is; null is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def check_column(table: Table, name: str) -> None:
    """Raises ValidationError unless the table has the column."""
    if name not in table.field_by_name:
        raise ValidationError(f"{table.name} has no column {name!r}")


def check_path(table: Table, path: Sequence[str], *, system: bool) -> None:
    """Raises ValidationError unless a path starts with a declared column, or `_creationTime` with `system`."""
    if not path:
        raise ValidationError("a path must not be empty")
    if path[0] not in table.field_by_name and not (system and path[0] == "_creationTime"):
        raise ValidationError(f"{table.name} has no column {path[0]!r}")


def changed_inside(table: Table, value: Any, keys: Sequence[str], change: Callable[[Any], Any], path: Path) -> Any:
    """Returns a copy of the value in which the one at the end of the keys is changed. `path` names it in errors.

    Raises ValidationError for a key that does not lead into what is there.
    """
    if not keys:
        return change(None if value is MISSING else value)
    check_no_reference(table, value, path)
    key, *rest = keys
    members = {} if value is MISSING or value is None else value
    if isinstance(members, dict):
        return {**members, key: changed_inside(table, members.get(key, MISSING), rest, change, path)}
    index = array_index(key)
    if isinstance(members, list) and 0 <= index < len(members):
        items = [*members]
        items[index] = changed_inside(table, items[index], rest, change, path)
        return items
    raise ValidationError(f"nothing can be edited at {'.'.join(path)}: {key!r} does not lead into what is there")


def check_no_reference(table: Table, value: Any, path: Sequence[str]) -> None:
    """Raises LargeValueError where a value at a path, or on the way to its end, is kept in chunks."""
    field = table.field_by_name.get(path[0])
    if field is not None and field.large and reference(value) is not None:
        raise LargeValueError(f"{'.'.join(path)} leads into a large value", details={"path": ".".join(path)})


def check_members(table: Table, value: Any, path: Sequence[str]) -> None:
    """Raises LargeValueError where the members under the reserved key are kept in chunks: their names are not known."""
    if isinstance(value, dict):
        check_no_reference(table, value.get(ESCAPED_KEYS), path)
