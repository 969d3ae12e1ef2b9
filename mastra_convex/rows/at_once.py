"""Work that is small enough for an event loop, and work that takes so long that it belongs in a thread."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

AT_ONCE_BYTES: Final = 64 << 10
"""JSON text up to this size is printed, parsed and looked through in less than a millisecond."""

_only_small: ContextVar[bool] = ContextVar("mastra_convex.only_small", default=False)


class TakesLongError(Exception):
    """A value is too large to work on it at once; the same work is done again in a thread."""


def attempt(work: Callable[[A], B], item: A) -> B:
    """Returns `work(item)`; raises TakesLongError instead, before the larger part of the work, for a large value."""
    token = _only_small.set(True)
    try:
        return work(item)
    finally:
        _only_small.reset(token)


def check_at_once(size: float) -> None:
    """Raises TakesLongError for JSON text of so many bytes within an `attempt`."""
    if size > AT_ONCE_BYTES and _only_small.get():
        raise TakesLongError
