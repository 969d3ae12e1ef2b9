"""Writes spans in a thread of its own, so that an agent neither waits nor fails for them."""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack
from weakref import WeakSet

from mastra_convex import telemetry
from mastra_convex.errors import ConfigurationError
from mastra_convex.tracing.content import Content
from mastra_convex.tracing.delivery import Delivery
from mastra_convex.tracing.queue import SpanQueue
from mastra_convex.tracing.span import Convert, SpanKey
from mastra_convex.tracing.target import Target, opener

if TYPE_CHECKING:
    from mastra_convex.store_base import DomainAccess

__all__ = ["SpanWriter", "WriterOptions"]

_LAST_SECONDS: Final = 2.0
"""Seconds to wait for the end of the thread, which closes its store."""

_log: Final = logging.getLogger("mastra_convex.tracing")


class WriterOptions(TypedDict, total=False):
    """Names the optional arguments of `SpanWriter`."""

    content: Content
    max_value_bytes: int
    queue_size: int
    interval: float
    exit_timeout: float


class SpanWriter:
    """Stores spans of any source. Several sources may share one; one that was closed begins anew with the next span.

    Spans wait in a bounded queue. A daemon thread with an event loop and a store of its own converts them and stores
    them in batches. What fails is tried again, as long as there is room in the queue; what finds no room is counted in
    `dropped`, and logged once in 30 seconds. When the program ends, what waits is stored; in a forked process, the
    writer begins anew.

    Args:
        target: path of a SQLite file, arguments of `ConvexStore` as a mapping, a function that makes a store, or None
            for the deployment of CONVEX_URL.
        content: False leaves out what users, models and tools say; a function gets the fields of each span and returns
            them changed. It runs in the writer's thread; a span for which it raises is dropped.
        max_value_bytes: size of an input, output, metadata, ... in bytes; the texts in a larger one are cut.
        queue_size: spans that can wait; more are dropped.
        interval: seconds in which spans are collected. A span that begins and ends within them is written once.
        exit_timeout: seconds without any span stored, after which the end of the program waits no longer.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        writer = SpanWriter("agent.db", content=False)
        assert writer.flush(timeout=5) and not writer.dropped
        writer.close()
    """

    def __init__(
        self,
        target: Target = None,
        *,
        content: Content = True,
        max_value_bytes: int = 32_768,
        queue_size: int = 10_000,
        interval: float = 1.0,
        exit_timeout: float = 10.0,
    ) -> None:
        if not isinstance(content, bool) and not callable(content):
            raise ConfigurationError("content must be True, False or a function")
        for name, number in (("max_value_bytes", max_value_bytes), ("queue_size", queue_size)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ConfigurationError(f"{name} must be an integer > 0")
        for name, seconds in (("interval", interval), ("exit_timeout", exit_timeout)):
            if (
                not isinstance(seconds, int | float)
                or isinstance(seconds, bool)
                or not 0 < seconds < threading.TIMEOUT_MAX
            ):
                raise ConfigurationError(f"{name} must be a number of seconds > 0")
        self._open = opener(target)
        self._content = content
        self._max_value_bytes = max_value_bytes
        self._interval = interval
        self._exit_timeout = exit_timeout
        self._queue = SpanQueue(queue_size)
        self._lock = threading.Lock()
        self._thread: _Thread | None = None
        _writers.add(self)

    @property
    def dropped(self) -> Mapping[str, int]:
        """The spans of this process that are not stored, by reason."""
        return dict(self._queue.dropped)

    def put(self, key: SpanKey, convert: Convert, source: Any) -> None:
        """Adds a span, or a newer state of it. Never blocks and never raises."""
        is_urgent = self._queue.put(key, convert, source)
        if self._thread is None or is_urgent:
            with suppress(RuntimeError):  # no thread can be started any more, or its loop has just ended
                self._running().wake()

    def flush(self, timeout: float = 30.0) -> bool:
        """Waits until the spans so far are stored, at most so many seconds; returns whether they are."""
        done: Future[None] = Future()
        try:
            self._ask(done)
            done.result(timeout)
        except (TimeoutError, RuntimeError):
            return False
        return True

    async def aflush(self, timeout: float = 30.0) -> bool:
        """Does the same without holding the event loop."""
        done: Future[None] = Future()
        try:
            self._ask(done)
            await asyncio.wait_for(asyncio.wrap_future(done), timeout)
        except (TimeoutError, RuntimeError):
            return False
        return True

    def close(self, timeout: float | None = None) -> None:
        """Stores the spans so far and ends the thread.

        It gives up when none was stored for so many seconds, by default those of `exit_timeout`.
        """
        thread = self._thread
        if thread is None:
            return
        seconds = self._exit_timeout if timeout is None else timeout
        left = len(self._queue)
        while not self.flush(seconds) and (now := len(self._queue)) < left:
            left = now
        with self._lock:
            self._thread = None
        thread.stop()
        thread.join(_LAST_SECONDS)

    def forget_thread(self) -> None:
        """Begins without a thread and without spans, as a forked process does."""
        self._lock = threading.Lock()
        self._thread = None
        self._queue.clear()

    def _ask(self, done: Future[None]) -> None:
        self._running().flush(done)

    def _running(self) -> _Thread:
        with self._lock:
            if self._thread is None:
                self._thread = _Thread.started(self._open, self._delivery)
                self._close_with_child()
            return self._thread

    def _close_with_child(self) -> None:
        """Has a child of multiprocessing store what waits at its end: it calls no functions of `atexit`."""
        if multiprocessing.parent_process() is not None:
            Finalize(None, self.close, exitpriority=10)

    def _delivery(self, store: DomainAccess) -> Delivery:
        return Delivery(
            store, self._queue, self._content, max_value_bytes=self._max_value_bytes, interval=self._interval
        )


def writer_of(target: Target | SpanWriter, **options: Unpack[WriterOptions]) -> SpanWriter:
    """Returns the writer for a source: the given one, which several may share, or a new one."""
    if not isinstance(target, SpanWriter):
        return SpanWriter(target, **options)
    if options:
        raise ConfigurationError(f"a writer has these settings already: {', '.join(options)}")
    return target


class _Thread(threading.Thread):
    """One life of a writer's thread."""

    def __init__(self, open_store: Callable[[], DomainAccess], make: Callable[[DomainAccess], Delivery]) -> None:
        super().__init__(name="mastra_convex.tracing", daemon=True)
        self._open = open_store
        self._make = make
        self._loop = _Loop()
        self._delivery: Delivery | None = None
        self._before: list[Callable[[Delivery], None]] = []

    @classmethod
    def started(cls, open_store: Callable[[], DomainAccess], make: Callable[[DomainAccess], Delivery]) -> Self:
        """Starts a thread. Raises RuntimeError when none can be started, as the interpreter is ending."""
        thread = cls(open_store, make)
        try:
            thread.start()
        except RuntimeError:
            thread._loop.close()
            raise
        return thread

    def wake(self) -> None:
        self._tell(Delivery.wake)

    def flush(self, done: Future[None]) -> None:
        self._tell(lambda delivery: delivery.flush(done))

    def stop(self) -> None:
        with suppress(RuntimeError):
            self._tell(Delivery.stop)

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._work())
        except Exception:  # the store cannot be opened: the settings are wrong
            _log.exception("spans are not stored")

    async def _work(self) -> None:
        with telemetry.untold():  # or each write would be a span, which is written
            async with self._open() as store:
                self._delivery = self._make(store)
                for tell in self._before:
                    tell(self._delivery)
                await self._delivery.run()

    def _tell(self, what: Callable[[Delivery], None]) -> None:
        """Has the event loop do something. Raises RuntimeError when it has ended."""
        self._loop.call_soon_threadsafe(self._do, what)

    def _do(self, what: Callable[[Delivery], None]) -> None:
        if self._delivery is None:
            self._before.append(what)
        else:
            what(self._delivery)


class _Loop(asyncio.SelectorEventLoop):
    """Finds the addresses of hosts also when the interpreter is ending, where an executor takes no work."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        try:
            return await super().getaddrinfo(host, port, **options)
        except RuntimeError:
            return socket.getaddrinfo(host, port, **options)


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _after_fork() -> None:
    for writer in list(_writers):
        writer.forget_thread()


_writers: WeakSet[SpanWriter] = WeakSet()
atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
