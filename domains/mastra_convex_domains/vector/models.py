"""Defines the answers of the vector store (docs/contract.md, "Vectors")."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from mastra_convex.domain import Model, Record, StoredObject

Metric = Literal["cosine", "euclidean", "dotproduct"]
"""A metric compares two vectors; a greater score means nearer (docs/protocol.md, "search")."""


class IndexDescription(Model):
    """Describes an index of vectors.

    Example:
        await store.vector.create_index("notes", dimension=2)
        index = await store.vector.describe_index("notes")
        assert (index.dimension, index.count, index.metric, index.served) == (2, 0, "cosine", "scan")
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    dimension: int
    """Counts the numbers of each vector."""
    count: int
    """Counts the vectors in the index."""
    metric: Metric
    """Names the metric that compares vectors."""
    served: Literal["native", "scan"]
    """Names how the index is searched.

    `native` uses Convex's own vector index, so that only rows near the query are read. `scan` reads all vectors of the
    index, on the server or in the SQLite file.
    """


class VectorHit(Record):
    """Represents a vector that a query found.

    Example:
        await store.vector.create_index("notes", dimension=2)
        await store.vector.upsert("notes", vectors=[[1, 0]], ids=["a"])
        hits = await store.vector.query("notes", query_vector=[2, 0])
        assert hits == [VectorHit(id="a", score=1)]
    """

    id: str
    """Identifies the vector within its index."""
    score: float
    """Holds the score by the metric of the index; 0 when the query had no vector."""
    metadata: StoredObject = Field(default_factory=dict)
    """Holds the metadata of the vector."""
    vector: list[float] | None = None
    """Holds the numbers, or None when the query did not ask for them."""
