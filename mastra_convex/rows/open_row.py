"""One row that conditions, edits and reads share, so that no text in it is parsed or printed twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from mastra_convex.rows.at_once import check_at_once
from mastra_convex.rows.filters import array_index
from mastra_convex.rows.large_values import may_refer
from mastra_convex.rows.paths import MISSING, Path, changed_inside, check_members, check_no_reference
from mastra_convex.rows.reducers import Reducer
from mastra_convex.rows.values import (
    ESCAPED_KEYS,
    Row,
    check_indexed,
    escape_keys,
    from_json,
    plain_numbers,
    to_json,
    unescape_keys,
)
from mastra_convex.tables import Field, Table


class OpenRow:
    """A row whose JSON texts are parsed at first use, and printed once for all edits.

    Values that `get` returns are shared with later calls: they must not be changed. An edit copies what it changes.
    """

    __slots__ = ("_edited", "_parsed", "_printed", "_row", "_table")

    def __init__(self, table: Table, row: Row) -> None:
        self._table: Final = table
        self._row = row
        self._edited: dict[str, Any] = {}  # columns whose new values are not in the row yet
        self._parsed: dict[str, Any] = {}  # the values of JSON texts
        self._printed: dict[str, str] = {}  # JSON texts of the row, as `to_json` prints their values

    def get(self, path: Path, *, visible: bool = False) -> Any:
        """Returns the value at a checked path, `MISSING` if there is none.

        With `visible`, raises LargeValueError where it is inside a value that is kept in chunks.
        """
        column = path[0]
        escaped = column not in self._edited  # members of a stored raw value may be under the reserved key
        value = self._row.get(column, MISSING) if escaped else self._edited[column]
        if visible and escaped:
            check_members(self._table, value, path)
        if len(path) == 1 and escaped and isinstance(value, str) and self._is_json(column):
            return self._parse_once(value)
        for key in path[1:]:
            if isinstance(value, str):
                value, escaped = self._parse_deeply(value), False
            if visible:
                check_no_reference(self._table, value, path)
            if isinstance(value, dict):
                value, escaped = self._member(value, key, escaped)
            elif isinstance(value, list):
                index = array_index(key)
                value = value[index] if 0 <= index < len(value) else MISSING
            else:
                return MISSING
        return unescape_keys(value) if escaped and isinstance(value, dict | list) else value

    def text(self, path: Path) -> str | None:
        """Returns the JSON text of the value at a checked path, None if there is none.

        Raises LargeValueError where it is inside a value that is kept in chunks.
        """
        column = path[0]
        keys = path[1:]
        stored = self._row.get(column)
        if isinstance(stored, str) and column not in self._edited and not may_refer(stored):
            if not keys:
                if not self._is_json(column):
                    return to_json(stored)
            elif not (self._parsed and stored in self._parsed) and (found := _inside(stored, keys)) is not None:
                return to_json(found if type(found) is str else plain_numbers(found))
        if not keys and self._is_json(column):
            stored = self.close().get(column)
            if isinstance(stored, str):
                if stored not in self._printed:
                    self._printed[stored] = to_json(self._parse_once(stored))
                return self._printed[stored]
        value = self.get(path, visible=True)
        return None if value is MISSING else to_json(value)

    def texts(self, paths: Sequence[Path]) -> list[str | None]:
        """Returns the `text` of each path."""
        return [self.text(path) for path in paths]

    def changed(self, columns: Row, unset: Sequence[str]) -> OpenRow:
        """Returns a copy with these columns replaced and those removed; what was parsed and printed is shared."""
        row = {**self._row, **columns}
        for name in unset:
            row.pop(name, None)
        new = OpenRow(self._table, row)
        new._edited = {name: value for name, value in self._edited.items() if name not in (*columns, *unset)}
        new._parsed, new._printed = self._parsed, self._printed
        return new

    def edit(self, path: Path, reduce: Reducer, *, looks: bool) -> None:
        """Changes the value at a checked path; `looks` tells whether the new value depends on the old one.

        Raises ValidationError where the path cannot go on, LargeValueError where it leads into a value that is kept in
        chunks.
        """
        column, *keys = path
        field = self._table.field_by_name[column]
        if (looks or keys) and column not in self._edited:
            check_members(self._table, self._row.get(column, MISSING), path)
        value = changed_inside(self._table, self._editable(field, goes_on=bool(keys)), keys, reduce, path)
        if field.json or field.type == "any":
            self._edited[column] = value
        else:
            self._row = {**self._row, column: to_json(value) if field.type == "string" and keys else value}

    def close(self) -> Row:
        """Returns the row as it is stored. Prints the columns that were edited since the last time."""
        if self._edited:
            printed = {name: self._stored(name, value) for name, value in self._edited.items()}
            self._row = {**self._row, **printed}
            self._edited = {}
        return self._row

    def _editable(self, field: Field, *, goes_on: bool) -> Any:
        """Returns the value that an edit begins with. A raw column of an older row may hold an object as JSON text."""
        if field.name in self._edited:
            value = self._edited[field.name]
        else:
            value = self._row.get(field.name, MISSING)
            if isinstance(value, dict | list):
                value = plain_numbers(unescape_keys(value)) if field.json else unescape_keys(value)
            elif isinstance(value, str) and field.json:
                value = self._parse_once(value)
        if not isinstance(value, str):
            return value
        if field.type == "any" and not field.json:
            found = self._parse_deeply(value)
            return found if isinstance(found, dict) else value
        return self._parse_deeply(value) if goes_on else value

    def _stored(self, column: str, value: Any) -> Any:
        """Returns the form in which an edited column is stored."""
        if not self._is_json(column):
            stored = escape_keys(value)
            check_indexed(stored, self._table.indexed_members, column)
            return stored
        text = to_json(value)
        self._parsed[text] = value
        self._printed[text] = text
        return text

    def _is_json(self, column: str) -> bool:
        field = self._table.field_by_name.get(column)
        return field is not None and field.json

    def _member(self, value: dict[str, Any], key: str, escaped: bool) -> tuple[Any, bool]:
        """Returns the member of an object, and whether its own members may be under the reserved key."""
        text = value.get(ESCAPED_KEYS) if escaped else None
        members = self._parse_once(text) if isinstance(text, str) else None
        if not isinstance(members, dict):
            return value.get(key, MISSING), escaped
        if key in members:
            return members[key], False
        return (MISSING if key == ESCAPED_KEYS else value.get(key, MISSING)), escaped

    def _parse_once(self, text: str) -> Any:
        """Returns the value of JSON text; text that is none is itself."""
        if text not in self._parsed:
            try:
                self._parsed[text] = from_json(text)
            except ValueError:
                self._parsed[text] = text
        return self._parsed[text]

    def _parse_deeply(self, text: str) -> Any:
        """Returns the value of JSON text, of JSON text of JSON text and so on."""
        value = self._parse_once(text)
        while isinstance(value, str) and value != text:
            text, value = value, self._parse_once(value)
        return value


def _inside(text: str, keys: Sequence[str]) -> Any:
    """Returns the value inside JSON text, where objects alone lead to it; None where another way may lead to one.

    Nothing of the text is kept, nor are its other numbers looked at: this is for rows of which little is read.
    """
    check_at_once(len(text))
    try:
        value = orjson.loads(text)
    except ValueError:
        return None
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
