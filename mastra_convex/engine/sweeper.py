"""Sweeping in the background: old receipts, and large values that no row refers to, go while others work."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Final

SWEEP_EVERY: Final = 3600.0
FIRST_SWEEP_AFTER: Final = 300.0
FIRST_SWEEP_COMMITS: Final = 500

_log = logging.getLogger("mastra_convex.sweep")


class Sweeper:
    """Has an engine sweep after a commit, at most once in `every` seconds, without delaying or failing anyone.

    First when the engine is `first_after` seconds old or has done `first_commits` commits. `sweep` is that of the
    engine: one bounded step, which tells how many rows it deleted and whether nothing is left to do.
    """

    def __init__(
        self,
        sweep: Callable[[], Awaitable[tuple[int, bool]]],
        *,
        every: float = SWEEP_EVERY,
        first_after: float = FIRST_SWEEP_AFTER,
        first_commits: int = FIRST_SWEEP_COMMITS,
    ) -> None:
        self._sweep = sweep
        self._every = every
        self._next = time.monotonic() + first_after
        self._commits_left = first_commits
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def after_commit(self) -> None:
        """Begins to sweep if it is time."""
        if self._closed:
            return
        self._commits_left -= 1
        now = time.monotonic()
        if now < self._next and self._commits_left != 0:
            return
        loop = asyncio.get_running_loop()
        task = self._task
        if task is not None and not task.done() and task.get_loop() is loop:
            return
        self._next = now + self._every
        self._commits_left = 0  # from now on by time only
        # In a context of its own: it is no part of the caller's trace.
        self._task = loop.create_task(self._run(), name="mastra_convex sweep", context=Context())

    async def aclose(self) -> None:
        """Ends a sweep that is under way, and begins no other. Safe to repeat."""
        self._closed = True
        task = self._task
        if task is None or task.done():
            return
        if task.get_loop() is asyncio.get_running_loop():
            if not task.cancelling():
                task.cancel()
            await asyncio.wait([task])
        else:
            with suppress(RuntimeError):  # that loop is closed, which ended the sweep
                task.get_loop().call_soon_threadsafe(task.cancel)

    async def _run(self) -> None:
        deleted, done = 0, False
        try:
            while not done:
                number, done = await self._sweep()
                deleted += number
        except Exception as error:
            _log.warning("old receipts and large values were not all deleted: %s: %s", type(error).__name__, error)
        else:
            _log.debug("deleted %d rows of old receipts and large values", deleted)
