"""The rows that can satisfy the conditions of a search, as far as the indexes of the table tell.

They are never too few: every row found is held against all conditions afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mastra_convex.local.scan import Plan, Stretch
from mastra_convex.local.schema import Layout, Session, Span
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.keys import ARRAY_KEY, MISSING_KEY, encode_key
from mastra_convex.tables import Index

_MAX_ROWS = 4_000
"""An index that finds so many rows is of no use: to look at the best rows one after the other finds enough as
soon.
"""


def possible_rows(session: Session, walk: Plan, where: Sequence[Condition]) -> set[int] | None:
    """Returns the rows under the prefix of `walk` that can satisfy the conditions; None when no index finds few."""
    rows: set[int] | None = None
    (((span, parameters),),) = walk.tracks
    prefix = parameters[: span.equal]
    for field, value in _equalities(where):
        index, fixed = _index_of(walk.layout, walk.index.fields[: span.equal], field)
        if index is None:
            continue
        found = _rows_with(session, walk.layout, index, prefix[:fixed], encode_key(value))
        if found is not None:
            rows = found if rows is None else rows & found
    return rows


def _equalities(where: Sequence[Condition]) -> Iterator[tuple[str, Any]]:
    """Finds the fields that must equal a text, number or boolean, or be an array that has it, each with that value."""
    for condition in where:
        value = json.loads(condition.value)
        if any("." in name for name in condition.path):
            continue  # the name of an index field would mean something else
        if condition.operator == "eq" and _is_scalar(value):
            yield ".".join(condition.path), value
        elif condition.operator == "match":
            yield from _equalities_of_filter(condition.path, value)


def _equalities_of_filter(path: Sequence[str], given: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(given, dict):
        return
    members: dict[str, Any] = given
    for name, operand in members.items():
        if name == "$and":
            for each in operand:
                yield from _equalities_of_filter(path, each)
        elif not name.startswith("$") and "." not in name:  # which may be one key, or several
            value = operand.get("$eq") if isinstance(operand, dict) else operand
            if _is_scalar(value):
                yield ".".join([*path, name]), value


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _index_of(layout: Layout, prefix: Sequence[str], field: str) -> tuple[Index | None, int]:
    """Finds an index over the field, after the prefix or after nothing, and how much of the prefix it has."""
    column = layout.table.field_by_name.get(field)
    if column is None or not column.json:  # JSON text is compared by its value
        for fields in ((*prefix, field), (field,)):
            for index in layout.table.indexes:
                if index.fields[: len(fields)] == fields:
                    return index, len(fields) - 1
    return None, 0


def _rows_with(
    session: Session, layout: Layout, index: Index, prefix: Sequence[bytes | int], key: bytes
) -> set[int] | None:
    """Returns the rows whose field has the key, is an array, which may have it inside, or is missing: then the path may
    lead through JSON text. None when they are not few.
    """
    equal = Span(len(prefix) + 1)
    stretches: list[Stretch] = [(equal, (*prefix, key)), (equal, (*prefix, MISSING_KEY))]
    stretches.append((Span(len(prefix), lower=">="), (*prefix, ARRAY_KEY)))
    rows: set[int] = set()
    for span, parameters in stretches:
        query = layout.select(index, span, False, "_seq")
        rows.update(seq for (seq,) in session.connection.execute(query, (*parameters, _MAX_ROWS, 0)))
        if len(rows) >= _MAX_ROWS:
            return None
    return rows
