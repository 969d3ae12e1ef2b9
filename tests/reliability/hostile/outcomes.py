"""What a call came to, in a form that tells every difference: `True` from `1`, one class of error from another."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from mastra_convex import MastraConvexError
from tests.reliability.hostile.strategies import SAFE

NOW = "(now)"
"""What stands for a time that the call itself took."""

_LEASE = timedelta(hours=1)
_BEGAN = datetime.now(UTC).replace(microsecond=0)
_ISO = re.compile(r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def outcome(call: Awaitable[Any]) -> Any:
    """What the call answers, `plain`, or the class of error that it raises. Only ours are caught."""
    try:
        return plain(await call)
    except MastraConvexError as error:
        return type(error)


def plain(value: Any) -> Any:
    """Records as dicts, times of now as NOW, integral floats as ints, tuples as lists."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str) and _ISO.fullmatch(value) and _is_now(datetime.fromisoformat(value)):
        return NOW
    if isinstance(value, datetime) and value.tzinfo is not None and _is_now(value):
        return NOW
    if type(value) is int and _is_now_in_milliseconds(value):
        return NOW
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE:
        return int(value)
    return value


def _is_now(value: datetime) -> bool:
    """Tells a time that the call took, or the end of a lease that it gave."""
    return _BEGAN <= value <= datetime.now(UTC) + _LEASE


def _is_now_in_milliseconds(value: int) -> bool:
    return _BEGAN.timestamp() * 1000 <= value <= datetime.now(UTC).timestamp() * 1000


def exact(value: Any) -> Any:
    """A plain value in which equality is that of JSON: types are told apart."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return type(value).__name__, value


class Renamed:
    """New ids are different ones in every store: named here in the order in which they are met."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self(key): self(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, str) and _UUID.fullmatch(value):
            return self._names.setdefault(value, f"(id {len(self._names)})")
        return value
