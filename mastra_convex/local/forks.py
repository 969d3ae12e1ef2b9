"""Has a process fork only between transactions.

SQLite remembers in memory which locks of a file its process has. A fork copies that, but not the threads that would
release them: the new process could never write to a file that was locked then, not even by a new connection.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Final
from weakref import WeakSet

_LONGEST: Final = 5.0
"""Seconds that a fork waits: a transaction takes milliseconds, unless another program keeps the file locked."""

_changing: Final = threading.RLock()
_locks: Final[WeakSet[threading.Lock]] = WeakSet()
_held: Final[list[threading.Lock]] = []


def wait_before_forks(lock: threading.Lock) -> None:
    """Has every fork wait until nobody holds this lock, which is held during transactions."""
    with _changing:
        _locks.add(lock)


def _before() -> None:
    _changing.acquire()
    give_up = time.monotonic() + _LONGEST
    for lock in _locks:
        if lock.acquire(timeout=max(0.0, give_up - time.monotonic())):
            _held.append(lock)


def _after() -> None:
    while _held:
        _held.pop().release()
    _changing.release()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
