"""Connections to SQLite: how they are set up, how long they wait for locks, what their errors become."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from mastra_convex.engine.threads import Cancellation
from mastra_convex.errors import ConfigurationError, MastraConvexError, ServerError, UnavailableError

T = TypeVar("T")

MEMORY = ":memory:"
_FIRST_WAIT, _LONGEST_WAIT = 0.000_5, 0.02
_CACHED_STATEMENTS = 512
_PAGE_BYTES = 2_048
"""Small pages: a commit of one row writes the pages of the table and of each index, and pays by their size."""
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 16_000
"""Only a safeguard: `Database` moves the log into the file before."""

_UNUSABLE = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; give the path of one, or of a file that does not exist yet",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_READONLY: "cannot be written; the file, or the place where it lies, is read-only",
    sqlite3.SQLITE_PERM: "may not be opened",
    sqlite3.SQLITE_AUTH: "may not be opened",
}
_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def connect(path: str) -> sqlite3.Connection:
    """A connection that any thread may use, that begins no transaction by itself and waits for no lock.

    Where the file cannot be written, it can be read. Raises sqlite3.Error when it can be neither.
    """
    try:
        return _set_up(path, is_memory=path == MEMORY)
    except sqlite3.OperationalError as error:
        if _code(error) not in _READ_ONLY or not os.path.isfile(path):
            raise
    return connect_to_read(path)


def connect_to_read(path: str) -> sqlite3.Connection:
    """A connection that only reads a file, also one where nothing can be written: then nobody is taken to change it.

    Raises ConfigurationError where a program left the last changes in the log beside the file, which SQLite cannot read
    there.
    """
    uri = Path(path).absolute().as_uri()
    try:
        return _opened(f"{uri}?mode=ro", uri=True)
    except sqlite3.OperationalError as error:
        if _code(error) not in _READ_ONLY:
            raise
        log = f"{path}-wal"
        if os.path.exists(log) and os.path.getsize(log):
            raise ConfigurationError(
                f"{path!r} cannot be read where nothing can be written, as {os.path.basename(log)!r} beside it has its"
                " last changes; open it once where it can be written",
                details={"path": path},
            ) from error
    return _opened(f"{uri}?mode=ro&immutable=1", uri=True)


def _set_up(path: str, *, is_memory: bool) -> sqlite3.Connection:
    connection = _opened(path)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        if not is_memory:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(path: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=_CACHED_STATEMENTS, uri=uri
    )
    try:
        connection.text_factory = bytes  # JSON is parsed from bytes
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if uri:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchone()  # reads, which tells whether that is possible
    except BaseException:
        connection.close()
        raise
    return connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def retried(work: Callable[[], T], cancellation: Cancellation, timeout: float) -> T:
    """Repeats `work` while another process holds the lock, so many seconds; ends at once when it is cancelled."""
    give_up = time.monotonic() + timeout
    wait, longest = 0.0, _FIRST_WAIT
    while True:
        cancellation.sleep(wait)
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > give_up:
                raise
            cancellation.is_locked_out = True
            wait = random.uniform(longest / 2, longest)  # noqa: S311  # only so as not to meet again at once
            longest = min(2 * longest, _LONGEST_WAIT)


def is_locked(error: sqlite3.Error) -> bool:
    return _code(error) in _LOCKED


def is_interrupted(error: sqlite3.Error) -> bool:
    return _code(error) == sqlite3.SQLITE_INTERRUPT


def _code(error: sqlite3.Error) -> int:
    """The primary result code of SQLite."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


@contextlib.contextmanager
def translated(path: str) -> Generator[None]:
    """Raises our errors instead of those of sqlite3."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error


def _translate(error: sqlite3.Error, path: str) -> MastraConvexError:
    code, details = _code(error), {"path": path}
    if code == sqlite3.SQLITE_CANTOPEN:
        return ConfigurationError(f"{path!r} {_why_not_opened(Path(path))}", details=details)
    if code in _UNUSABLE:
        return ConfigurationError(f"{path!r} {_UNUSABLE[code]}", details=details)
    if code in _LOCKED:
        return locked_out(path)
    if code in _NO_ROOM:
        return UnavailableError(f"{path!r}: {error}", details=details)
    return ServerError(f"SQLite failed: {error}", details=details)


def locked_out(path: str) -> UnavailableError:
    """The error of a call that waited too long for other programs."""
    return UnavailableError(f"{path!r} stayed locked by other processes", details={"path": path})


def _why_not_opened(path: Path) -> str:
    """Says why SQLite cannot open a path, which SQLite itself does not."""
    folder = path.parent
    try:
        if path.is_dir():
            return f"is a directory; give the path of a file in it, like {str(path / 'agent.db')!r}"
        if not folder.exists():
            return f"cannot be opened: there is no directory {str(folder)!r}; make it first"
        if not folder.is_dir():
            return f"cannot be opened: {str(folder)!r} is no directory; give a path in one"
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    return "cannot be opened: this process may not read it, or not make files there; check the permissions"
