"""Connections to SQLite: how they are set up, how long they wait for locks, what their errors become."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from mastra_convex.engine.threads import Cancellation
from mastra_convex.errors import ConfigurationError, MastraConvexError, ServerError, UnavailableError

T = TypeVar("T")

MEMORY = ":memory:"
_DEADLINE = 30.0
"""Seconds to wait for other processes that hold the lock."""
_FIRST_WAIT, _LONGEST_WAIT = 0.000_5, 0.02
_CACHED_STATEMENTS = 512
_PAGE_BYTES = 2_048
"""Small pages: a commit of one row writes the pages of the table and of each index, and pays by their size."""
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 16_000
"""Only a safeguard: `Database` moves the log into the file before."""

_UNUSABLE = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_PERM: "may not be opened",
    sqlite3.SQLITE_AUTH: "may not be opened",
}
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def connect(path: str) -> sqlite3.Connection:
    """A connection that any thread may use, that begins no transaction by itself and waits for no lock."""
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=_CACHED_STATEMENTS
    )
    try:
        connection.text_factory = bytes  # JSON is parsed from bytes
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if path != MEMORY:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def retried(work: Callable[[], T], cancellation: Cancellation) -> T:
    """Repeats `work` while another process holds the lock, until the deadline; ends at once when it is cancelled."""
    give_up = time.monotonic() + _DEADLINE
    wait, longest = 0.0, _FIRST_WAIT
    while True:
        cancellation.sleep(wait)
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > give_up:
                raise
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
    if code in _UNUSABLE:
        return ConfigurationError(f"{path!r} {_UNUSABLE[code]}: {error}", details=details)
    if code in _LOCKED:
        return UnavailableError(f"{path!r} stayed locked by other processes", details=details)
    if code in _NO_ROOM:
        return UnavailableError(f"{path!r}: {error}", details=details)
    return ServerError(f"SQLite failed: {error}", details=details)
