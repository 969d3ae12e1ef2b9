"""What a vector is compared with and how, and what holds the vectors of a range in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Metric = Literal["cosine", "euclidean", "dotproduct"]

Scored = tuple[float, int]
"""A score and the `_seq` of its row."""

Ranking = Callable[[int, int], Sequence[Scored]]
"""The rows from one place (the best has 0) to before another, ties in the order of creation; fewer if no more exist."""


@dataclass(frozen=True)
class Query:
    vector: Sequence[float]
    metric: Metric
    norm: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", math.hypot(*self.vector))


class Vectors(Protocol):
    """The vectors of some rows. `room` is how many more it takes, `size` the bytes that it may grow to."""

    @property
    def room(self) -> float: ...

    @property
    def size(self) -> int: ...

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None: ...

    def discard(self, seqs: Collection[int]) -> None: ...

    def ranking(self, query: Query, among: Collection[int] | None) -> Ranking:
        """The order of all rows, or of those `among` the given ones, by their scores for a query."""
        ...
