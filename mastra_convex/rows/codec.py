"""Rows of declared tables, between Python values and what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mastra_convex.errors import ConfigurationError, ValidationError, damaged_row
from mastra_convex.rows.explain import AS_JSON, kind_of
from mastra_convex.rows.native import Checked
from mastra_convex.rows.sizes import check_document
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import (
    Row,
    carry,
    check_indexed,
    checked,
    clean,
    clean_floats,
    clean_number,
    clean_text,
    escape_keys,
    from_json,
    plain_numbers,
    restored,
)
from mastra_convex.tables import Field, Table

_SYSTEM_FIELDS = ("_id", "_creationTime")
"""Columns that Convex adds to each row."""


def encode_row(
    table: Table, values: Mapping[str, Any], *, carrying: Mapping[str, Mapping[str, Any]] | None = None
) -> Row:
    """The stored form of a whole row.

    A JSON value may be given as `Checked`, which is not checked again. None in an optional column means that the column
    is missing. `carrying` has values without a column of their own, None where there is none, by the raw-object column
    that carries them; read them with `values.carried`. Raises ValidationError or TooLargeError, naming the column, for
    values that the column or Convex would refuse.
    """
    row = encode_columns(table, values)
    for name, members in (carrying or {}).items():
        row[name] = carry(row[name], {member: clean(value, member) for member, value in members.items()}, name)
    for name in table.required:
        if name not in row:
            raise ValidationError(f"{table.name}.{name} is required")
    check_document(table.name, row, apart=table.large_names)
    return row


def encode_columns(table: Table, values: Mapping[str, Any]) -> Row:
    """The stored form of some columns, as for the `set` of a change.

    None in an optional column is left out; in a required column of JSON text it is the text `null`.
    """
    row: Row = {}
    for name, value in values.items():
        field = table.field_by_name.get(name)
        if field is None:
            raise ConfigurationError(f"{table.name} has no column {name!r}")
        if type(value) is str and field.type == "string" and not field.json and value.isascii():  # most values
            row[name] = value
        elif value is not None or (field.json and not field.optional):
            row[name] = _encode(field, value, name)
            if table.indexed_members:
                check_indexed(row[name], table.indexed_members, name)
        elif field.nullable:
            row[name] = None
    return row


def decode_row(table: Table, row: Row) -> dict[str, Any]:
    """The Python values of a stored row, without Convex's own fields. Columns that we do not declare are kept.

    The row is used up: values are taken over and changed in place.
    """
    values = row.copy()
    for name in _SYSTEM_FIELDS:
        values.pop(name, None)
    for field in table.coded_fields:
        if field.name in values:
            values[field.name] = _decode(field, values[field.name])
    if not values.keys() <= table.field_by_name.keys():
        for name in values.keys() - table.field_by_name.keys():
            values[name] = plain_numbers(values[name])
    return values


def text_column(table: Table, row: Row, name: str) -> str:
    """Returns the text in a column of a stored row; DamagedRowError where it has none."""
    value = row.get(name)
    if type(value) is not str:
        raise damaged_row(table.name, table.key_of(row), f"{name} is no text")
    return value


def _encode(field: Field, value: Any, path: str) -> Any:
    if field.json:
        return (value if isinstance(value, Checked) else checked(value, path)).json
    if field.type == "string":
        if isinstance(value, str):
            return clean_text(value, path)
        if isinstance(value, datetime):
            return to_iso(value)
    if field.type == "any":
        given = value if isinstance(value, Checked) else checked(value, path)
        return escape_keys(given.value, path, text=given.text)
    if field.type == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return clean_number(value, path)
    if field.type == "boolean" and isinstance(value, bool):
        return value
    if field.type == "floats" and isinstance(value, list):
        return clean_floats(value, path)
    if field.type == "strings" and isinstance(value, list):
        return clean(value, path)
    raise ValidationError(f"{path} must be of type {field.type}, not {kind_of(value)}; {AS_JSON}(...) may make one")


def _decode(field: Field, value: Any) -> Any:
    if field.json and isinstance(value, str):
        try:
            return from_json(value)
        except ValueError:
            return value
    return restored(value) if field.json or field.type == "any" else plain_numbers(value)
