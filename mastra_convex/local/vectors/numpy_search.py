"""Exact search with numpy: one product in single precision tells which rows can be among the best, and those alone are
scored in double precision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mastra_convex.local.vectors import Query, Ranking, Scored

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

_QUICK_NUMBERS = 400_000
"""A product with so many numbers takes some 50 microseconds, and BLAS does not share it among threads."""
_NUMBERS_PER_ROW = 64
"""All other work for a row takes as long as the product with less than so many numbers."""
_ROWS_SCORED_AT_ONCE = 512
"""So many rows at a time are copied as doubles, which bounds the memory that scoring takes."""
_SPARSE = 8
"""If at most one row in so many is chosen, to gather those rows is cheaper than the product with all rows."""
_MIN_NORM, _MAX_NORM = 1e-18, 1e18
"""Between these norms single precision neither overflows nor underflows; other rows are always scored exactly."""
_ROUNDINGS = 16
"""A number in single precision may be off by the rounding of each product and sum, and by so many more at most."""


class ExactVectors:
    """A matrix of single precision with room for some more rows, which take no memory before they are used."""

    def __init__(self, dimension: int, rows: int) -> None:
        self._seqs = np.empty(rows, np.int64)
        self._numbers = np.empty((rows, dimension), "<f4")
        self._norms = np.empty(rows, np.float64)
        self._single_norms = np.empty(rows, np.float32)  # 0 in unusual rows, as in the next column
        self._inverse = np.empty(rows, np.float32)
        self._unusual = np.empty(rows, np.bool_)
        self._count = 0

    @property
    def room(self) -> int:
        return len(self._seqs) - self._count

    @property
    def size(self) -> int:
        return self._numbers.nbytes

    @property
    def quick(self) -> bool:
        return self._count * max(self._numbers.shape[1], _NUMBERS_PER_ROW) <= _QUICK_NUMBERS

    def add(self, rows: Sequence[tuple[int, bytes]]) -> None:
        end = self._count + len(rows)
        added = slice(self._count, end)
        numbers = np.frombuffer(b"".join([vector for _, vector in rows]), "<f4").reshape(len(rows), -1)
        doubles = numbers.astype(np.float64)
        norms = np.sqrt(np.square(doubles, out=doubles).sum(axis=1))
        unusual = ((norms < _MIN_NORM) & (norms > 0)) | (norms > _MAX_NORM)
        self._seqs[added] = [seq for seq, _ in rows]
        self._numbers[added] = numbers
        self._norms[added] = norms
        self._single_norms[added] = np.where(unusual, 0, norms)
        self._unusual[added] = unusual
        self._inverse[added] = np.divide(1, norms, out=np.zeros(len(rows)), where=(norms > 0) & ~unusual)
        self._count = end

    def discard(self, seqs: Collection[int]) -> None:
        """Removes rows; each gap is filled with a row from the end."""
        gaps = self._positions(seqs)
        end = self._count - len(gaps)
        moved = np.setdiff1d(np.arange(end, self._count), gaps, assume_unique=True)
        filled = gaps[gaps < end]
        for column in (self._seqs, self._numbers, self._norms, self._single_norms, self._inverse, self._unusual):
            column[filled] = column[moved]
        self._count = end

    def ranking(self, query: Query, among: Collection[int] | None) -> Ranking:
        vector = np.asarray(query.vector, np.float64)
        chosen = None if among is None else self._positions(among)
        with np.errstate(all="ignore"):
            near, error = self._approximate(query, vector, chosen)
        unusual = np.flatnonzero(self._unusual[: self._count] if chosen is None else self._unusual[chosen])
        near[unusual] = -np.inf

        def places(first: int, end: int) -> list[Scored]:
            candidates = _candidates(near, error, end)
            if len(unusual):
                candidates = np.union1d(candidates, unusual)
            positions = candidates if chosen is None else chosen[candidates]
            scores, seqs = self._scores(query, vector, positions), self._seqs[positions]
            order = np.lexsort((seqs, -scores))[first:end]
            return list(zip(scores[order].tolist(), seqs[order].tolist(), strict=True))

        return places

    def _positions(self, seqs: Collection[int]) -> Positions:
        wanted = np.fromiter(seqs, np.int64, len(seqs))
        return np.flatnonzero(np.isin(self._seqs[: self._count], wanted))

    def _approximate(self, query: Query, vector: Doubles, chosen: Positions | None) -> tuple[Singles, Any]:
        """Returns numbers in the order of the scores, and how far each may be off: one number, or one for each."""
        unit = (vector / query.norm if query.norm else vector).astype(np.float32)
        near = self._product(unit, chosen)
        rows = slice(self._count) if chosen is None else chosen
        error = (len(vector) + _ROUNDINGS) * float(np.finfo(np.float32).eps)
        if query.metric == "cosine":
            near *= self._inverse[rows]
            return near, error
        norms = self._single_norms[rows]
        errors = error * norms
        if query.metric == "dotproduct":
            return near, errors
        # The square of the distance without that of the query's norm, which is the same for all rows. A large norm
        # divides it, so that it does not overflow.
        divisor = max(query.norm, 1.0)
        share = query.norm / divisor
        squares = np.square(norms) / divisor
        near *= 2 * share
        near -= squares
        return near, 2 * share * errors + _ROUNDINGS * float(np.finfo(np.float32).eps) * squares

    def _product(self, unit: Singles, chosen: Positions | None) -> Singles:
        if chosen is not None and len(chosen) * _SPARSE <= self._count:
            return self._numbers[chosen] @ unit
        product = self._numbers[: self._count] @ unit
        return product if chosen is None else product[chosen]

    def _scores(self, query: Query, vector: Doubles, positions: Positions) -> Doubles:
        """Returns the scores of these rows. What a row scores does not depend on its position."""
        scores: Doubles = np.empty(len(positions))
        for start in range(0, len(positions), _ROWS_SCORED_AT_ONCE):
            part = slice(start, start + _ROWS_SCORED_AT_ONCE)
            rows = self._numbers[positions[part]].astype(np.float64)
            if query.metric == "euclidean":
                rows -= vector
                scores[part] = 1 / (1 + np.sqrt(np.square(rows, out=rows).sum(axis=1)))
            else:
                rows *= vector
                scores[part] = rows.sum(axis=1)
        if query.metric == "cosine":
            norms = self._norms[positions]
            norms[norms == 0] = np.inf  # a zero vector scores 0
            scores /= query.norm or 1
            scores /= norms
            np.clip(scores, -1, 1, out=scores)
        return scores


def _candidates(near: Singles, error: Any, count: int) -> Positions:
    """Returns all positions that can be among the best `count`."""
    if count >= len(near):
        return np.arange(len(near))
    last = len(near) - count
    certain = near - error
    certain.partition(last)
    return np.flatnonzero(near >= certain[last] - error)
