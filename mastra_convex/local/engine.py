"""The engine on one SQLite file, or in memory."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Get,
    Read,
    Scan,
    Search,
    SearchResult,
)
from mastra_convex.engine.sweeper import Sweeper
from mastra_convex.engine.threads import Cancellation, LateError, ThreadPool
from mastra_convex.errors import ClosedError, MastraConvexError, RequestTimeoutError
from mastra_convex.local.commits import apply_commit, is_small
from mastra_convex.local.connections import locked_out
from mastra_convex.local.database import READERS, Database, Work
from mastra_convex.local.paths import checked_path
from mastra_convex.local.reads import run_reads
from mastra_convex.local.sweep import sweep
from mastra_convex.local.vectors.cache import VECTOR_CACHE_BYTES, VectorCache
from mastra_convex.local.vectors.search import search
from mastra_convex.local.watching import Found, Watcher
from mastra_convex.tables import CORE_TABLES, Table, deployed
from mastra_convex.telemetry import database
from mastra_convex.telemetry.signals import Attributes

T = TypeVar("T")

TIMEOUT: Final = 30.0
"""Seconds that a call may take unless another number is given."""
_FEW: Final = 100
"""Keys and prefixes of a read that is attempted at once: each takes some 5 microseconds."""
_CLOSED: Final = "the store is closed"
_WAIT: Final = 1.0
"""Seconds after which a watch tries again to read a file that could not be read."""
_LOOK_AGAIN: Final = 1.0
"""Seconds after which closing looks again which event loops run: one that has stopped does not tell."""


class LocalEngine:
    """Implements `mastra_convex.engine.protocol.Engine` on SQLite.

    Args:
        path: a file, made when missing (its directory must exist); several processes may share it. `":memory:"` is
            memory of this engine alone.
        tables: the declared tables; what the file lacks of them is added when it is opened.
        receipts: whether commits leave receipts, so that a repeated one is applied once. Only a server needs that.
        vector_cache_bytes: the memory in which vectors stay that were searched, 4 bytes a number and some room for new
            ones; what is larger is read from the file at each search.
        timeout: seconds that a call may take, with its waiting for other programs. One that waited for them raises
            UnavailableError then, any other RequestTimeoutError.
        read_only: whether the file stays byte for byte as it is; it must exist then, and commits fail.

    The file is opened at the first call. Every call is one transaction. What takes microseconds is done at once, which
    is several times faster than to wake a thread for it; what is large, or has to wait for a lock, is done in a worker
    thread. A call that is cancelled ends its transaction or never begins it; nothing happens after its caller was told.
    Any number of tasks and event loops may use one engine.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tables: Iterable[Table],
        *,
        receipts: bool = False,
        vector_cache_bytes: int = VECTOR_CACHE_BYTES,
        timeout: float = TIMEOUT,
        read_only: bool = False,
    ) -> None:
        self.database: Attributes = database("sqlite")
        self._timeout = timeout
        self._database = Database(checked_path(path), deployed([*tables, *CORE_TABLES]), timeout, read_only=read_only)
        self._receipts = receipts
        self._sweeper = Sweeper(self.sweep)
        self._vectors = VectorCache(vector_cache_bytes)
        self._writers = ThreadPool("mastra_convex writer", 1)  # more would wait for each other
        self._readers = ThreadPool("mastra_convex reader", READERS)
        self._searchers = ThreadPool("mastra_convex searcher", 1)  # each computes with all cores
        self._closers = ThreadPool("mastra_convex closer", 1)
        self._closed = False
        self._calls: list[asyncio.AbstractEventLoop] = []
        self._call_ended = threading.Condition()

    def __repr__(self) -> str:
        return f"LocalEngine({self.path!r})"

    @property
    def path(self) -> str:
        return self._database.path

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        """Runs reads on one snapshot; they share one budget."""
        with self._call():
            await asyncio.sleep(0)
            work = partial(run_reads, ops=ops)
            done = self._database.attempt(work, write=False) if _has_few_keys(ops) else None
            return await self._run(self._readers, partial(self._database.read, work)) if done is None else done[0]

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
        """Finds the nearest rows, exactly and of one snapshot, by numpy if that is installed (extra `vector`)."""
        with self._call():
            await asyncio.sleep(0)
            done = self._search_at_once(search)
            return await self._run(self._searchers, partial(self._search, search)) if done is None else done[0]

    async def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        """What a read gives, now and whenever it is something else. A file is always there, so nothing is given up."""
        watcher = self.watcher()
        is_first = True
        try:
            watcher.add(0, ops)
            while True:
                await watcher.wait()
                try:
                    states = await watcher.changes()
                except MastraConvexError as error:
                    if is_first or not error.retryable:
                        raise
                    await asyncio.sleep(_WAIT)  # other programs hold the file; what is in it is still to be read
                    continue
                for state in states.values():
                    is_first = False
                    if state.error is not None:
                        raise state.error
                    yield state.results
        finally:
            watcher.close()

    def watcher(self) -> Watcher:
        """Watches several reads for one consumer, who must close it."""
        if self._closed:
            raise ClosedError(_CLOSED)
        return Watcher(self, self._database.watches)

    async def look(self, watcher: Watcher) -> Found:
        """Reads what a watcher is to look at again, on one snapshot."""
        with self._call():
            done = None
            if _has_few_keys(list(watcher.touched())):
                done = self._database.attempt(watcher.read, write=False)
            look = partial(self._database.look, watcher.read)
            return await self._run(self._readers, look) if done is None else done[0]

    def _search_at_once(self, op: Search) -> tuple[SearchResult] | None:
        """Finds the nearest of a few vectors that are in memory; None when there are more, or other calls go on."""
        if not self._vectors.lock.acquire(blocking=False):
            return None
        try:
            if not self._vectors.is_quick(op):
                return None
            return self._database.attempt(partial(search, op, self._vectors, at_once=True), write=False)
        finally:
            self._vectors.lock.release()

    def _search(self, op: Search, cancellation: Cancellation) -> SearchResult:
        with self._vectors.lock:
            return self._database.read(partial(search, op, self._vectors), cancellation)

    async def sweep(self) -> tuple[int, bool]:
        """One step of removing old receipts and large values: rows deleted, and whether nothing is left to do."""
        with self._call():
            return await self._write(sweep)

    async def backup(self, path: Path) -> None:
        """Writes a whole and consistent copy of the database into a new file, however long that takes."""
        with self._call():
            await self._readers.run(partial(self._database.backup, path))

    async def _write(self, work: Work[T]) -> T:
        return await self._run(self._writers, partial(self._database.write, work))

    async def _run(self, pool: ThreadPool, work: Callable[[Cancellation], T]) -> T:
        try:
            return await pool.run(work, self._timeout)
        except LateError as error:
            if error.was_locked_out:
                raise locked_out(self._database.path) from error
            details = {"path": self._database.path}
            raise RequestTimeoutError(f"no answer within {self._timeout:g} s", details=details) from error

    async def aclose(self) -> None:
        """Waits for calls in flight and closes the connections; every later call raises ClosedError."""
        self._closed = True
        self._database.watches.wake_all()
        await self._sweeper.aclose()
        await self._closers.run(self._close)
        for pool in (self._writers, self._readers, self._searchers, self._closers):
            pool.close()

    def _close(self, cancellation: Cancellation) -> None:
        """Closing goes on when it is cancelled. A call of a loop that has stopped never ends: it is not waited for."""
        with self._call_ended:
            while any(loop.is_running() for loop in self._calls):
                self._call_ended.wait(_LOOK_AGAIN)
        self._database.close()
        self._vectors.clear()

    @contextmanager
    def _call(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        with self._call_ended:
            if self._closed:
                raise ClosedError(_CLOSED)
            self._calls.append(loop)
        try:
            yield
        finally:
            with self._call_ended:
                self._calls.remove(loop)
                self._call_ended.notify_all()


def _has_few_keys(ops: Sequence[Read[Any]]) -> bool:
    keys = 0
    for op in ops:
        keys += len(op.keys) if isinstance(op, Get) else len(op.prefixes) if isinstance(op, Scan) else 1
    return keys <= _FEW
