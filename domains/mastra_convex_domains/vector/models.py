"""What the vector store answers (docs/contract.md, "Vectors")."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mastra_convex.contract.models import Record, StoredObject

Metric = Literal["cosine", "euclidean", "dotproduct"]
"""How two vectors are compared; the scores are in docs/protocol.md, "search". The greater, the nearer."""


class IndexDescription(BaseModel):
    """An index of vectors.

    `served` says how it is searched: `native` by Convex's own vector index, in which case only rows near the query are
    read, or by a `scan` of all its vectors, on the server or in the SQLite file.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    dimension: int
    count: int
    metric: Metric
    served: Literal["native", "scan"]


class VectorHit(Record):
    """A vector that was found. `vector` is None unless it was asked for; `score` is 0 where the query had no vector."""

    id: str
    score: float
    metadata: StoredObject = Field(default_factory=dict)
    vector: list[float] | None = None
