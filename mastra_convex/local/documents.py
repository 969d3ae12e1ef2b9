"""A row as it lies in SQLite: its JSON, and each column of floats beside it as little-endian float32.

Such a column is read back as the exact values of the float32 numbers, as Python floats. Convex keeps doubles: whoever
wants equal answers of both rounds to float32 before writing.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import orjson

from mastra_convex.errors import FunctionError, TooLargeError, ValidationError
from mastra_convex.rows.explain import kind_of
from mastra_convex.rows.native import most_bytes
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.sizes import (
    MAX_DOCUMENT_BYTES,
    SURELY_SMALL_BYTES,
    SYSTEM_FIELDS_BYTES,
    check_document,
    is_stored_form,
)
from mastra_convex.rows.values import ESCAPED_KEYS, MAX_ARRAY_ELEMENTS, Row, clean_number, is_plain_key
from mastra_convex.tables import Field, Table

FLOAT_BYTES = 4
"""A number takes so many bytes in a column of floats."""
_CHARGED_BYTES = 9
"""Convex counts so many bytes for a number."""


class UnreadableError(Exception):
    """Says that a row cannot be read. The transaction knows its key, and raises DamagedRowError in its place."""

    def __init__(self, table: Table, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.table = table
        self.seq = seq


@final
@dataclass(slots=True, eq=False)
class Stored:
    """A row as it was read from SQLite or written to it."""

    seq: int
    doc: bytes
    vectors: tuple[tuple[str, bytes], ...] = ()
    opened: OpenRow | None = None

    @property
    def size(self) -> int:
        """Returns the bytes that budgets are charged with."""
        size = len(self.doc)
        return size + sum(charged(vector) for _, vector in self.vectors) if self.vectors else size

    def row(self, table: Table) -> Row:
        """Returns the row as reads return it, the reader's own; numbers of vectors as float32 has them.

        Raises UnreadableError for a row that is no JSON object, lacks its key, or has a vector that is none.
        """
        try:
            row: Row = orjson.loads(self.doc)
            for name, vector in self.vectors:
                row[name] = unpack(vector)
            row["_creationTime"] = self.seq
        except (ValueError, TypeError, struct.error) as error:
            raise UnreadableError(table, self.seq, self._problem()) from error
        for name in table.required_key:
            if name not in row:
                raise UnreadableError(table, self.seq, f"it has no {name!r}")
        return row

    def open(self, table: Table) -> OpenRow:
        """Returns the row for conditions, changes and paths, which all share it."""
        if self.opened is None:
            self.opened = OpenRow(table, self.row(table))
        return self.opened

    def _problem(self) -> str:
        """Says what is wrong with a row that could not be read."""
        try:
            row = orjson.loads(self.doc)
        except ValueError as error:
            return f"it is no JSON: {error}".split(": line", 1)[0]
        return "a vector of it is damaged" if isinstance(row, dict) else "it is no JSON object"

    def fingerprint(self) -> str:
        """Returns a text that is another one once the row was changed or replaced."""
        digest = hashlib.blake2b(self.doc, digest_size=16)
        for _, vector in self.vectors:
            digest.update(vector)
        return f"{self.seq:x}.{digest.hexdigest()}"


def charged(vector: bytes) -> int:
    return len(vector) // FLOAT_BYTES * _CHARGED_BYTES if isinstance(vector, bytes) else 0


def pack(values: Sequence[Any], column: str) -> bytes:
    """The float32 numbers nearest to the values. ValidationError for one that float32 does not hold."""
    try:
        packed = struct.pack(f"<{len(values)}f", *values)
    except (struct.error, OverflowError):
        packed = None
    if packed is None or not math.isfinite(sum(values)):
        raise ValidationError(f"{column} must have finite numbers of float32 only", details={"path": column})
    return packed


def unpack(vector: bytes) -> list[float]:
    """Returns the numbers of a stored vector. Raises ValueError where one is not finite."""
    values = struct.unpack(f"<{len(vector) // FLOAT_BYTES}f", vector)
    if not math.isfinite(sum(values)):
        raise ValueError("a number of a vector is not finite")
    return list(values)


_NUMBERS = {int, float}


def check_columns(table: Table, row: Row, names: Iterable[str], *, extra: bool = False) -> None:
    """Refuses values of the columns that Convex or the schema would refuse; the size of the whole is left to `dump`.

    Columns that are not declared are refused, too, unless `extra` is set.
    """
    fields = table.field_by_name
    containers: Row = {}
    for name in names:
        field = fields.get(name) or _extra(table, name, allowed=extra)
        value = row[name]
        if isinstance(value, str):
            if field.type not in ("string", "any"):
                raise _rejected(table, field)
        elif not _fits(field, value):
            raise _rejected(table, field)
        elif isinstance(value, dict | list) and not _is_vector(field, value):
            containers[name] = value
        elif isinstance(value, int | float):
            _check_value(value, name)
    if not all(map(is_stored_form, containers.values())):
        check_document(table.name, containers)
        for name, value in containers.items():
            _check_value(value, name)


def _extra(table: Table, name: str, *, allowed: bool) -> Field:
    """Returns a column that is not declared, which holds any value."""
    if not allowed or not is_plain_key(name) or name.startswith("_"):
        raise ValidationError(f"{table.name} has no column {name!r}")
    return Field(name, "any")


def check_complete(table: Table, row: Row) -> None:
    """Refuses a row that lacks a required column."""
    for field in table.fields:
        if not field.optional and field.name not in row:
            raise FunctionError(f"a row of {table.name} is missing the required field {field.name!r}", code="Rejected")


def dump(table: Table, floats: Sequence[str], row: Row) -> tuple[bytes, list[bytes | None]]:
    """Returns the row as JSON, and its vectors; TooLargeError when it is beyond Convex's limit for documents."""
    vectors: list[bytes | None] = []
    rest = row
    for name in floats:
        if isinstance(row.get(name), list):
            vectors.append(pack(row[name], name))
            rest = {key: value for key, value in rest.items() if key != name}
        else:
            vectors.append(None)
    try:
        doc = orjson.dumps(rest)
    except TypeError as error:  # a lone surrogate, or a type that JSON lacks
        raise ValidationError(f"a row of {table.name} is not JSON: {error}") from error
    size = len(doc) + sum(map(charged, filter(None, vectors)))
    if size > SURELY_SMALL_BYTES and size - len(doc) + most_bytes(doc) > MAX_DOCUMENT_BYTES - SYSTEM_FIELDS_BYTES:
        check_document(table.name, row)
    return doc, vectors


