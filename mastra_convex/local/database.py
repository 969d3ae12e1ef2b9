"""One SQLite file, or private memory: opening and closing it, and transactions on it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from queue import LifoQueue
from typing import Any, TypeVar

from mastra_convex.engine.threads import Cancellation
from mastra_convex.errors import ClosedError, FileReplacedError
from mastra_convex.local.backup import write_backup
from mastra_convex.local.connections import (
    MEMORY,
    connect,
    connect_to_read,
    is_interrupted,
    is_locked,
    retried,
    translated,
)
from mastra_convex.local.documents import UnreadableError
from mastra_convex.local.forks import wait_before_forks
from mastra_convex.local.schema import Layout, Session, damaged, lay_out, load, migrate, present
from mastra_convex.local.watching import Watches
from mastra_convex.rows.at_once import TakesLongError
from mastra_convex.tables import Table

T = TypeVar("T")
Work = Callable[[Session], T]

READERS = 4
_CHANGES_BETWEEN_CHECKPOINTS = 1_000
"""Rows written; each touches the pages of its table and of its indexes."""
_AT_ONCE = 0.001
"""Seconds after which an attempt is given up."""
_STEPS_BETWEEN_LOOKS = 1_000
"""Instructions of SQLite (some 20 microseconds) between looks at the clock."""
_READ_AT_ONCE = 64 << 10
"""Bytes of the rows that a read finds in an attempt: to parse them takes less than a millisecond."""
_WRITE_AT_ONCE = 8 << 10
"""Bytes of the rows that a write finds in an attempt: to parse, change, check and print them takes a millisecond."""


class Database:
    """A main connection, which alone writes, and a few that read beside it; in memory, one connection for all.

    `read` and `write` run a function in a transaction and may wait, for locks of this and other processes: they belong
    in worker threads. `attempt` waits for nothing, and gives up when it finds much or takes long. With `read_only` the
    file is never written: it is read as it is, with the tables that it has.
    """

    def __init__(self, path: str, tables: Mapping[str, Table], timeout: float, *, read_only: bool = False) -> None:
        self.path = path
        self._timeout = timeout
        self._read_only = read_only
        self._connect = connect_to_read if read_only else connect
        self._tables = tables
        self._lock = threading.Lock()
        self._main: sqlite3.Connection | None = None
        self._readers: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        self._layouts: dict[str, Layout] = {}
        self._schema_version = -1
        self._data_version = -1
        self.watches: Watches = Watches(tables, None if path == MEMORY else self.notice_others)
        self._next_checkpoint = _CHANGES_BETWEEN_CHECKPOINTS
        self._give_up = 0.0
        self._left = 0
        self._closed = False
        self._files: tuple[int, ...] | None = None
        if path != MEMORY:
            wait_before_forks(self._lock)
            for _ in range(READERS):
                self._readers.put(None)

    def attempt(self, work: Work[T], *, write: bool) -> tuple[T] | None:
        """The result of `work` if it can be had at once; None, and nothing has happened, if not."""
        main = self._main
        if main is None or not self._lock.acquire(blocking=False):
            return None
        try:
            self._give_up = time.monotonic() + _AT_ONCE
            self._left = _WRITE_AT_ONCE if write else _READ_AT_ONCE
            main.row_factory = self._weigh
            main.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
            return (self._transaction(main, work, write=write),)
        except (TakesLongError, sqlite3.ProgrammingError):
            return None  # or it was closed meanwhile
        except sqlite3.Error as error:
            if is_locked(error) or is_interrupted(error):
                return None
            with translated(self.path):
                raise
        finally:
            main.row_factory = None
            with contextlib.suppress(sqlite3.ProgrammingError):
                main.set_progress_handler(None, 0)
            self._lock.release()

    def write(self, work: Work[T], cancellation: Cancellation) -> T:
        """Runs `work` in a transaction that is rolled back when it raises or is cancelled."""
        with self._lock, translated(self.path):
            main = self._open(cancellation)
            return retried(
                lambda: self._transaction(main, work, write=True, cancellation=cancellation),
                cancellation,
                self._timeout,
            )

    def read(self, work: Work[T], cancellation: Cancellation) -> T:
        """Runs `work` on one snapshot."""
        with translated(self.path):
            if self.path == MEMORY:
                with self._lock:
                    return self._run(self._session(self._open(cancellation)), work)
            if self._main is None:
                with self._lock:
                    self._open(cancellation)
            with self._reader(cancellation) as reader:
                return retried(lambda: self._transaction(reader, work, write=False), cancellation, self._timeout)

    def backup(self, path: Path, cancellation: Cancellation) -> None:
        """Writes a copy of the database into a new file."""
        with translated(self.path):
            if self.path == MEMORY:
                with self._lock:
                    write_backup(self._open(cancellation), path)
                return
            with self._lock:
                self._open(cancellation)
            with self._reader(cancellation) as reader:
                cancellation.shield()
                write_backup(reader, path)

    def look(self, work: Work[T], cancellation: Cancellation) -> T:
        """Runs `work` on one snapshot of which every commit is known to those who watch, as `attempt` does."""
        with self._lock, translated(self.path):
            main = self._open(cancellation)
            return retried(lambda: self._transaction(main, work, write=False), cancellation, self._timeout)

    def notice_others(self) -> None:
        """Tells those who watch if other programs have written. Waits for nothing: who holds the lock looks later."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._main is not None:
                self._notice(self._main)
        except sqlite3.Error:  # others hold the file
            pass
        finally:
            self._lock.release()

    def close(self) -> None:
        """Closes the connections once the work in flight has ended. Afterwards every call raises ClosedError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            readers = [] if self.path == MEMORY else [self._readers.get() for _ in range(READERS)]
            for connection in (*readers, self._main):
                if connection is not None:
                    connection.close()
            for _ in readers:
                self._readers.put(None)
            self._main = None

    def _transaction(
        self, connection: sqlite3.Connection, work: Work[T], *, write: bool, cancellation: Cancellation | None = None
    ) -> T:
        try:  # SQLite may report an interruption after the transaction has begun
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            if write:
                self._check_files()
                self._refresh(connection)
            elif connection is self._main and self.watches:
                self._notice(connection)
            if cancellation is not None:
                cancellation.is_locked_out = False
            session = self._session(connection)
            result = self._run(session, work)
            if cancellation is not None:
                cancellation.shield()
            connection.set_progress_handler(None, 0)  # SQLite may report an interruption after a commit has happened
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
        if session.written:
            self.watches.touch(session.written)
        if write and self.path != MEMORY and connection.total_changes > self._next_checkpoint:
            self._next_checkpoint = connection.total_changes + _CHANGES_BETWEEN_CHECKPOINTS
            with contextlib.suppress(RuntimeError):  # the interpreter is ending: closing the file does the same
                threading.Thread(target=self._checkpoint, name="mastra_convex checkpoint", daemon=True).start()
        return result

    def _session(self, connection: sqlite3.Connection) -> Session:
        return Session(connection, self._layouts, is_watched=bool(self.watches))

    def _run(self, session: Session, work: Work[T]) -> T:
        """Runs `work`; an error of a row that cannot be read gets the name of the row."""
        try:
            return work(session)
        except UnreadableError as error:
            raise damaged(session.connection, error) from error.__cause__

    def _notice(self, connection: sqlite3.Connection) -> None:
        """Tells those who watch if others have written since the last look, which the main connection knows."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._data_version = version
            self.watches.touch_all()

    def _checkpoint(self) -> None:
        """Moves commits from the log into the file: milliseconds of waiting for the disk, beside the work of others."""
        with contextlib.suppress(sqlite3.Error, ClosedError), self._reader(Cancellation()) as reader:
            reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextlib.contextmanager
    def _reader(self, cancellation: Cancellation) -> Generator[sqlite3.Connection]:
        reader = self._readers.get()
        try:
            if self._closed:
                raise ClosedError("the store is closed")
            reader = reader or retried(lambda: self._connect(self.path), cancellation, self._timeout)
            yield reader
        finally:
            self._readers.put(reader)

    def _open(self, cancellation: Cancellation) -> sqlite3.Connection:
        """The main connection; opens the file when that has not happened. The lock is held."""
        if self._closed:
            raise ClosedError("the store is closed")
        if self._main is None:
            main = retried(lambda: self._connect(self.path), cancellation, self._timeout)
            try:
                if self.path == MEMORY:
                    lay_out(main, self._tables)
                elif not self._read_only:
                    retried(lambda: migrate(main, self._tables), cancellation, self._timeout)
                self._refresh(main)
            except BaseException:
                main.close()
                raise
            self._main = main
        return self._main

    def _check_files(self) -> None:
        """Raises FileReplacedError where the file or its log is another one than before: a write would be lost.

        While this connection is open no program that uses SQLite deletes the log.
        """
        if self.path == MEMORY:
            return
        files: tuple[int, ...] = ()
        with contextlib.suppress(FileNotFoundError):
            files = (os.stat(self.path).st_ino, os.stat(f"{self.path}-wal").st_ino)
        if self._files is None:
            self._files = files
        if files != self._files:
            log = os.path.basename(self.path) + "-wal"
            raise FileReplacedError(
                f"{self.path!r}, or {log!r} beside it, was deleted or replaced while it was open; close the store, and "
                "restore what the log had from a backup",
                details={"path": self.path},
            )

    def _refresh(self, connection: sqlite3.Connection) -> None:
        """Learns of key columns that another process has added meanwhile, so that they are filled for new rows."""
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        if version != self._schema_version:
            tables = present(connection, self._tables) if self._read_only else self._tables
            self._layouts = load(connection, tables)
            self._schema_version = version

    def _is_late(self) -> bool:
        return time.monotonic() > self._give_up

    def _weigh(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Every row that an attempt finds, for whatever purpose, passes here before it is parsed."""
        for value in row:
            if isinstance(value, bytes):
                self._left -= len(value)
        if self._left < 0:
            raise TakesLongError
        return row
