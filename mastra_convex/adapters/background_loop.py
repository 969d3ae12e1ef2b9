"""Runs coroutines for callers that cannot await: the synchronous methods that some frameworks demand.

Each store has one event loop for them, in a thread that begins at the first such call.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from mastra_convex.errors import ClosedError
from mastra_convex.store_base import DomainAccess

T = TypeVar("T")

_LAST_WAIT: Final = 1.0
"""Seconds that the end of the program waits for connections to close."""


class OnEventLoopError(asyncio.InvalidStateError):
    """Says that a synchronous method was called where an event loop runs, which it would have held.

    Example:
        async def on_a_loop() -> None:
            try:
                loop_of(store).run(store.init())
            except OnEventLoopError as error:
                assert "await" in str(error)
    """


class BackgroundLoop:
    """Runs coroutines on an event loop in a daemon thread of its own, for any number of threads.

    It may be used in a process that was forked from one that used it.

    Example:
        loop_of(store).run(store.init())
    """

    def __init__(self) -> None:
        self.forget_thread()
        _made.add(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Returns what a coroutine returns. It sees the context variables of the caller.

        A caller that is interrupted (`KeyboardInterrupt`) cancels the coroutine and waits for its end.

        Raises:
            OnEventLoopError: an event loop runs in this thread; the coroutine was not begun.
            ClosedError: the loop was closed with its store.
        """
        try:
            _refuse_on_event_loop()
            tasks: list[asyncio.Task[Any]] = []
            with self._lock:  # so what is begun here is begun before the loop is told to stop
                loop = self._running()
                done = asyncio.run_coroutine_threadsafe(_noting_its_task(coroutine, tasks), loop)
        except BaseException:
            coroutine.close()
            raise
        try:
            return done.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
            wait([done])
            raise

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Yields the items of an asynchronous generator. Raises what `run` raises, at the first item."""
        _refuse_on_event_loop()
        try:
            while True:
                try:
                    item = self.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.run(_close(items))

    def close(self, *, wait: float = 0.0) -> None:
        """Ends the loop and its thread, waiting at most so many seconds for that. Safe to repeat.

        Calls in flight end as cancelled; later ones raise ClosedError.
        """
        with self._lock:
            self._closed = True
            thread, loop = self._thread, self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it was closed before
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None and thread is not threading.current_thread() and wait:
            thread.join(wait)

    def forget_thread(self) -> None:
        """Begins without a thread, as a forked process has none."""
        self._lock = threading.RLock()  # a store may be collected, which closes its loop, wherever memory is needed
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise ClosedError("the store is closed")
        if self._loop is None:
            ready: Future[asyncio.AbstractEventLoop] = Future()
            self._thread = threading.Thread(target=_serve, args=(ready,), name="mastra_convex loop", daemon=True)
            self._thread.start()
            self._loop = ready.result()
        return self._loop


def loop_of(store: DomainAccess) -> BackgroundLoop:
    """Returns the background loop of a store, which ends with it and at the end of the program."""
    with _lock:
        if (found := _loops.get(store)) is None:
            found = _loops[store] = BackgroundLoop()
            weakref.finalize(store, found.close).atexit = False  # that is for `_at_exit`, which waits
        return found


def _refuse_on_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise OnEventLoopError(
        "a synchronous method was called in a thread with a running event loop, which it would hold; await its"
        " asynchronous twin there (`aget` for `get`, `ainvoke` for `invoke`), or call it in a thread: asyncio.to_thread"
    )


def _serve(ready: Future[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner() as runner:  # at its end it cancels tasks and closes what the loop has open
        loop = runner.get_loop()
        loop.call_soon(ready.set_result, loop)
        loop.run_forever()


async def _noting_its_task(coroutine: Coroutine[Any, Any, T], tasks: list[asyncio.Task[Any]]) -> T:
    if (task := asyncio.current_task()) is not None:
        tasks.append(task)
    return await coroutine


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def _close(items: AsyncGenerator[T, None]) -> None:
    await items.aclose()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # another thread may have held it when the process was forked
    _lock = threading.Lock()
    for background in _made:
        background.forget_thread()


def _at_exit() -> None:
    for background in _made:
        background.close(wait=_LAST_WAIT)


_lock = threading.Lock()
_loops: WeakKeyDictionary[DomainAccess, BackgroundLoop] = WeakKeyDictionary()
_made: WeakSet[BackgroundLoop] = WeakSet()

atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