def _rejected(table: Table, field: Field) -> FunctionError:
    kind = field.type + (" or null" if field.nullable else "")
    return FunctionError(f"{table.name}.{field.name} does not match its validator: {kind}", code="Rejected")


def _fits(field: Field, value: Any) -> bool:
    """Tells whether a value that is no text is of the column's type."""
    if value is None:
        return field.nullable or field.type == "any"
    if field.type == "any":
        return True
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "number":
        return _is_number(value)
    if not isinstance(value, list):
        return False
    items: list[Any] = value
    if field.type == "strings":
        return all(isinstance(item, str) for item in items)
    return field.type == "floats" and (set(map(type, items)) <= _NUMBERS or all(map(_is_number, items)))


def _is_vector(field: Field, value: Sequence[Any] | Row) -> bool:
    """Tells whether a value is a vector, whose numbers `pack` checks."""
    return field.type == "floats" and len(value) <= MAX_ARRAY_ELEMENTS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_value(value: Any, path: str) -> None:
    """Keys and numbers at every level of a stored value, whose nesting was checked before."""
    if isinstance(value, dict):
        members: dict[Any, Any] = value
        for key in members:
            if not isinstance(key, str) or not (is_plain_key(key) or key == ESCAPED_KEYS):
                raise ValidationError(f"{path} has a key that Convex refuses: {key!r}", details={"path": path})
        _check_items(members.values(), path)
    elif isinstance(value, list):
        _check_items(value, path)
    elif isinstance(value, int | float):
        clean_number(value, path)
    elif value is not None:
        raise ValidationError(f"{path} must be a JSON value, not {kind_of(value)}", details={"path": path})


def _check_items(items: Iterable[Any], path: str) -> None:
    for item in items:
        if not isinstance(item, str):
            _check_value(item, path)


def check_commit_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(
            f"the rows of a commit take {size} bytes; one commit takes at most {limit}",
            details={"size": size, "limit": limit},
        )
