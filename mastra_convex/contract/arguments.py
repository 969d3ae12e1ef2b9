"""Checks of plain arguments that several methods share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mastra_convex.errors import MetadataFilterError, TooLargeError, ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.native import Checked
from mastra_convex.rows.times import to_milliseconds
from mastra_convex.rows.values import MAX_SAFE_INTEGER, checked, clean_text, to_json

_METADATA_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_RESERVED_KEYS = ("__proto__", "prototype", "constructor")


def string(value: object, name: str, *, operation: str) -> str:
    """`value` when it is text, which may be empty; ValidationError naming the parameter otherwise."""
    if not isinstance(value, str):
        raise ValidationError(f"{name} must be a string", operation=operation)
    return clean_text(value, name)


def text(value: object, name: str, *, operation: str) -> str:
    """`value` when it is text that is not blank; ValidationError naming the parameter otherwise."""
    if not isinstance(value, str) or not value.strip():
        status = f"INVALID_{name.partition('[')[0]}"
        raise ValidationError(f"{name} must be a non-empty string", operation=operation, status=status)
    return clean_text(value, name)


def texts(values: object, name: str, *, operation: str) -> list[str]:
    """A list of `text`, without repeats; ValidationError for a single string in its place."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValidationError(f"{name} must be a list of strings", operation=operation)
    given: Sequence[object] = values
    return list(dict.fromkeys(text(item, f"{name}[{n}]", operation=operation) for n, item in enumerate(given)))


def items(values: object, name: str, *, operation: str) -> list[Any]:
    """`values` as a list; ValidationError for a single string or mapping in its place."""
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise ValidationError(f"{name} must be a list", operation=operation)
    return list(values)


def json_object(value: object, name: str, *, operation: str) -> Checked:
    """`value` as a dict of JSON values, with its JSON text; ValidationError naming the parameter otherwise."""
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name} must be a mapping, not {type(value).__name__}", operation=operation)
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
        message = f"{name} must be a datetime with a time zone, as datetime.now(UTC) has one, or ISO text with one"
        raise ValidationError(message, operation=operation)
    try:
        return to_milliseconds(time)
    except ValueError as error:
        raise ValidationError(f"{name} {error}", operation=operation) from error


def check_batch_size(batch_size: object, *, operation: str) -> int:
    """`batch_size` when it is a positive integer; ValidationError otherwise."""
    if type(batch_size) is not int or not 1 <= batch_size <= MAX_SAFE_INTEGER:
        raise ValidationError("batch_size must be >= 1", operation=operation)
    return batch_size


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
            f"metadata has a key that filters do not take: {wrong[0]!r}; a key is a letter or _, followed by letters,"
            f" digits and _ (ASCII), at most 128 characters, and none of {', '.join(_RESERVED_KEYS)}",
            operation=operation,
            status="INVALID_METADATA_KEY",
            details={"metadataKeys": ",".join(wrong)},
        )
    for key, value in pairs.items():
        if scalars and isinstance(value, dict | list):
            message = f"metadata.{key} must be a string, number, boolean or None, not {type(value).__name__}"
            raise MetadataFilterError(message, operation=operation)
    return [Condition(path=[*path, key], operator="eq", value=to_json(value)) for key, value in pairs.items()]
