"""Shows the vectors of one resource, and no other ones (docs/guide.md, "Ids and filters from a browser or a model")."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mastra_convex.domain import ArrayLike, VectorLike

from .filters import Filter
from .models import VectorHit

if TYPE_CHECKING:
    from . import VectorStore


class ResourceVectors:
    """Stores and searches the vectors of one resource: those whose metadata have its `resource_id`.

    `VectorStore.for_resource` makes it. Whatever ids, filters and metadata a method is given, it shows, changes and
    deletes no other vector. It raises ConflictError, and writes nothing, where an id is that of a vector of another
    resource, or of none; the commit itself checks that.

    Example:
        await store.vector.create_index("notes", dimension=2)
        mine = store.vector.for_resource("user-1")
        await mine.upsert("notes", vectors=[[1, 0]], ids=["a"], metadata=[{"n": 1}])
        [hit] = await mine.query("notes", query_vector=[1, 0])
        assert hit.metadata == {"n": 1, "resource_id": "user-1"}
        assert await store.vector.for_resource("user-2").query("notes", query_vector=[1, 0]) == []
    """

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors

    async def upsert(
        self,
        index_name: str,
        *,
        vectors: Collection[VectorLike] | ArrayLike,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        ids: Sequence[str] | None = None,
        delete_filter: Filter | None = None,
    ) -> list[str]:
        """Stores vectors as `VectorStore.upsert` does, each with this `resource_id` in its metadata.

        Args:
            index_name: name of the index.
            vectors: the vectors.
            metadata: the metadata of each vector; they need not name the resource.
            ids: the id of each vector; new ones by default.
            delete_filter: filter of the vectors of this resource to delete as well.

        Returns:
            The ids.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
            ConflictError: an id is that of a vector of another resource, or metadata name another.
        """
        return await self._vectors.upsert(
            index_name, vectors=vectors, metadata=metadata, ids=ids, delete_filter=delete_filter
        )

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
        """Finds the nearest vectors of this resource, as `VectorStore.query` does.

        Args:
            index_name: name of the index.
            query_vector: vector to be near to; None for all that match the filter.
            top_k: hits at most.
            filter: filter on the metadata.
            include_vector: True gives each hit its vector.
            min_score: least score of a hit.

        Returns:
            The hits, best first.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
        """
        return await self._vectors.query(
            index_name,
            query_vector=query_vector,
            top_k=top_k,
            filter=filter,
            include_vector=include_vector,
            min_score=min_score,
        )

    async def update_vector(
        self,
        index_name: str,
        *,
        id: str | None = None,
        filter: Filter | None = None,
        vector: VectorLike | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Changes one vector of this resource, or all that match a filter, as `VectorStore.update_vector` does.

        Args:
            index_name: name of the index.
            id: id of the vector. Give either `id` or `filter`.
            filter: filter on the metadata.
            vector: numbers that replace the stored ones.
            metadata: members to merge over the stored ones.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
            ConflictError: the id is that of a vector of another resource, or the metadata name another.
        """
        await self._vectors.update_vector(index_name, id=id, filter=filter, vector=vector, metadata=metadata)

    async def delete_vector(self, index_name: str, *, id: str) -> None:
        """Deletes a vector. Raises ConflictError for one of another resource."""
        await self._vectors.delete_vector(index_name, id=id)

    async def delete_vectors(
        self, index_name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None
    ) -> None:
        """Deletes the vectors of this resource with these ids, or all that match a filter.

        Args:
            index_name: name of the index.
            ids: ids of the vectors. Give either `ids` or `filter`.
            filter: filter on the metadata; it must not hold for every vector.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
            ConflictError: an id is that of a vector of another resource.
        """
        await self._vectors.delete_vectors(index_name, ids=ids, filter=filter)
