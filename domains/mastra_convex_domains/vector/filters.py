"""The filter of a query, checked before it is sent (docs/protocol.md, "Conditions")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mastra_convex.contract.arguments import json_object, moment
from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.times import to_iso

Filter = Mapping[str, Any]

_LISTS = ("$and", "$or", "$nor")


def filter_conditions(filter: Filter | None, name: str, *, operation: str) -> list[Condition]:
    """The condition that the metadata of a row satisfies the filter; none for an empty filter, which all rows satisfy.

    Raises ValidationError for an operator that is unknown or misplaced, and for operands that it does not take.
    """
    if filter is None:
        return []
    checked = json_object(with_iso_times(filter, name, operation=operation), name, operation=operation)
    members: dict[str, Any] = checked.value
    if not members:
        return []
    try:
        _check_record_filter(members, name)
        compile_filter(members)
    except ValidationError as error:
        raise ValidationError(
            error.message, operation=operation, status="INVALID_FILTER", details=error.details
        ) from error
    return [Condition(path=["metadata"], operator="match", value=checked.json)]


def with_iso_times(value: Any, name: str, *, operation: str) -> Any:
    """A value in which times are text, as TypeScript stores them, so that they compare in the order of time."""
    try:
        return _with_iso_times(value, name, operation)
    except RecursionError:
        raise TooLargeError(f"{name} is nested too deep", operation=operation) from None


def _with_iso_times(value: Any, name: str, operation: str) -> Any:
    if isinstance(value, datetime):
        return to_iso(moment(value, name, operation=operation))
    if isinstance(value, Mapping):
        return {key: _with_iso_times(item, f"{name}.{key}", operation) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_iso_times(item, f"{name}[{n}]", operation) for n, item in enumerate(value)]
    return value


def _check_record_filter(filter: Any, path: str) -> None:
    """Where the filter is about a whole record there are only fields and logical operators; the latter only there."""
    if not isinstance(filter, dict):
        raise ValidationError(f"{path} must be a mapping of fields")
    members: dict[str, Any] = filter
    for name, operand in members.items():
        where = f"{path}.{name}"
        if name in _LISTS:
            if not isinstance(operand, list):
                raise ValidationError(f"{where} takes an array")
            for n, item in enumerate(operand):
                _check_record_filter(item, f"{where}[{n}]")
        elif name == "$not":
            if not operand:
                raise ValidationError(f"{where} takes a filter that is not empty")
            _check_record_filter(operand, where)
        elif name.startswith("$"):
            raise ValidationError(f"{path}: {name} belongs to a field", details={"path": path, "operator": name})
        else:
            _check_field_filter(operand, where)


def _check_field_filter(given: Any, path: str) -> None:
    """Where the filter is about a field, lists of filters stand only inside of `$not` and `$elemMatch`, which take
    objects.
    """
    members: dict[str, Any] = given if isinstance(given, dict) else {}
    for name, operand in members.items():
        where = f"{path}.{name}"
        if name in _LISTS:
            problem = f"{path}: {name} belongs outside of a field"
            raise ValidationError(problem, details={"path": path, "operator": name})
        if name in ("$not", "$elemMatch"):
            if not isinstance(operand, dict) or (name == "$not" and not operand):
                raise ValidationError(f"{where} takes a filter", details={"path": path, "operator": name})
            inside: dict[str, Any] = operand
            _check_field_filter({key: value for key, value in inside.items() if key not in _LISTS}, where)
        elif not name.startswith("$"):
            _check_field_filter(operand, where)
