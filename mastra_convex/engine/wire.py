"""The JSON form of the protocol's types: written as they are, checked where they come from outside. Internal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import orjson
from pydantic import ConfigDict, TypeAdapter

T = TypeVar("T")

_HOLDING_MEMBERS = frozenset({"guards", "ops", "returning", "range", "change", "lower", "upper", "where", "edits"})
"""Members of requests that hold types of the protocol; all others hold values, in which null means null."""


def encode(value: Any) -> Any:
    """Turns one object into JSON values, as `default` of orjson.

    Optional members that are None are left out. Rows are dicts and stay as they are, which spares copying them.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: member
            for name, optional in _members(type(value))
            if (member := getattr(value, name)) is not None or not optional
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def to_bytes(value: Any) -> bytes:
    """Returns the JSON text of a value that holds types of the protocol."""
    return orjson.dumps(value, default=encode, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def decode_answer(kind: type[T], value: Any) -> T:
    """Makes an object of parsed JSON that a server answered. Members that are not known are ignored.

    Numbers may be floats where integers are meant, as Convex prints them. Raises pydantic.ValidationError.
    """
    wanted: Any = kind
    answers: list[T] = _adapter(wanted, "ignore").validate_python([value])
    return answers[0]


def decode_request(kind: type[T], value: Any) -> T:
    """Makes an object of parsed JSON that a client sent, as strictly as Convex checks arguments.

    Optional members may be null, which means that they are missing. Raises pydantic.ValidationError.
    """
    wanted: Any = kind
    text = orjson.dumps([_without_nulls(value)])
    requests: list[T] = _adapter(wanted, "forbid").validate_json(text, strict=True)
    return requests[0]


@cache
def _adapter(kind: Any, extra: Literal["ignore", "forbid"]) -> TypeAdapter[list[Any]]:
    """A list, as an adapter of a dataclass alone takes no settings."""
    several: Any = list.__class_getitem__(kind)
    return TypeAdapter(several, config=ConfigDict(extra=extra))


@cache
def _members(kind: type[Any]) -> tuple[tuple[str, bool], ...]:
    """The members of a type, each with whether it is optional."""
    return tuple(
        (each.name, each.default is not MISSING or each.default_factory is not MISSING) for each in fields(kind)
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = value
    return {
        name: _without_nulls(member) if name in _HOLDING_MEMBERS else member
        for name, member in members.items()
        if member is not None or name == "value"
    }
