"""Changes of rows: columns to set and to remove, and edits at paths (docs/protocol.md, "Reducers")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mastra_convex.rows.conditions import given_value
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import Path, check_column, check_no_reference, check_path
from mastra_convex.rows.reducers import Reducer, ReducerName, reducer
from mastra_convex.rows.values import Row
from mastra_convex.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Applies a reducer at a path; `value` is JSON text."""

    path: Path
    reducer: ReducerName
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Columns to set, columns to remove, then edits in order."""

    set: Row = field(default_factory=dict[str, Any])
    unset: Sequence[str] = ()
    edits: Sequence[Edit] = ()


class RowChange:
    """A change that is parsed once and applies to many rows. ValidationError where it does not fit the table."""

    def __init__(self, table: Table, change: Change) -> None:
        self._set = dict(change.set)
        self._unset = list(change.unset)
        self._edits: list[tuple[Edit, Reducer]] = []
        for name in (*self._set, *self._unset):
            check_column(table, name)
        for edit in change.edits:
            check_path(table, edit.path, system=False)
            self._edits.append((edit, _reducer(table, edit)))

    def of(self, row: OpenRow) -> OpenRow:
        """Returns the row as it is afterwards."""
        new = row.changed(self._set, self._unset)
        for edit, reduce in self._edits:
            new.edit(edit.path, reduce, looks=edit.reducer != "set")
        return new


def _reducer(table: Table, edit: Edit) -> Reducer:
    """Returns the reducer of an edit. It refuses to look into an old value that is kept in chunks."""
    reduce = reducer(edit.reducer, given_value(edit.value, "an edit"))
    if edit.reducer == "set":
        return reduce

    def looking(old: Any) -> Any:
        output = old.get("output") if edit.reducer == "slots" and isinstance(old, dict) else None
        for value in (old, output, *(output if isinstance(output, list) else ())):  # their insides decide what is taken
            check_no_reference(table, value, edit.path)
        return reduce(old)

    return looking
