"""Checks of plain arguments that several methods share."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from mastra_convex.errors import MetadataFilterError, TooLargeError, ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.explain import A_TIME, AS_JSON, kind_of, one_of, shown
from mastra_convex.rows.native import Checked
from mastra_convex.rows.times import to_milliseconds
from mastra_convex.rows.values import MAX_SAFE_INTEGER, as_integer, as_number, checked, clean_text, to_json

_METADATA_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_RESERVED_KEYS = ("__proto__", "prototype", "constructor")


def string(value: object, name: str, *, operation: str) -> str:
    """`value` when it is text, which may be empty; ValidationError naming the parameter otherwise."""
    if not isinstance(value, str):
        raise ValidationError(f"{name} must be a string, not {kind_of(value)}", operation=operation)
    return clean_text(value, name)


def text(value: object, name: str, *, operation: str) -> str:
    """`value` when it is text that is not blank; ValidationError naming the parameter otherwise."""
    if not isinstance(value, str) or not value.strip():
        status = f"INVALID_{name.partition('[')[0]}"
        given = shown(value) if isinstance(value, str) else f"{kind_of(value)}; str(...) may make one"
        raise ValidationError(f"{name} must be a non-empty string, not {given}", operation=operation, status=status)
    return clean_text(value, name)


def texts(values: object, name: str, *, operation: str) -> list[str]:
    """A list of `text`, without repeats; ValidationError for a single string in its place."""
    given = items(values, name, operation=operation)
    return list(dict.fromkeys(text(item, f"{name}[{n}]", operation=operation) for n, item in enumerate(given)))


def items(values: object, name: str, *, operation: str, status: str | None = None) -> list[Any]:
    """`values` as a list; ValidationError for a single value in its place, as a string, a mapping or a record."""
    is_single = isinstance(values, str | bytes | Mapping | BaseModel) or getattr(values, "ndim", 1) == 0
    if is_single or not isinstance(values, Iterable):
        fix = "" if values is None else f"; put a single one into a list: {name}=[...]"
        message = f"{name} must be a list, not {kind_of(values)}{fix}"
        raise ValidationError(message, operation=operation, status=status)
    return list(values)


def choice(value: object, name: str, allowed: Collection[str], *, operation: str, status: str | None = None) -> str:
    """`value` when it is one of the `allowed` texts; ValidationError that lists them otherwise."""
    if not isinstance(value, str) or value not in allowed:
        raise ValidationError(f"{name} {one_of(value, allowed)}", operation=operation, status=status)
    return value


def json_object(value: object, name: str, *, operation: str) -> Checked:
    """`value` as a dict of JSON values, with its JSON text; ValidationError naming the parameter otherwise."""
    if not isinstance(value, Mapping):
        message = f"{name} must be a mapping, not {kind_of(value)}; {AS_JSON}(...) makes one of an object with members"
        raise ValidationError(message, operation=operation)
    return checked(value if type(value) is dict else dict(value), name)


def mapping(value: object, name: str, *, operation: str) -> dict[str, Any]:
    """The value of `json_object`."""
    members: dict[str, Any] = json_object(value, name, operation=operation).value
    return members


def moment(value: object, name: str, *, operation: str) -> datetime:
    """`value`, a datetime or ISO text, in UTC, cut to milliseconds; ValidationError unless it has a time zone."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        time = None
    if not isinstance(time, datetime) or time.utcoffset() is None:
        message = f"{name} must be {A_TIME}, or ISO text with one, not {shown(value)}"
        raise ValidationError(message, operation=operation)
    try:
        return to_milliseconds(time)
    except ValueError as error:
        raise ValidationError(f"{name} {error}", operation=operation) from error


def integer(
    value: object,
    name: str,
    *,
    operation: str,
    least: int | None = 1,
    most: int | None = MAX_SAFE_INTEGER,
    status: str | None = None,
) -> int:
    """`value` as an int; ValidationError unless it is an integer, also numpy's, in these bounds."""
    found = as_integer(value)
    if found is None or (least is not None and found < least) or (most is not None and found > most):
        wanted = "an integer" if least is None else f">= {least}, an integer"
        if least is not None and most not in (None, MAX_SAFE_INTEGER):
            wanted = f"an integer from {least} to {most}"
        raise ValidationError(f"{name} must be {wanted}, not {shown(value)}", operation=operation, status=status)
    return found


def number(value: object, name: str, *, operation: str, status: str | None = None) -> float:
    """`value` when it is a finite number, also numpy's, and no boolean; ValidationError otherwise."""
    found = as_number(value)
    if found is None:
        message = f"{name} must be a finite number, not {shown(value)}"
        raise ValidationError(message, operation=operation, status=status)
    return found


def check_batch_size(batch_size: object, *, operation: str) -> int:
    """`batch_size` when it is a positive integer; ValidationError otherwise."""
    return integer(batch_size, "batch_size", operation=operation)


def equals(path: Sequence[str], value: Any) -> Condition:
    """The condition that a path has this JSON value."""
    return Condition(path=path, operator="eq", value=checked(value, path[-1]).json)


def metadata_conditions(
    metadata: Mapping[str, Any] | None, path: Sequence[str], *, operation: str, scalars: bool = False
) -> list[Condition]:
    """One equality for each pair of a metadata filter (docs/contract.md, "Metadata filters"); `scalars` refuses other
    values. Raises MetadataFilterError for what is no such filter.
    """
    if metadata is None:
        return []
    try:
        pairs = mapping(metadata, "metadata", operation=operation)
    except TooLargeError:
        raise
    except ValidationError as error:
        raise MetadataFilterError(error.message, operation=operation) from error
    wrong = [key for key in pairs if not _METADATA_KEY.fullmatch(key) or key in _RESERVED_KEYS]
    if wrong:
        raise MetadataFilterError(
            f"metadata has a key that filters do not take: {wrong[0]!r}; a key is a letter or _, followed by letters, "
            f"digits and _ (ASCII), at most 128 characters, and none of {', '.join(_RESERVED_KEYS)} "
            "(Mastra: Invalid metadata key)",
            operation=operation,
            status="INVALID_METADATA_KEY",
            details={"metadataKeys": ",".join(wrong)},
        )
    for key, value in pairs.items():
        if scalars and isinstance(value, dict | list):
            problem = f"metadata.{key} must be a string, number, boolean or None, not {kind_of(value)}"
            raise MetadataFilterError(problem, operation=operation)
    return [Condition(path=[*path, key], operator="eq", value=to_json(value)) for key, value in pairs.items()]
