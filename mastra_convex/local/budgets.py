"""Bounds what one call reads and writes, well inside the limits of Convex (docs/protocol.md, "Budget"). Internal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mastra_convex.engine.protocol import MAX_RANGES, RANGE_BYTES, READ_BYTES, READ_ROWS
from mastra_convex.errors import TooLargeError


@dataclass
class Budget:
    """Counts what a read may still consume. The first row of a call is always granted."""

    rows: int = READ_ROWS
    size: int = READ_BYTES
    ranges: int = MAX_RANGES
    fresh: bool = True

    def take(self, size: int) -> bool:
        """Charges a row of this size if it may be consumed, and tells whether it may."""
        if not self.fresh and (self.rows < 1 or self.size < size):
            self.rows = 0
            return False
        self.fresh = False
        self.rows -= 1
        self.size -= size
        return True


RANGES_TO_DROP: Final = 2
"""Index ranges that it takes to note of a large value that it is dropped."""


@dataclass
class StepBudget:
    """Counts what the range operations of a step may still consume.

    `changes` are index ranges: one for each row changed, two for each large value that is dropped.

    In a `whole` commit each row that is changed counts twice.
    """

    rows: float
    changes: int
    size: int = RANGE_BYTES
    whole: bool = False
    fresh: bool = True

    def take(self, size: int, *, changes: int) -> bool:
        """Charges a row of this size if it may be consumed, and tells whether it may; the first one always may.

        `changes` are the index ranges that its change takes, 0 for a row that stays.
        """
        if self.whole and changes:
            size *= 2
        if self.rows < 1 or self.changes < changes or (self.size < size and not self.fresh):
            return False
        self.fresh = False
        self.rows -= 1
        self.changes -= changes
        self.size -= size
        return True

    def too_large(self) -> TooLargeError:
        limit = "bytes" if self.changes > RANGES_TO_DROP else "ranges"
        return TooLargeError("the ranges of a commit are larger than one transaction takes", details={"limit": limit})
