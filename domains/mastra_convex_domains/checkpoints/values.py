"""Keeps values in memory that were saved or read, as a version of a channel never changes."""

from __future__ import annotations

import threading
from typing import Any, Final

from mastra_convex.domain import DomainStore

from .models import Serialized

ValueKey = tuple[str, str, str, str]
"""A thread, a namespace, a channel and its version."""

_BYTES: Final = 16 << 20
_OVERHEAD: Final = 400
"""Bytes that a value takes beside its own."""
_GRAPHS: Final = 10_000
"""Graphs of which the newest checkpoint is remembered."""


class ValueCache:
    """Holds the values that were used last, for any number of threads.

    Args:
        limit: the memory that they may take, in bytes.
    """

    def __init__(self, limit: int = _BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._values: dict[ValueKey, Serialized] = {}
        self._lock = threading.Lock()

    def get(self, key: ValueKey) -> Serialized | None:
        """Returns a value, which is now the last used one, or None."""
        with self._lock:
            value = self._values.pop(key, None)
            if value is not None:
                self._values[key] = value
            return value

    def put(self, key: ValueKey, value: Serialized) -> None:
        """Holds a value, in place of those that were not used for the longest time."""
        size = _size(value)
        if size > self._limit // 8:
            return
        with self._lock:
            self._remove(key)
            self._values[key] = value
            self._size += size
            while self._size > self._limit:
                self._remove(next(iter(self._values)))

    def forget(self, thread_id: str) -> None:
        """Holds no value of a thread any longer."""
        with self._lock:
            for key in [key for key in self._values if key[0] == thread_id]:
                self._remove(key)

    def _remove(self, key: ValueKey) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._size -= _size(value)


class RememberingMethods(DomainStore):
    """Adds to CheckpointsStore what it knows without asking the database."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._values = ValueCache()
        self._newest: dict[tuple[str, str], str] = {}

    def _remember_newest(self, thread_id: str, namespace: str, checkpoint_id: str) -> None:
        """Remembers a checkpoint of a graph. The newest is older only where this one was deleted."""
        graph = thread_id, namespace
        if checkpoint_id > self._newest.get(graph, ""):
            if len(self._newest) >= _GRAPHS:
                self._newest.clear()
            self._newest[graph] = checkpoint_id


def _size(value: Serialized) -> int:
    return len(value.data) + _OVERHEAD
