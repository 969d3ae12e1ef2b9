"""Changes of rows: columns to set and to remove, and edits at paths (docs/protocol.md, "Reducers")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mastra_convex.errors import ValidationError
from mastra_convex.rows.conditions import parse_json
from mastra_convex.rows.filters import array_index
from mastra_convex.rows.paths import (
    MISSING,
    Path,
    check_column,
    check_members,
    check_no_reference,
    check_path,
    parsed,
    parsed_through,
)
from mastra_convex.rows.reducers import REDUCERS
from mastra_convex.rows.values import Row, check_indexed, escape_keys, to_json, unescape_keys
from mastra_convex.tables import Field, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Applies a reducer at a path; `value` is JSON text."""

    path: Path
    reducer: Literal["set", "merge", "append", "add", "max", "slots"]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Columns to set, columns to remove, then edits in order."""

    set: Row = field(default_factory=dict[str, Any])
    unset: Sequence[str] = ()
    edits: Sequence[Edit] = ()


class RowChange:
    """A change that was parsed once and applies to many rows. ValidationError where it does not fit the table."""

    def __init__(self, table: Table, change: Change) -> None:
        self._table = table
        self._set = dict(change.set)
        self._unset = list(change.unset)
        self._edits: list[tuple[Edit, Any]] = []
        for name in (*self._set, *self._unset):
            check_column(table, name)
        for edit in change.edits:
            check_path(table, edit.path, system=False)
            self._edits.append((edit, parse_json(edit.value, "an edit")))

    def of(self, row: Row) -> Row:
        """The row as it is afterwards."""
        new = {**row, **self._set}
        for name in self._unset:
            new.pop(name, None)
        for edit, value in self._edits:
            apply_edit(self._table, new, edit, value)
        return new


def apply_edit(table: Table, row: Row, edit: Edit, value: Any) -> None:
    """Edits a row in place; the path is checked and `value` parsed. ValidationError where the edit does not fit."""
    column, *rest = edit.path
    field = table.field_by_name[column]
    stored = row.get(column, MISSING)
    if rest or edit.reducer != "set":
        check_members(table, stored, edit.path)
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
            found = parsed_through(value)
            return found if isinstance(found, dict) else value
        if inside:
            return parsed_through(value)
        return parsed(value) if field.json else value
    return value if value is MISSING else unescape_keys(value)


def _reduced(table: Table, old: Any, path: Sequence[str], edit: Edit, given: Any) -> Any:
    """`old` with the value at the path reduced. Containers on the way are copied: rows may share their values."""
    if path or edit.reducer != "set":
        check_no_reference(table, old, edit.path)
    if not path:
        if edit.reducer == "slots" and isinstance(old, dict):
            output = old.get("output")
            for part in (output, *(output if isinstance(output, list) else ())):  # whose insides decide what is taken
                check_no_reference(table, part, edit.path)
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
