"""Holds spans between the agent and the writer: a bounded queue of their newest states. Internal."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mastra_convex.tracing.span import Convert, SpanKey

Waiting = dict[SpanKey, tuple[Convert, Any]]


class SpanQueue:
    """Takes spans from any thread as frameworks hand them over, and counts those that find no room.

    A span has one place until it is stored, also when a newer state of it comes while the writer holds an older one.

    Args:
        limit: spans that have a place at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: Waiting = {}
        self._places: set[SpanKey] = set()
        self.dropped: Counter[str] = Counter()
        self._told: Counter[str] = Counter()

    def __len__(self) -> int:
        """Counts the spans that are not stored."""
        return len(self._places)

    def put(self, key: SpanKey, convert: Convert, source: Any) -> bool:
        """Adds a span, or its newer state; returns whether the writer should not wait, as half of the room is taken."""
        with self._lock:
            waiting, places = self._waiting, self._places
            if key not in places:
                if len(places) >= self._limit:
                    self.dropped["the queue was full"] += 1
                    return False
                places.add(key)
            waiting[key] = (convert, source)
            return len(waiting) == self._limit // 2

    def take(self) -> Waiting:
        """Returns what waits, in order. It keeps its places."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        return taken

    def release(self, keys: Iterable[SpanKey]) -> None:
        """Makes room, as the writer no longer holds these spans; one of which a newer state waits keeps its place."""
        with self._lock:
            self._places.difference_update([key for key in keys if key not in self._waiting])

    def drop(self, count: int, reason: str) -> None:
        """Counts spans that are given up."""
        with self._lock:
            self.dropped[reason] += count

    def untold(self) -> dict[str, int]:
        """Returns what was dropped since the last call, by reason."""
        with self._lock:
            new = self.dropped - self._told
            self._told = self.dropped.copy()
        return dict(new)

    def clear(self) -> None:
        """Begins empty, as a forked process does, whose parent writes what waited."""
        self._lock = threading.Lock()
        self._waiting, self._places = {}, set()
        self.dropped, self._told = Counter(), Counter()
