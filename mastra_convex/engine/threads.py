"""Threads for work that would hold an event loop. They are daemons: a program ends however its event loop ended."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

from mastra_convex.rows.at_once import TakesLongError, attempt

A = TypeVar("A")
T = TypeVar("T")

_IDLE: Final = 10.0
"""Seconds that a thread waits for work before it ends."""

_TURN: Final = 0.001
"""Seconds after which work on many items lets other tasks of the event loop have their turn."""

_SHARED: Final = 4
"""Threads of a process for work without effects: most of it holds the lock of the interpreter, so more would wait."""


class LateError(TimeoutError):
    """Says that work had not ended in time and was cancelled; `was_locked_out` if it waited for another program."""

    def __init__(self, was_locked_out: bool) -> None:
        super().__init__()
        self.was_locked_out = was_locked_out


class Cancellation:
    """Settles between a caller and its thread whether work is still wanted.

    Work that has an effect calls `shield` right before that. Then either the caller has been cancelled and the work
    ends here, or it is the caller who waits for the end. So nothing happens any more once a caller was told that it was
    cancelled.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._shielded = False
        self.is_locked_out = False

    def cancel(self) -> bool:
        """Cancels the work; False when it is shielded and goes on."""
        with self._lock:
            if not self._shielded:
                self._cancelled.set()
            return not self._shielded

    def sleep(self, seconds: float) -> None:
        """Waits so long; raises CancelledError as soon as the work is cancelled."""
        if self._cancelled.wait(seconds):
            raise asyncio.CancelledError

    def shield(self) -> None:
        """Protects what follows from being cancelled; raises CancelledError when the work is cancelled already."""
        with self._lock:
            if self._cancelled.is_set():
                raise asyncio.CancelledError
            self._shielded = True


class ThreadPool:
    """Up to `limit` daemon threads, started when they are needed, for any number of event loops.

    Work begins in the order of the calls. A pool may be used in a process that was forked from one that used it.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._closed = False
        self.forget_threads()
        _pools.add(self)

    async def run(self, work: Callable[[Cancellation], T], timeout: float | None = None) -> T:
        """Returns what `work` returns in a thread; raises LateError when it has not ended after `timeout` seconds.

        A caller that is cancelled or late leaves at once, and `work` is not begun or ends where it next looks at its
        `Cancellation`; a caller of work that is shielded waits for its end before it leaves.
        """
        job = _Job(work)
        try:
            self._submit(job)
        except RuntimeError:  # no thread can be started, as when the interpreter is ending
            job.tell(job.do())
        timer = None if timeout is None else asyncio.get_running_loop().call_later(timeout, job.expire)
        try:
            return await job.done
        except asyncio.CancelledError:
            if not job.cancellation.cancel():
                await job.end()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Has threads end as soon as there is no work; those of later work, too."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def forget_threads(self) -> None:
        """Begins with no thread and no work, as a forked process has none."""
        self._changed = threading.Condition()
        self._jobs: deque[_Job[Any]] = deque()
        self._threads = self._unfinished = 0

    def _submit(self, job: _Job[Any]) -> None:
        with self._changed:
            if self._threads < min(self._unfinished + 1, self._limit):
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
                self._threads += 1
            self._unfinished += 1
            self._jobs.append(job)
            self._changed.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            tell = job.do()
            with self._changed:
                self._unfinished -= 1
            job.tell(tell)
            del job, tell  # or the result would be kept until there is other work

    def _next(self) -> _Job[Any] | None:
        """Waits for work; None when this thread shall end."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed, _IDLE)
            if self._jobs:
                return self._jobs.popleft()
            self._threads -= 1
            return None


class _Job(Generic[T]):
    """Work, and the future by which its caller learns of its end."""

    def __init__(self, work: Callable[[Cancellation], T]) -> None:
        self._work = work
        self._context = copy_context()  # instrumented libraries look there whether to make spans
        self._ended = asyncio.Event()
        self.cancellation = Cancellation()
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def do(self) -> Callable[[], None]:
        """Does the work, in a thread; returns what tells the future of it."""
        try:
            self.cancellation.sleep(0)
            return partial(self.done.set_result, self._context.run(self._work, self.cancellation))
        except BaseException as error:
            return partial(self.done.set_exception, error)

    def expire(self) -> None:
        """Cancels the work, and tells the caller that it is late; shielded work goes on, as it is about to end."""
        if not self.done.done() and self.cancellation.cancel():
            self.done.set_exception(LateError(self.cancellation.is_locked_out))

    def tell(self, tell: Callable[[], None]) -> None:
        """Has the event loop tell the caller."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self.done.get_loop().call_soon_threadsafe(self._end, tell)

    async def end(self) -> None:
        """Waits for the end, however often the caller is cancelled."""
        while not self._ended.is_set():
            with suppress(asyncio.CancelledError):
                await self._ended.wait()

    def _end(self, tell: Callable[[], None]) -> None:
        self._ended.set()
        if not self.done.done():  # else its caller was cancelled
            tell()


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """Returns what `work(*args)` returns in a thread: for computations that have no effect."""
    return await _shared.run(lambda cancellation: work(*args))


async def in_thread_to_its_end(work: Callable[..., T], *args: Any) -> T:
    """Returns what `work(*args)` returns in a thread: for work with effects, whose end a cancelled caller awaits."""

    def shielded(cancellation: Cancellation) -> T:
        cancellation.shield()
        return work(*args)

    return await _shared.run(shielded)


async def each(work: Callable[[A], T], items: Iterable[A]) -> list[T]:
    """Returns what `work` returns for each item, in order, without holding the event loop.

    Other tasks get their turn after each millisecond. An item whose JSON text is large is worked on in a thread.
    """
    results: list[T] = []
    began = time.perf_counter()
    for item in items:
        try:
            results.append(attempt(work, item))
        except TakesLongError:
            results.append(await in_thread(work, item))
        if time.perf_counter() - began > _TURN:
            await asyncio.sleep(0)
            began = time.perf_counter()
    return results


def _after_fork() -> None:
    for pool in _pools:
        pool.forget_threads()


_pools: WeakSet[ThreadPool] = WeakSet()
_shared: Final = ThreadPool("mastra_convex", _SHARED)

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
