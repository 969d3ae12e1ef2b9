"""Brings spans from the queue into a store, for one life of the writer's thread. Internal."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mastra_convex.errors import LargeValueError, TooLargeError, ValidationError
from mastra_convex.tracing.content import Content, with_content
from mastra_convex.tracing.queue import SpanQueue, Waiting
from mastra_convex.tracing.span import Convert, SpanFields, SpanKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mastra_convex.store_base import DomainAccess

_BATCH: Final = 500
"""Spans of one call: about a megabyte."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds after a failed call; doubled each time."""

_SILENCE: Final = 30.0
"""Seconds in which drops and failures are logged once."""

_REFUSED: Final = (ValidationError, TooLargeError, LargeValueError)
"""Errors that are a span's own fault, so that the others of its batch can be stored without it."""

_log = logging.getLogger("mastra_convex.tracing")


@dataclass(eq=False, slots=True)
class _Ready:
    """The fields of a span, and how many were ready before it."""

    number: int
    fields: SpanFields


class Delivery:
    """Converts and stores what the queue holds, until it is stopped.

    Converting goes on while a call waits for its answer, so that what waits is small and has its content left out.

    Args:
        store: where spans are stored.
        queue: where they come from.
        content: what of their content is stored.
        max_value_bytes: size to which a value is cut.
        interval: seconds to wait for more spans.
    """

    def __init__(
        self, store: DomainAccess, queue: SpanQueue, content: Content, *, max_value_bytes: int, interval: float
    ) -> None:
        self._store = store
        self._queue = queue
        self._content = content
        self._max_value_bytes = max_value_bytes
        self._interval = interval
        self._taken: Waiting = {}
        self._ready: dict[SpanKey, _Ready] = {}
        self._number = 0
        self._wake, self._has_ready, self._hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._asked: list[Future[None]] = []
        self._flushes: list[tuple[int, Future[None]]] = []
        self._stopping = False
        self._reports = _Reports(queue)

    def wake(self) -> None:
        """Begins at once with what waits."""
        self._wake.set()

    def flush(self, done: Future[None]) -> None:
        """Ends the future when all that is in the queue now is stored or dropped."""
        self._asked.append(done)
        self._hurry.set()
        self._wake.set()

    def stop(self) -> None:
        """Ends `run` soon; what is not stored then is dropped."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Works until it is stopped."""
        storing = asyncio.create_task(self._store_all())
        while not self._stopping:
            await _wait(self._wake, self._interval)
            await self._convert_all()
        storing.cancel()
        await asyncio.wait([storing])
        if self._ready:
            self._give_up(list(self._ready), "they could not be stored before the end")
        self._reports.tell(at_once=True)

    async def _convert_all(self) -> None:
        asked, self._asked = self._asked, []
        self._taken = self._queue.take()
        for key in list(self._taken):
            self._convert(key, *self._taken.pop(key))
            await asyncio.sleep(0)  # lets other threads run, those of the agent first of all
        self._flushes += [(self._number, done) for done in asked]
        self._end_flushes()
        if self._ready:
            self._has_ready.set()
        self._reports.tell()

    def _convert(self, key: SpanKey, convert: Convert, source: object) -> None:
        try:
            fields = convert(source)
            if fields is not None:
                fields = with_content(fields, self._content, self._max_value_bytes)
        except Exception as error:
            self._release([key])
            self._queue.drop(1, "they could not be converted")
            self._reports.failed(error)
            return
        if fields is None:
            self._release([key])
        elif key in self._ready:  # its place is that of the state before
            self._ready[key] = _Ready(self._ready[key].number, fields)
        else:
            self._number += 1
            self._ready[key] = _Ready(self._number, fields)

    async def _store_all(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._has_ready.wait()
            batch = dict(list(self._ready.items())[:_BATCH])
            try:
                await self._write(batch)
                pause = _FIRST_PAUSE
            except Exception as error:
                self._reports.failed(error)
                await _wait(self._hurry, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            if not self._ready:
                self._has_ready.clear()
            self._end_flushes()

    async def _write(self, batch: dict[SpanKey, _Ready]) -> None:
        """Stores a batch; if it is refused, all of it but what the refusal is about."""
        try:
            await self._store.observability.batch_create_spans([ready.fields for ready in batch.values()])
        except _REFUSED as error:
            if len(batch) == 1:
                self._reports.failed(error)
                self._give_up(list(batch), "the store refused them")
                return
            items = list(batch.items())
            await self._write(dict(items[: len(items) // 2]))
            await self._write(dict(items[len(items) // 2 :]))
            return
        for key, ready in batch.items():
            if self._ready.get(key) is ready:
                del self._ready[key]
        self._release(batch)

    def _give_up(self, keys: list[SpanKey], reason: str) -> None:
        for key in keys:
            del self._ready[key]
        self._release(keys)
        self._queue.drop(len(keys), reason)

    def _release(self, keys: Iterable[SpanKey]) -> None:
        """Gives up the places of spans, but of those of which another state is here."""
        self._queue.release(key for key in keys if key not in self._ready and key not in self._taken)

    def _end_flushes(self) -> None:
        oldest = next(iter(self._ready.values())).number if self._ready else self._number + 1
        for upto, done in self._flushes:
            if upto < oldest and done.set_running_or_notify_cancel():
                done.set_result(None)
        self._flushes = [(upto, done) for upto, done in self._flushes if upto >= oldest]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Waits for an event, but no longer than so many seconds; it can happen again."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    event.clear()


class _Reports:
    """Logs what goes wrong, once in 30 s: how many spans were dropped and why, and the last error."""

    def __init__(self, queue: SpanQueue) -> None:
        self._queue = queue
        self._error: Exception | None = None
        self._next = 0.0

    def failed(self, error: Exception) -> None:
        self._error = error

    def tell(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if now < self._next and not at_once:
            return
        dropped = self._queue.untold()
        if not (dropped or self._error):
            return
        reasons = "; ".join(f"{count}: {reason}" for reason, count in dropped.items()) or "none yet"
        _log.warning("spans are not stored. Dropped: %s. Last error: %s", reasons, self._error or "none")
        self._error = None
        self._next = now + _SILENCE
