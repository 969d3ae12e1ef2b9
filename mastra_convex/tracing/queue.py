"""Holds spans between the agent and the writer: a bounded queue of their newest states. Internal."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from mastra_convex.tracing.span import Convert, SpanKey

Waiting = dict[SpanKey, tuple[Convert, Any]]


class SpanQueue:
    """Takes spans from any thread as frameworks hand them over, and counts those that find no room.

    Args:
        limit: spans that may wait, those that the writer holds included.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: Waiting = {}
        self.held: int = 0
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        """Counts the spans that are not stored."""
        return len(self._waiting) + self.held

    def put(self, key: SpanKey, convert: Convert, source: Any) -> bool:
        """Adds a span, or its newer state; returns whether the writer should not wait, as half of the room is taken."""
        with self._lock:
            waiting = self._waiting
            if key not in waiting and len(self) >= self._limit:
                self.dropped["the queue was full"] += 1
                return False
            waiting[key] = (convert, source)
            return len(waiting) == self._limit // 2

    def take(self) -> Waiting:
        """Returns what waits, in order, and counts it as held from now on."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
            self.held += len(taken)
        return taken

    def release(self, count: int) -> None:
        """Makes room, as the writer holds so many fewer."""
        with self._lock:
            self.held -= count

    def drop(self, count: int, reason: str) -> None:
        """Counts spans that are given up."""
        with self._lock:
            self.dropped[reason] += count

    def clear(self) -> None:
        """Begins empty, in a forked process, whose parent writes what waited."""
        self._lock = threading.Lock()
        self._waiting = {}
        self.held = 0
