"""Work that is small enough for an event loop, and work that takes so long that it belongs in a thread."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import accumulate
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

AT_ONCE_BYTES: Final = 64 << 10
"""JSON text up to this size is printed, parsed and looked through in less than a millisecond."""

_RUN_CHARACTERS: Final = 48 << 10
"""Characters of JSON texts that are joined to parse them as one."""

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


def runs(texts: list[str]) -> Iterator[list[str]]:
    """Divides JSON texts into runs, each parsed as one text in less than a millisecond; a large text is a run alone.

    To parse many small texts as one is several times faster.
    """
    ends = list(accumulate(map(len, texts), initial=0))
    first = 0
    while first < len(texts):
        last = max(first + 1, bisect_right(ends, ends[first] + _RUN_CHARACTERS) - 1)
        yield texts[first:last]
        first = last
