"""The engine on one SQLite file, or in memory."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Describe,
    Get,
    Neighbours,
    Read,
    ReadResult,
    Scan,
    Search,
    SearchResult,
)
from mastra_convex.engine.sweeper import Sweeper
from mastra_convex.errors import ClosedError, ConfigurationError
from mastra_convex.local.budgets import Budget
from mastra_convex.local.commits import apply_commit, is_small
from mastra_convex.local.database import READERS, Database, Work
from mastra_convex.local.reads import describe, get, neighbours, scan
from mastra_convex.local.schema import Session
from mastra_convex.local.sweep import sweep
from mastra_convex.local.vectors.cache import VECTOR_CACHE_BYTES, VectorCache
from mastra_convex.local.vectors.search import search
from mastra_convex.tables import CORE_TABLES, Table, deployed
from mastra_convex.telemetry import database
from mastra_convex.telemetry.signals import Attributes

T = TypeVar("T")

_AT_ONCE_BYTES = 256 << 10
"""Of rows; parsing more takes longer than to wake a thread."""


class _Limiters(NamedTuple):
    writers: CapacityLimiter
    readers: CapacityLimiter
    searchers: CapacityLimiter


_limiters: RunVar[WeakKeyDictionary[LocalEngine, _Limiters]] = RunVar("mastra_convex.local.limiters")


class LocalEngine:
    """Implements `mastra_convex.engine.protocol.Engine` on SQLite.

    Args:
        path: a file, made when missing (its directory must exist); several processes may share it. `":memory:"` is
            memory of this engine alone.
        tables: the declared tables; what the file lacks of them is added when it is opened.
        receipts: whether commits leave receipts, so that a repeated one is applied once. Only a server needs that.
        vector_cache_bytes: the memory in which vectors stay that were searched, 4 bytes a number and some room for new
            ones; what is larger is read from the file at each search.

    The file is opened at the first call. Every call is one transaction. What takes microseconds is done at once, which
    is several times faster than to wake a thread for it; what is large, or has to wait for a lock, is done in a worker
    thread. A call that is cancelled ends its transaction or never begins it. Any number of tasks and event loops may
    use one engine.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tables: Iterable[Table],
        *,
        receipts: bool = False,
        vector_cache_bytes: int = VECTOR_CACHE_BYTES,
    ) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ConfigurationError('path must be that of a file, or ":memory:"')
        self.database: Attributes = database("sqlite")
        self._database = Database(os.fspath(path), deployed([*tables, *CORE_TABLES]))
        self._receipts = receipts
        self._sweeper = Sweeper(self.sweep)
        self._vectors = VectorCache(vector_cache_bytes)
        self._closed = False
        self._calls = 0
        self._idle = threading.Condition()

    def __repr__(self) -> str:
        return f"LocalEngine({self._database.path!r})"

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        """Runs reads on one snapshot; they share one budget."""
        with self._call():
            await asyncio.sleep(0)
            done = self._database.attempt(partial(_read, ops, _AT_ONCE_BYTES), write=False)
            if done is not None:
                return done[0]
            work = partial(_read, ops, math.inf)
            return await to_thread.run_sync(self._database.read, work, limiter=self._limits().readers)

    async def commit(self, commit: Commit, /) -> CommitResult:
        """Applies one step of a commit atomically."""
        work = partial(apply_commit, commit, receipts=self._receipts)
        with self._call():
            await asyncio.sleep(0)
            done = self._database.attempt(work, write=True) if is_small(commit) else None
            result = await self._write(work) if done is None else done[0]
        self._sweeper.after_commit()
        return result

    async def search(self, search: Search, /) -> SearchResult:
        """The nearest rows, exactly and of one snapshot, by numpy if that is installed (extra `vector`)."""
        with self._call():
            await asyncio.sleep(0)
            done = self._search_at_once(search)
            if done is not None:
                return done[0]
            return await to_thread.run_sync(self._search, search, limiter=self._limits().searchers)

    def _search_at_once(self, op: Search) -> tuple[SearchResult] | None:
        if not self._vectors.lock.acquire(blocking=False):
            return None
        try:
            if not self._vectors.is_quick(op):
                return None
            return self._database.attempt(partial(search, op, self._vectors, at_once=True), write=False)
        finally:
            self._vectors.lock.release()

    def _search(self, op: Search) -> SearchResult:
        with self._vectors.lock:
            return self._database.read(partial(search, op, self._vectors))

    async def sweep(self) -> tuple[int, bool]:
        """One step of removing old receipts and large values: rows deleted, and whether nothing is left to do."""
        with self._call():
            return await self._write(sweep)

    async def _write(self, work: Work[T]) -> T:
        return await to_thread.run_sync(self._database.write, work, limiter=self._limits().writers)

    async def aclose(self) -> None:
        """Waits for calls in flight and closes the connections; every later call raises ClosedError."""
        self._closed = True
        await self._sweeper.aclose()
        await to_thread.run_sync(self._close, limiter=CapacityLimiter(1))

    def _close(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._calls == 0)
        self._database.close()
        self._vectors.clear()

    @contextmanager
    def _call(self) -> Generator[None]:
        with self._idle:
            if self._closed:
                raise ClosedError("the store is closed")
            self._calls += 1
        try:
            yield
        finally:
            with self._idle:
                self._calls -= 1
                self._idle.notify_all()

    def _limits(self) -> _Limiters:
        """How many threads of this event loop may write, read and search at once; more would only wait."""
        try:
            engines = _limiters.get()
        except LookupError:
            engines = WeakKeyDictionary()
            _limiters.set(engines)
        limits = engines.get(self)
        if limits is None:
            limits = engines[self] = _Limiters(CapacityLimiter(1), CapacityLimiter(READERS), CapacityLimiter(1))
        return limits


def _read(ops: Sequence[Read[Any]], at_once: float, session: Session) -> list[Any]:
    budget = Budget(at_once=at_once)
    results: list[ReadResult] = []
    for op in ops:
        match op:
            case Get():
                results.append(get(session, op, budget))
            case Scan():
                results.append(scan(session, op, budget))
            case Neighbours():
                results.append(neighbours(session, op, budget))
            case Describe():
                results.append(describe(session, op))
            case _:
                raise TypeError(f"{type(op).__name__} is no read operation")
    return results
