"""Exact search in plain Python, for when numpy is not installed."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from operator import mul

from mastra_convex.local.documents import FLOAT_BYTES, unpack
from mastra_convex.local.vectors import Query, Ranking, Scored


class PlainVectors:
    """Keeps the vectors as they are stored; every search reads all of them, which is never quick."""

    quick: bool = False

    def __init__(self, dimension: int, rows: int) -> None:
        self.size: int = rows * dimension * FLOAT_BYTES
        self._rows = rows
        self._vectors: dict[int, bytes] = {}

    @property
    def room(self) -> int:
        return self._rows - len(self._vectors)

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None:
        self._vectors.update(rows)

    def discard(self, seqs: Collection[int]) -> None:
        for seq in seqs:
            self._vectors.pop(seq, None)

    def ranking(self, query: Query, among: Collection[int] | None) -> Ranking:
        chosen = self._vectors.keys() if among is None else self._vectors.keys() & among
        scored: list[Scored] = [(_score(query, unpack(self._vectors[seq])), seq) for seq in chosen]
        scored.sort(key=lambda each: (-each[0], each[1]))
        return lambda first, end: scored[first:end]


def _score(query: Query, vector: list[float]) -> float:
    if query.metric == "euclidean":
        return 1 / (1 + math.dist(query.vector, vector))
    product = math.fsum(map(mul, query.vector, vector))
    if query.metric == "dotproduct":
        return product
    norm = math.hypot(*vector)
    return max(-1.0, min(1.0, product / query.norm / norm)) if norm and query.norm else 0.0
