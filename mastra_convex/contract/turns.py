"""Work that takes turns in an event loop, and that a cancellation does not leave half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

_locks: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Lock] = WeakValueDictionary()


async def in_turn(key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Does work after all that began before it under the same key, and to its end.

    So writers in one event loop need not find out by conflicts that they are several. A caller that is cancelled while
    it waits for its turn leaves at once; one whose work has begun is told of the cancellation after its end.

    Args:
        key: what the work is on, `("items", thread_id)` for instance. Work under a key must not wait for its own key.
        work: makes the coroutine that does the work.

    Returns:
        What the work returns.
    """
    async with _lock((asyncio.get_running_loop(), key)):
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


def _lock(key: tuple[asyncio.AbstractEventLoop, Hashable]) -> asyncio.Lock:
    lock = _locks.get(key)
    if lock is None:
        lock = _locks[key] = asyncio.Lock()
    return lock
