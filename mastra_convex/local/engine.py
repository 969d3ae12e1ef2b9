"""The engine on one SQLite file, or in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from mastra_convex.engine import Commit, CommitResult, Get, Neighbours, ReadResult, Scan
from mastra_convex.errors import ClosedError
from mastra_convex.local.commits import apply_commit
from mastra_convex.local.database import READERS, Database
from mastra_convex.local.layout import Session
from mastra_convex.local.receipts import sweep
from mastra_convex.local.records import Budget, get
from mastra_convex.local.scans import neighbours, scan
from mastra_convex.tables import RECEIPTS, Table, by_name

T = TypeVar("T")

_Limiters = tuple[CapacityLimiter, CapacityLimiter]
_limiters: RunVar[WeakKeyDictionary[LocalEngine, _Limiters]] = RunVar("mastra_convex.local.limiters")


class LocalEngine:
    """Implements `mastra_convex.engine.Engine` on SQLite.

    Args:
        path: a file, made when missing (its directory must exist); several processes may share it. `":memory:"` is
            memory of this engine alone.
        tables: the declared tables; what the file lacks of them is added when it is opened.
        receipts: whether commits leave receipts, so that a repeated one is applied once. Only a server needs that.

    The file is opened at the first call. Every call is one transaction in a worker thread; a call that is cancelled
    still ends its transaction. Any number of tasks and event loops may use one engine.
    """

    def __init__(self, path: str | os.PathLike[str], tables: Iterable[Table], *, receipts: bool = False) -> None:
        self._database = Database(os.fspath(path), by_name([*tables, RECEIPTS]))
        self._receipts = receipts
        self._closed = False
        self._calls = 0
        self._idle = threading.Condition()

    def __repr__(self) -> str:
        return f"LocalEngine({self._database.path!r})"

    async def read(self, ops: Sequence[Get | Scan | Neighbours], /) -> list[ReadResult]:
        """Runs reads on one snapshot; they share one budget."""
        with self._call():
            _, readers = self._limits()
            return await to_thread.run_sync(self._database.read, partial(_read, ops), limiter=readers)

    async def commit(self, commit: Commit, /) -> CommitResult:
        """Applies one step of a commit atomically."""
        work = partial(apply_commit, commit, receipts=self._receipts)
        with self._call():
            writers, _ = self._limits()
            return await to_thread.run_sync(self._database.write, work, limiter=writers)

    async def sweep(self) -> tuple[int, bool]:
        """Deletes up to 1,000 receipts older than an hour; returns their number and whether there are no more."""
        with self._call():
            writers, _ = self._limits()
            return await to_thread.run_sync(self._database.write, sweep, limiter=writers)

    async def aclose(self) -> None:
        """Waits for calls in flight and closes the connections; every later call raises ClosedError."""
        self._closed = True
        await to_thread.run_sync(self._close, limiter=CapacityLimiter(1))

    def _close(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._calls == 0)
        self._database.close()

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
        """How many threads of this event loop may write and read at once; more would only wait for connections."""
        try:
            engines = _limiters.get()
        except LookupError:
            engines = WeakKeyDictionary()
            _limiters.set(engines)
        limits = engines.get(self)
        if limits is None:
            limits = engines[self] = (CapacityLimiter(1), CapacityLimiter(READERS))
        return limits


def _read(ops: Sequence[Get | Scan | Neighbours], session: Session) -> list[ReadResult]:
    budget = Budget()
    results: list[ReadResult] = []
    for op in ops:
        if isinstance(op, Get):
            results.append(get(session, op, budget))
        elif isinstance(op, Scan):
            results.append(scan(session, op, budget))
        else:
            results.append(neighbours(session, op, budget))
    return results
