"""Connections to one SQLite file, or to private memory: opening, pooling, waiting for locks. Runs in worker threads."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Mapping
from queue import LifoQueue
from typing import TypeVar

from mastra_convex.errors import ClosedError, ConfigurationError, MastraConvexError, ServerError, UnavailableError
from mastra_convex.local.layout import Layout, Session
from mastra_convex.local.migrations import load, migrate
from mastra_convex.tables import Table

T = TypeVar("T")
Work = Callable[[Session], T]

READERS = 4
_DEADLINE = 30.0
"""Seconds to wait for other processes that hold the lock."""
_BUSY_TIMEOUT_MS = 2_000
_CACHED_STATEMENTS = 512
_CHECKPOINT_PAGES = 4_000

_MEMORY = ":memory:"
_UNUSABLE = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_PERM: "may not be opened",
    sqlite3.SQLITE_AUTH: "may not be opened",
}


class Database:
    """One writing connection and a few reading ones; in memory, one connection for all.

    `read` and `write` run a function in a transaction. They wait for locks of this and other processes, and raise our
    errors instead of those of sqlite3.
    """

    def __init__(self, path: str, tables: Mapping[str, Table]) -> None:
        self.path = path
        self._tables = tables
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._readers: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        self._layouts: dict[str, Layout] = {}
        self._schema_version = -1
        self._closed = False
        if path != _MEMORY:
            for _ in range(READERS):
                self._readers.put(None)

    def write(self, work: Work[T]) -> T:
        """Runs `work` in a transaction that is rolled back when it raises."""
        with self._lock, self._translated():
            writer = self._open()
            self._retried(lambda: writer.execute("BEGIN IMMEDIATE"))
            try:
                self._refresh(writer)
                result = work(Session(writer, self._layouts))
                writer.execute("COMMIT")
            except BaseException:
                _roll_back(writer)
                raise
            return result

    def read(self, work: Work[T]) -> T:
        """Runs `work` on one snapshot."""
        with self._translated():
            if self.path == _MEMORY:
                with self._lock:
                    return work(Session(self._open(), self._layouts))
            if self._writer is None:
                with self._lock:
                    self._open()
            with self._reader() as reader:
                reader.execute("BEGIN")
                try:
                    return self._retried(lambda: work(Session(reader, self._layouts)))
                finally:
                    _roll_back(reader)

    def close(self) -> None:
        """Closes the connections once the work in flight has ended. Afterwards every call raises ClosedError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            readers = [] if self.path == _MEMORY else [self._readers.get() for _ in range(READERS)]
            for connection in (*readers, self._writer):
                if connection is not None:
                    connection.close()
            for _ in readers:
                self._readers.put(None)
            self._writer = None

    @contextlib.contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        reader = self._readers.get()
        try:
            if self._closed:
                raise ClosedError("the store is closed")
            reader = reader or self._connect()
            yield reader
        finally:
            self._readers.put(reader)

    def _open(self) -> sqlite3.Connection:
        """The writing connection; opens the file when that has not happened. The lock is held."""
        if self._closed:
            raise ClosedError("the store is closed")
        if self._writer is None:
            writer = self._retried(self._connect)
            try:
                self._retried(lambda: migrate(writer, self._tables))
                self._refresh(writer)
            except BaseException:
                writer.close()
                raise
            self._writer = writer
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=_BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        try:
            connection.text_factory = bytes  # JSON is parsed from bytes
            if self.path != _MEMORY:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _refresh(self, connection: sqlite3.Connection) -> None:
        """Learns of key columns that another process has added meanwhile, so that they are filled for new rows."""
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        if version != self._schema_version:
            self._layouts = load(connection, self._tables)
            self._schema_version = version

    def _retried(self, work: Callable[[], T]) -> T:
        """Repeats `work` while another process holds the lock, until the deadline."""
        give_up = time.monotonic() + _DEADLINE
        while True:
            try:
                return work()
            except sqlite3.OperationalError as error:
                if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > give_up:
                    raise
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # only to not meet again at once

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _translate(self, error: sqlite3.Error) -> MastraConvexError:
        code = _code(error)
        if code in _UNUSABLE:
            return ConfigurationError(f"{self.path!r} {_UNUSABLE[code]}: {error}", details={"path": self.path})
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return UnavailableError(f"{self.path!r} stayed locked by other processes", details={"path": self.path})
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return UnavailableError(f"{self.path!r}: {error}", details={"path": self.path})
        return ServerError(f"SQLite failed: {error}", details={"path": self.path})


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.rollback()


def _code(error: sqlite3.Error) -> int:
    """The primary result code of SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
