"""Gives the writers of a thread turns, and each of them its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


async def in_turn(thread_id: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Does work on a thread to its end, also when the caller is cancelled, which it is told after that."""
    async with _turn(thread_id):
        task = asyncio.ensure_future(work())
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = cancelled or error
        if cancelled is not None:
            if not task.cancelled():
                task.exception()  # so that it counts as seen
            raise cancelled
        return task.result()


def _turn(thread_id: str) -> asyncio.Lock:
    """Returns the lock of a thread: writers in one event loop need not find out by conflicts that they are several."""
    key = (asyncio.get_running_loop(), thread_id)
    lock = _turns.get(key)
    if lock is None:
        lock = _turns[key] = asyncio.Lock()
    return lock


_turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = WeakValueDictionary()
