"""Vectors: indexes by name, upserts, search, and the whole filter language (docs/contract.md, "Vectors")."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex.contract.embedders import Embedder, HashingEmbedder
from mastra_convex.domain import register
from mastra_convex.tables import Table

from .models import IndexDescription, Metric, VectorHit
from .queries import QueryMethods
from .tables import VECTOR_INDEXES, VECTORS
from .upserts import UpsertMethods

__all__ = ["Embedder", "HashingEmbedder", "IndexDescription", "Metric", "VectorHit", "VectorStore"]


@register
class VectorStore(UpsertMethods, QueryMethods):
    """Vectors with metadata, in indexes that are made at run time.

    The same rows as those of the `ConvexVector` of `@mastra/convex`. An id is unique within its index.
    """

    name: ClassVar[str] = "vector"
    tables: ClassVar[tuple[Table, ...]] = (VECTOR_INDEXES, VECTORS)
    error_family: ClassVar[str] = "VECTOR"
