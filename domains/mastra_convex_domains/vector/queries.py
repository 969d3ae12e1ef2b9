"""Finds the nearest vectors, those that match a filter, or those with given ids (docs/contract.md, "Vectors")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mastra_convex.domain import (
    Condition,
    Get,
    Guard,
    Scan,
    Search,
    SearchResult,
    VectorLike,
    decode_row,
    from_json,
    integer,
    number,
    text,
    texts,
)
from mastra_convex.errors import ValidationError

from .filters import Filter, filter_conditions
from .floats import packed, restored, shortest
from .indexes import IndexMethods, vectors_of
from .models import Metric, VectorHit
from .tables import VECTOR_INDEXES, VECTORS

_OPERATION = "VECTOR/QUERY"
_COLUMNS = ("id", "metadata")
_MOST = 2**31 - 1
"""A query asks for at most so many rows; no index has more, and every backend accepts the number."""


class QueryMethods(IndexMethods):
    """Adds the methods that find vectors to VectorStore."""

    async def query(
        self,
        index_name: str,
        *,
        query_vector: VectorLike | None = None,
        top_k: int = 10,
        filter: Filter | None = None,
        include_vector: bool = False,
        min_score: float | None = None,
    ) -> list[VectorHit]:
        """Finds the vectors that are nearest to `query_vector` among those that match the filter.

        A filter never makes the result shorter than it must be, however many vectors have to be read. This is one
        call, and only the hits are transferred; without a vector it is one call per 8 MiB of the index.

        Scores: `cosine` -1 to 1; `euclidean` 1 / (1 + distance); `dotproduct` the dot product.

        Args:
            index_name: name of the index.
            query_vector: list of numbers or array, of the dimension of the index. None finds all vectors that match
                the filter, with score 0.
            top_k: greatest number of hits.
            filter: filter on the metadata, in Mastra's filter language; None for all vectors.
            include_vector: True returns the numbers of each hit too.
            min_score: lowest score of a hit; None for any. It needs a `query_vector`.

        Returns:
            The hits, best first; without a `query_vector` in the order in which they were first stored.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
        """
        text(index_name, "index_name", operation=_OPERATION)
        top_k = integer(top_k, "top_k", operation=_OPERATION, most=None, status="INVALID_TOP_K")
        if min_score is not None:
            min_score = number(min_score, "min_score", operation=_OPERATION, status="INVALID_MIN_SCORE")
        top_k = min(top_k, _MOST)
        matching = [*filter_conditions(filter, "filter", operation=_OPERATION), *self._scope.conditions()]
        if query_vector is None:
            if filter is None or min_score is not None:
                needed = "query_vector or filter" if filter is None else "query_vector beside min_score"
                raise ValidationError(f"{needed} must be given", operation=_OPERATION, status="MISSING_VECTOR")
            return await self._matching(index_name, matching, top_k, include_vector=include_vector)
        vector = shortest(packed(query_vector, "query_vector", operation=_OPERATION))

        async def search(guards: list[Guard], metric: Metric) -> SearchResult:
            return await self._records.search(
                Search(
                    range=vectors_of(index_name, where=matching),
                    field="embedding",
                    vector=vector,
                    metric=metric,
                    limit=top_k,
                    min_score=min_score,
                    include_vector=bool(include_vector),
                    guards=guards,
                )
            )

        found = await self._guarded(index_name, len(vector), search, operation=_OPERATION)
        return [_hit(decode_row(VECTORS, hit.row), hit.score) for hit in found.hits]

    async def get_vectors(
        self, index_name: str, *, ids: Sequence[str], include_vector: bool = False
    ) -> list[VectorHit | None]:
        """Returns the vectors with these ids, in one call.

        Args:
            index_name: name of the index.
            ids: ids of the vectors.
            include_vector: True returns the numbers of each vector too.

        Returns:
            The vectors in the order of the ids, each once, with score 0; None for an unknown id.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
        """
        operation = "VECTOR/GET_VECTORS"
        text(index_name, "index_name", operation=operation)
        keys = [[index_name, id] for id in texts(ids, "ids", operation=operation)]
        wanted = Get(table=VECTORS.name, keys=keys)
        if not include_vector:
            wanted = replace(wanted, paths=[[column] for column in _COLUMNS])
        index, found = await self._records.read(Get(table=VECTOR_INDEXES.name, keys=[[index_name]]), wanted)
        self._found(index.rows[0], index_name, operation)
        if include_vector:
            return [None if row is None else _hit(decode_row(VECTORS, row), 0.0) for row in found.rows]
        return [None if values is None else _hit_of(values) for values in found.values or ()]

    async def _matching(
        self, index_name: str, matching: list[Condition], top_k: int, *, include_vector: bool
    ) -> list[VectorHit]:
        scan = Scan(table=VECTORS.name, index="by_index", prefixes=[[index_name]], where=matching, limit=top_k)
        if not include_vector:
            scan = replace(scan, paths=[[column] for column in _COLUMNS])
        index, found = await self._records.read(Get(table=VECTOR_INDEXES.name, keys=[[index_name]]), scan)
        self._found(index.rows[0], index_name, _OPERATION)
        if include_vector:
            return [_hit(decode_row(VECTORS, row), 0.0) for row in found.rows]
        return [_hit_of(values) for values in found.values or ()]


def _hit_of(values: Sequence[str | None]) -> VectorHit:
    """Returns the hit of a row of which the columns `_COLUMNS` were read, as JSON text."""
    return _hit({column: value and from_json(value) for column, value in zip(_COLUMNS, values, strict=True)}, 0.0)


def _hit(columns: dict[str, Any], score: float) -> VectorHit:
    embedding = columns.get("embedding")
    return VectorHit.stored(
        {
            "id": columns["id"],
            "score": score,
            "metadata": columns.get("metadata") or {},
            "vector": None if embedding is None else restored(embedding),
        },
        VECTORS,
    )
