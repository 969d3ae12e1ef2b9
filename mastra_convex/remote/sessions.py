"""aiohttp sessions: one for each event loop, with the limit of calls in flight and the calls to end on closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from typing import Final

import aiohttp

from mastra_convex.errors import ClosedError
from mastra_convex.remote.config import RemoteConfig

_CLOSED: Final = "the store is closed"


class Pool:
    """The session of one event loop. Made by `Sessions`, inside that loop."""

    def __init__(self, session: aiohttp.ClientSession, limit: int, guard: AsyncGenerator[None] | None) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.session: aiohttp.ClientSession = session
        self.slots: asyncio.Semaphore = asyncio.Semaphore(limit)
        self.closed: bool = False
        self._guard = guard
        self._calls: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing: asyncio.Task[None] | None = None
        self._closes_once = asyncio.Lock()

    @contextmanager
    def tracking(self, call: asyncio.Timeout) -> Generator[None]:
        """Has the scope of a call expire when the pool closes."""
        self._calls.add(call)
        self._idle.clear()
        try:
            yield
        finally:
            self._calls.discard(call)
            if not self._calls:
                self._idle.set()

    async def aclose(self) -> None:
        """Ends the calls in flight, waits for them, closes the session unless it is the caller's."""
        self.closed = True
        for call in self._calls:
            if not call.expired():
                call.reschedule(self.loop.time())
        await self._idle.wait()
        async with self._closes_once:
            if self._guard is not None:
                await self._guard.aclose()

    def close_from_elsewhere(self) -> None:
        """Has the loop of the pool close it, without waiting: that loop may end first, which closes the session too."""

        def close() -> None:
            self._closing = self.loop.create_task(self.aclose())

        with suppress(RuntimeError):  # the loop has just ended
            self.loop.call_soon_threadsafe(close)


class Sessions:
    """Finds or makes the pool of the running event loop."""

    def __init__(self, config: RemoteConfig, session: aiohttp.ClientSession | None) -> None:
        self._config = config
        self._given = session
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}
        self._closed = False

    async def pool(self) -> Pool:
        """The pool of the running loop. ClosedError after closing, or when a session of another loop was passed in."""
        if self._closed:
            raise ClosedError(_CLOSED)
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = await self._make(loop)
        if self._given is not None and self._given.closed:
            raise ClosedError("the aiohttp session that was passed in is closed")
        return pool

    async def _make(self, loop: asyncio.AbstractEventLoop) -> Pool:
        """Has no point where another task could run, so two calls cannot make two pools."""
        limit = self._config.max_in_flight
        if self._given is not None:
            # aiohttp has no public name for it that is not deprecated.
            bound = getattr(self._given, "_loop", None) or next(iter(self._pools), loop)
            if bound is not loop:
                raise ClosedError(
                    "the aiohttp session that was passed in belongs to another event loop; "
                    "pass a session made in this one, or none"
                )
            pool = Pool(self._given, limit, None)
        else:
            # A loop that has ended took its session along, see _close_with_loop.
            for ended in [other for other in self._pools if other.is_closed()]:
                await self._pools.pop(ended).session.close()
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=False,
                trust_env=False,
            )
            guard = _close_with_loop(session)
            await anext(guard)
            pool = Pool(session, limit, guard)
        self._pools[loop] = pool
        return pool

    async def aclose(self) -> None:
        """Closes the pools of all loops; loops that run in other threads close theirs soon after."""
        self._closed = True
        here = asyncio.get_running_loop()
        for loop, pool in list(self._pools.items()):
            if loop is here:
                await pool.aclose()
            elif loop.is_running():
                pool.close_from_elsewhere()
            elif self._given is None:
                await pool.session.close()
            self._pools.pop(loop, None)


async def _close_with_loop(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Closes the session when it is closed itself, which `asyncio.run` does to all asynchronous generators before its
    loop ends (as does the garbage collector): connections end in their own loop, though nobody called `aclose`."""
    try:
        yield
    finally:
        await session.close()
        await asyncio.sleep(0)  # transports close in the next round of the loop
