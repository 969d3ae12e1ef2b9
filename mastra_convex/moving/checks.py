"""Checks rows of a file before the first of them is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mastra_convex.errors import ValidationError
from mastra_convex.rows.explain import shown
from mastra_convex.rows.values import Row, as_number
from mastra_convex.tables import Table

_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: as_number(value) is not None,
    "boolean": lambda value: isinstance(value, bool),
    "strings": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "floats": lambda value: isinstance(value, list) and all(as_number(item) is not None for item in value),
    "any": lambda value: True,
}


def check_row(table: Table, row: Row) -> None:
    """Raises ValidationError for a row that lacks a required column, or has a value of another type in one."""
    for field in table.fields:
        if field.name not in row:
            if not field.optional:
                raise ValidationError(f"a row of {table.name} lacks the column {field.name!r}: {shown(row)}")
            continue
        value = row[field.name]
        if not (_FITS[field.type](value) or (value is None and field.nullable)):
            kind = f"{field.type} or null" if field.nullable else field.type
            raise ValidationError(f"{table.name}.{field.name} is a {kind}, not {shown(value)}")
