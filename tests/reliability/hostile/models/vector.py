from __future__ import annotations

import math

from mastra_convex import NotFoundError, ValidationError
from mastra_convex.rows.filters import compile_filter

from .lists import Row

Vector = list[float]


class VectorModel:
    """Filters are those of the evaluator in Python, which has tests of its own."""

    def __init__(self) -> None:
        self.indexes: dict[str, Row] = {}

    def create_index(self, index_name: str, dimension: int, metric: str = "cosine") -> None:
        if dimension < 1:
            raise ValidationError("dimension")
        made = {"dimension": dimension, "metric": metric, "vectors": {}}
        if self.indexes.setdefault(index_name, made)["dimension"] != dimension:
            raise ValidationError("another dimension")

    def list_indexes(self) -> list[str]:
        return sorted(self.indexes)

    def describe_index(self, index_name: str) -> Row:
        index = self._index(index_name)
        return {
            "dimension": index["dimension"],
            "count": len(index["vectors"]),
            "metric": index["metric"],
            "served": "scan",
        }

    def upsert(
        self,
        index_name: str,
        ids: list[str],
        vectors: list[Vector],
        metadata: list[Row | None],
        delete_filter: Row | None = None,
    ) -> list[str]:
        rows = self._index(index_name, vectors[0])["vectors"]
        if delete_filter is not None:
            self._drop(rows, self._matching(rows, delete_filter))
        for id, vector, members in zip(ids, vectors, metadata, strict=True):
            rows[id] = {"vector": vector, "metadata": members or {}}
        return ids

    def query(
        self,
        index_name: str,
        query_vector: Vector | None = None,
        filter: Row | None = None,
        top_k: int = 10,
        include_vector: bool = False,
        min_score: float | None = None,
    ) -> list[Row]:
        if query_vector is None and (filter is None or min_score is not None):
            raise ValidationError("query_vector must be given")
        index = self._index(index_name, query_vector)
        rows = index["vectors"]
        hits = [
            {
                "id": id,
                "score": 0 if query_vector is None else score(index["metric"], query_vector, rows[id]["vector"]),
                "metadata": rows[id]["metadata"],
                "vector": rows[id]["vector"] if include_vector else None,
            }
            for id in self._matching(rows, filter)
        ]
        hits = [hit for hit in hits if min_score is None or hit["score"] >= min_score]
        return sorted(hits, key=lambda hit: -hit["score"])[:top_k]

    def update_vector(
        self,
        index_name: str,
        id: str | None = None,
        filter: Row | None = None,
        vector: Vector | None = None,
        metadata: Row | None = None,
    ) -> None:
        if (id is None) == (filter is None) or (vector is None and metadata is None):
            raise ValidationError("one of id and filter, and something to change")
        rows = self._index(index_name, vector)["vectors"]
        for each in self._matching(rows, filter) if id is None else {id} & rows.keys():
            row = rows[each]
            rows[each] = {
                "vector": row["vector"] if vector is None else vector,
                "metadata": {**row["metadata"], **(metadata or {})},
            }

    def delete_vector(self, index_name: str, id: str) -> None:
        self._drop(self._index(index_name)["vectors"], [id])

    def delete_vectors(self, index_name: str, ids: list[str] | None = None, filter: Row | None = None) -> None:
        if (ids is None) == (filter is None) or ids == []:
            raise ValidationError("one of ids and filter")
        rows = self._index(index_name)["vectors"]
        self._drop(rows, self._matching(rows, filter) if ids is None else ids)

    def truncate_index(self, index_name: str) -> None:
        self._index(index_name)["vectors"].clear()

    def delete_index(self, index_name: str) -> None:
        self.indexes.pop(index_name, None)

    def _index(self, name: str, vector: Vector | None = None) -> Row:
        if name not in self.indexes:
            raise NotFoundError(f"index {name} not found")
        if vector is not None and len(vector) != self.indexes[name]["dimension"]:
            raise ValidationError("vectors of another dimension")
        return self.indexes[name]

    @staticmethod
    def _matching(rows: dict[str, Row], filter: Row | None) -> list[str]:
        holds = compile_filter(filter or {})
        return [id for id, row in rows.items() if holds(row["metadata"])]

    @staticmethod
    def _drop(rows: dict[str, Row], ids: list[str]) -> None:
        for id in ids:
            rows.pop(id, None)


def score(metric: str, a: Vector, b: Vector) -> float:
    if metric == "euclidean":
        return 1 / (1 + math.dist(a, b))
    product = math.sumprod(a, b) if hasattr(math, "sumprod") else sum(x * y for x, y in zip(a, b, strict=True))
    if metric == "dotproduct":
        return product
    lengths = math.hypot(*a) * math.hypot(*b)
    return product / lengths if lengths else 0.0
