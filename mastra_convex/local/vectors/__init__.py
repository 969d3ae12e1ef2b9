"""Exact search for the nearest vectors: numbers in memory, kept equal to the file by a log of changes.

Here is what its parts share: what a vector is compared with and how, and what holds the vectors of a range in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Metric = Literal["cosine", "euclidean", "dotproduct"]

Scored = tuple[float, int]
"""A score and the `_seq` of its row."""

Ranking = Callable[[int, int], Sequence[Scored]]
"""Returns the rows from one place (the best has 0) to before another, ties in the order of creation; fewer if no more
exist.
"""


@dataclass(frozen=True)
class Query:
    """A vector to search for, with its length as `norm`."""

    vector: Sequence[float]
    metric: Metric
    norm: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", math.hypot(*self.vector))


class Vectors(Protocol):
    """Holds the vectors of some rows.

    `room` is how many more it takes, `size` the bytes that it may grow to. `quick` tells that a query takes less time
    than to wake a thread for it.
    """

    @property
    def room(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def quick(self) -> bool: ...

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Adds rows, each a `_seq` and the bytes of its vector; there must be room for them."""
        ...

    def discard(self, seqs: Collection[int]) -> None:
        """Removes the rows that are there."""
        ...

    def ranking(self, query: Query, among: Collection[int] | None) -> Ranking:
        """Orders all rows, or those `among` the given ones, by their scores for a query."""
        ...
