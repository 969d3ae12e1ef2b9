"""Exact search with numpy: one product in single precision tells which rows can be among the best, and those alone are
scored in double precision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mastra_convex.local.vectors.scores import Query, Ranking, Scored

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

_SCORED_AT_ONCE = 512
_DENSE = 8
"""From one row in so many on, the product with all rows is cheaper than to gather the chosen ones."""
_LEAST, _MOST = 1e-18, 1e18
"""Norms for which single precision neither overflows nor underflows; others are always scored exactly."""


class ExactVectors:
    """A matrix of single precision with room for some more rows, which take no memory before they are used."""

    def __init__(self, dimension: int, rows: int) -> None:
        self._seqs = np.empty(rows, np.int64)
        self._numbers = np.empty((rows, dimension), "<f4")
        self._norms = np.empty(rows, np.float64)
        self._inverse = np.empty(rows, np.float32)
        self._unusual = np.empty(rows, np.bool_)
        self._count = 0

    @property
    def room(self) -> int:
        return len(self._seqs) - self._count

    @property
    def size(self) -> int:
        return self._numbers.nbytes

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None:
        end = self._count + len(rows)
        added = slice(self._count, end)
        numbers = np.frombuffer(b"".join([vector for _, vector in rows]), "<f4").reshape(len(rows), -1)
        doubles = numbers.astype(np.float64)
        norms = np.sqrt(np.square(doubles, out=doubles).sum(axis=1))
        unusual = ((norms < _LEAST) & (norms > 0)) | (norms > _MOST)
        self._seqs[added] = [seq for seq, _ in rows]
        self._numbers[added] = numbers
        self._norms[added] = norms
        self._unusual[added] = unusual
        self._inverse[added] = np.divide(1, norms, out=np.zeros(len(rows)), where=(norms > 0) & ~unusual)
        self._count = end

    def discard(self, seqs: Collection[int]) -> None:
        """Fills each gap with a row from the end."""
        gaps = self._positions(seqs)
        end = self._count - len(gaps)
        moved = np.setdiff1d(np.arange(end, self._count), gaps, assume_unique=True)
        filled = gaps[gaps < end]
        for column in (self._seqs, self._numbers, self._norms, self._inverse, self._unusual):
            column[filled] = column[moved]
        self._count = end

    def ranking(self, query: Query, among: Collection[int] | None) -> Ranking:
        chosen = None if among is None else self._positions(among)
        with np.errstate(all="ignore"):
            near, error = self._approximate(query, chosen)
        unusual = np.flatnonzero(self._unusual[: self._count] if chosen is None else self._unusual[chosen])
        near[unusual] = -np.inf

        def places(first: int, end: int) -> list[Scored]:
            candidates = np.union1d(_candidates(near, error, end), unusual)
            positions = candidates if chosen is None else chosen[candidates]
            scores, seqs = self._scores(query, positions), self._seqs[positions]
            order = np.lexsort((seqs, -scores))[first:end]
            return list(zip(scores[order].tolist(), seqs[order].tolist(), strict=True))

        return places

    def _positions(self, seqs: Collection[int]) -> Positions:
        wanted = np.fromiter(seqs, np.int64, len(seqs))
        return np.flatnonzero(np.isin(self._seqs[: self._count], wanted))

    def _approximate(self, query: Query, chosen: Positions | None) -> tuple[npt.NDArray[Any], Any]:
        """Numbers in the order of the scores, and how far each may be off."""
        vector = np.asarray(query.vector, np.float64)
        unit = (vector / query.norm if query.norm else vector).astype(np.float32)
        error = (len(vector) + 8) * float(np.finfo(np.float32).eps)
        rows = slice(self._count) if chosen is None else chosen
        if chosen is None or len(chosen) * _DENSE > self._count:
            product = (self._numbers[: self._count] @ unit)[slice(None) if chosen is None else chosen]
        else:
            product = self._numbers[chosen] @ unit
        if query.metric == "cosine":
            product *= self._inverse[rows]
            return product, error
        norms = self._norms[rows]
        if query.metric == "dotproduct":
            return product, error * norms
        squares = np.square(norms)
        near = (
            2 * query.norm * product.astype(np.float64) - squares
        )  # the square of the query's norm is the same for all
        return near, 2 * error * query.norm * norms + 2**-50 * squares

    def _scores(self, query: Query, positions: Positions) -> Floats:
        """The scores of these rows. What a row scores does not depend on its position."""
        vector = np.asarray(query.vector, np.float64)
        scores: Floats = np.empty(len(positions))
        for start in range(0, len(positions), _SCORED_AT_ONCE):
            part = slice(start, start + _SCORED_AT_ONCE)
            rows = self._numbers[positions[part]].astype(np.float64)
            if query.metric == "euclidean":
                rows -= vector
                scores[part] = 1 / (1 + np.sqrt(np.square(rows, out=rows).sum(axis=1)))
            else:
                rows *= vector
                scores[part] = rows.sum(axis=1)
        if query.metric == "cosine":
            norms = self._norms[positions]
            nonzero = (norms > 0) & (query.norm > 0)
            scores = np.divide(scores / (query.norm or 1), norms, out=np.zeros(len(positions)), where=nonzero)
            np.clip(scores, -1, 1, out=scores)
        return scores


def _candidates(near: npt.NDArray[Any], error: Any, count: int) -> Positions:
    """All positions that can be among the best `count`."""
    if count >= len(near):
        return np.arange(len(near))
    last = len(near) - count
    return np.flatnonzero(near + error >= np.partition(near - error, last)[last])
