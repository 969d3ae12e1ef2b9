"""Stores and searches vectors in named indexes, with Mastra's filter language (docs/contract.md, "Vectors")."""

from __future__ import annotations

from copy import copy
from typing import ClassVar

from mastra_convex.domain import Embedder, HashingEmbedder, Table, register, text

from .models import IndexDescription, Metric, VectorHit
from .queries import QueryMethods
from .resource_vectors import ResourceVectors
from .scopes import Scope
from .tables import VECTOR_INDEXES, VECTORS
from .upserts import UpsertMethods

__all__ = ["Embedder", "HashingEmbedder", "IndexDescription", "Metric", "ResourceVectors", "VectorHit", "VectorStore"]


@register
class VectorStore(UpsertMethods, QueryMethods):
    """Stores and searches vectors with metadata, in indexes that are made at run time.

    The rows are those of the `ConvexVector` of `@mastra/convex`. An id is unique within its index.

    Example:
        await store.vector.create_index("notes", dimension=2)
        await store.vector.upsert("notes", vectors=[[1, 0], [0, 1]], ids=["a", "b"], metadata=[{"n": 1}, {"n": 2}])
        [hit] = await store.vector.query("notes", query_vector=[1, 0.1], top_k=1)
        assert hit.id == "a" and hit.metadata == {"n": 1}
    """

    name: ClassVar[str] = "vector"
    tables: ClassVar[tuple[Table, ...]] = (VECTOR_INDEXES, VECTORS)
    error_family: ClassVar[str] = "VECTOR"

    def for_resource(self, resource_id: str) -> ResourceVectors:
        """Returns a view of the vectors of one resource, which shows, changes and deletes no other ones.

        Raises ValidationError for a blank `resource_id`.
        """
        limited = copy(self)
        limited._scope = Scope(text(resource_id, "resource_id", operation="VECTOR/FOR_RESOURCE"))
        return ResourceVectors(limited)
