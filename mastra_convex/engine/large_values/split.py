"""Making a row small: its largest parts are replaced by references, the rest stays where filters and edits find it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mastra_convex.engine.large_values.chunks import MAX_LARGE_BYTES, packed
from mastra_convex.errors import TooLargeError
from mastra_convex.rows.large_values import MARK, Reference, may_refer, owner_of, reference
from mastra_convex.rows.native import MAX_JSON_NESTING, most_bytes
from mastra_convex.rows.sizes import (
    MAX_DOCUMENT_BYTES,
    SURELY_SMALL_BYTES,
    SYSTEM_FIELDS_BYTES,
    check_document,
    document_size,
    value_size,
)
from mastra_convex.rows.values import Row
from mastra_convex.tables import Field, Table

_TARGET: Final = MAX_DOCUMENT_BYTES // 2
"""A row that was too large is cut down to so many bytes, so that it can grow for a while."""

_LEAST: Final = 16 << 10
"""Parts smaller than this are not kept apart. Where many of them are too much, what holds them is."""

_RAW_DEPTH: Final = 1
"""References in a raw column are the column itself or members of it, so that they are found without a search."""

Swap = Callable[[Reference, Any], Any]


@dataclass(frozen=True)
class LargeValue:
    """A value that a row refers to, and the row's name."""

    reference: Reference
    owner: str
    chunks: Sequence[str]


def is_surely_small(rows: Sequence[Row]) -> bool:
    """Tells by their JSON text alone that rows are small and hold nothing that looks like a reference."""
    text = orjson.dumps(rows)
    is_small = len(text) < SURELY_SMALL_BYTES or most_bytes(text) <= MAX_DOCUMENT_BYTES - SYSTEM_FIELDS_BYTES
    return is_small and MARK.encode() not in text


def shrunk(table: Table, row: Row) -> tuple[Row, list[LargeValue]]:
    """The row as it is stored, and what is kept in chunks of it.

    A row within 1 MiB stays as it is, but for values that look like references: they are kept in chunks, so that what
    stands for something else is always ours. Raises TooLargeError for a row whose other columns are too large, and for
    a value of more than 128 MiB.
    """
    columns = [field for field in table.large_columns if field.name in row]
    limits: Mapping[str, float] = {}
    if document_size(row) > MAX_DOCUMENT_BYTES:
        sizes = {field.name: _measure(field)(row[field.name]) for field in columns}
        rest = value_size({name: value for name, value in row.items() if name not in sizes})
        level = _level(list(sizes.values()), _TARGET - rest)
        limits = {name: max(level, 0) for name, size in sizes.items() if size > level}
    shrinker = _Shrinker(table, row)
    small = {**row, **{field.name: shrinker.column(field, limits.get(field.name)) for field in columns}}
    check_document(table.name, small)
    return small, shrinker.spilled


class _Shrinker:
    def __init__(self, table: Table, row: Row) -> None:
        self._owner = owner_of(table.name, table.key_of(row))
        self._table = table
        self._row = row
        self.spilled: list[LargeValue] = []

    def column(self, field: Field, limit: float | None) -> Any:
        value, path = self._row[field.name], f"{self._table.name}.{field.name}"
        if limit is None and not _references_in_column(field, value):
            return value
        bound = float("inf") if limit is None else limit
        if isinstance(value, str) and not field.json:
            return self._shrink(value, bound, 0, _text_size, path)
        if isinstance(value, str):
            opened = _opened(value)
            return orjson.dumps(self._shrink(opened, bound, MAX_JSON_NESTING, _json_size, path)).decode()
        return self._shrink(value, bound, _RAW_DEPTH, value_size, path)

    def _shrink(self, value: Any, limit: float, depth: int, measure: Callable[[Any], int], path: str) -> Any:
        if reference(value) is not None:
            return self._spill(value, path)
        if measure(value) <= limit and not may_refer(orjson.dumps(value).decode()):
            return value
        if depth == 0 or not isinstance(value, dict | list):
            return value if measure(value) <= limit else self._spill(value, path)
        parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        sizes = [measure(part) for _, part in parts]
        level = _level(sizes, limit - (measure(value) - sum(sizes)))
        if level < _LEAST:
            return self._spill(value, path)
        small = [(name, self._shrink(part, level, depth - 1, measure, f"{path}.{name}")) for name, part in parts]
        whole = dict(small) if isinstance(value, dict) else [part for _, part in small]
        if reference(whole) is None:
            return whole
        self.spilled.pop()  # what was its only part: with a reference to that, it would be taken for the part itself
        return self._spill(value, path)

    def _spill(self, value: Any, path: str) -> Any:
        text = orjson.dumps(value)
        if len(text) > MAX_LARGE_BYTES:
            raise TooLargeError(
                f"{path} takes {len(text)} bytes; at most {MAX_LARGE_BYTES} (128 MiB) can be stored",
                details={"path": path, "size": len(text), "limit": MAX_LARGE_BYTES},
            )
        chunks = packed(text)
        kept = Reference(uuid.uuid4().hex, len(chunks), len(text))
        self.spilled.append(LargeValue(kept, self._owner, chunks))
        return kept.in_place_of(value)


def references(table: Table, row: Row) -> list[Reference]:
    """The references in a row."""
    return [kept for field in table.large_columns for kept in _references_in_column(field, row.get(field.name))]


def references_in(text: str) -> list[Reference]:
    """The references in the JSON text of a value; text that is none has itself as its value."""
    found: list[Reference] = []
    if may_refer(text):
        _swapped(_opened(text), MAX_JSON_NESTING, lambda kept, value: found.append(kept))
    return found


def put_back(table: Table, row: Row, values: Mapping[str, Any]) -> Row:
    """The row with values, by their generations, in place of the references to them."""
    whole = dict(row)
    for field in table.large_columns:
        value = row.get(field.name)
        if isinstance(value, str) and field.json:
            whole[field.name] = put_back_in(value, values)
        elif value is not None:
            whole[field.name] = _swapped(value, _RAW_DEPTH, lambda kept, old: values.get(kept.generation, old))
    return whole


def put_back_in(text: str, values: Mapping[str, Any]) -> str:
    """The JSON text of a value with values in place of the references to them."""
    if not may_refer(text):
        return text
    whole = _swapped(_opened(text), MAX_JSON_NESTING, lambda kept, old: values.get(kept.generation, old))
    return orjson.dumps(whole).decode()


def _swapped(value: Any, depth: int, swap: Swap) -> Any:
    """The value with what `swap` makes of each reference."""
    kept = reference(value)
    if kept is not None:
        return swap(kept, value)
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {name: _swapped(part, depth - 1, swap) for name, part in value.items()}
    return [_swapped(part, depth - 1, swap) for part in value] if isinstance(value, list) else value


def _references_in_column(field: Field, value: Any) -> list[Reference]:
    if isinstance(value, str) and field.json:
        return references_in(value)
    found: list[Reference] = []
    _swapped(value, _RAW_DEPTH, lambda kept, old: found.append(kept))
    return found


def _opened(text: str) -> Any:
    """The value of JSON text; text that is none is itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _level(sizes: Sequence[int], room: float) -> float:
    """The largest size that parts may keep so that all fit into the room; infinity where they do as they are."""
    left = room
    for n, size in enumerate(sorted(sizes)):
        share = left / (len(sizes) - n)
        if size > share:
            return share
        left -= size
    return float("inf")


def _measure(field: Field) -> Callable[[Any], int]:
    return value_size if field.type == "any" and not field.json else _text_size


def _text_size(value: Any) -> int:
    return len(value.encode()) if isinstance(value, str) else _json_size(value)


def _json_size(value: Any) -> int:
    return len(orjson.dumps(value))
