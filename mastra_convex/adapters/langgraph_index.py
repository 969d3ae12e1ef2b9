"""Finds the values of a LangGraph store by their meaning, in an index of `store.vector`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from typing import Any, Final, NamedTuple, Self

from langgraph.store.base import IndexConfig, PutOp, ensure_embeddings, get_text_at_path, tokenize_path

from mastra_convex.adapters.langchain_embeddings import EmbeddingsInThreads
from mastra_convex.domain import json_object, new_id
from mastra_convex.errors import ConfigurationError, NotFoundError
from mastra_convex.store_base import DomainAccess

ItemKey = tuple[tuple[str, ...], str]
"""Is the namespace and the key of an item."""

_ALL: Final = 2**31 - 1


class VectorOfItem(NamedTuple):
    """Names a vector that was found, and the item to which it belonged when it was stored."""

    id: str
    key: ItemKey
    score: float


class SemanticIndex:
    """Embeds texts of items and finds them. A vector counts only while its item names it.

    Args:
        store: the store.
        name: name of the index in `store.vector`; it is made with the first vectors.
        config: the embeddings, how many numbers they have, and the paths of the texts in a value (`$`, all of it, by
            default).

    Raises:
        ConfigurationError: the configuration has no embeddings.
    """

    def __init__(self, store: DomainAccess, name: str, config: IndexConfig) -> None:
        if not config.get("embed"):
            raise ConfigurationError("index must have embed: embeddings, a function, or the name of a model")
        self._store = store
        self._name = name
        self._dimension = config.get("dims")
        self._fields = config.get("fields") or ["$"]
        self._embeddings = ensure_embeddings(config["embed"])

    def in_threads(self) -> Self:
        """Returns the index as synchronous methods use it."""
        other = copy(self)
        other._embeddings = EmbeddingsInThreads(self._embeddings)
        return other

    async def add(self, puts: Sequence[PutOp]) -> list[list[str]]:
        """Embeds and stores the texts of values, and returns the ids of the vectors of each.

        Raises ValidationError, before anything is stored, for a value that is no JSON object.
        """
        texts = [self._texts(put) for put in puts]
        distinct = list(dict.fromkeys(text for each in texts for text in each))
        if not distinct:
            return [[] for _ in puts]
        vectors = dict(zip(distinct, await self._embeddings.aembed_documents(distinct), strict=True))
        ids = [[new_id() for _ in each] for each in texts]
        metadata = [_metadata(put) for put, each in zip(puts, texts, strict=True) for _ in each]
        await self._upsert(
            [vectors[text] for each in texts for text in each], [id for each in ids for id in each], metadata
        )
        return ids

    async def remove(self, ids: Sequence[str]) -> None:
        """Deletes vectors."""
        if ids:
            await self._store.vector.delete_vectors(self._name, ids=ids)

    async def embed(self, query: str) -> list[float]:
        """Returns the vector of a query."""
        return await self._embeddings.aembed_query(query)

    async def nearest(self, vector: list[float], namespace: Sequence[str], top_k: int) -> list[VectorOfItem]:
        """Finds the nearest vectors of the items in a namespace and those within it, nearest first."""
        within = {f"namespace.{n}": label for n, label in enumerate(namespace)}
        try:
            hits = await self._store.vector.query(self._name, query_vector=vector, top_k=top_k, filter=within)
        except NotFoundError:
            return []  # nothing was ever embedded
        return [_vector_of_item(hit.id, hit.metadata, hit.score) for hit in hits]

    async def older_than(self, seconds: float) -> list[VectorOfItem]:
        """Returns all vectors that were stored longer ago."""
        try:
            hits = await self._store.vector.query(
                self._name, filter={"stored_at": {"$lte": time.time() - seconds}}, top_k=_ALL
            )
        except NotFoundError:
            return []
        return [_vector_of_item(hit.id, hit.metadata, hit.score) for hit in hits]

    def _texts(self, put: PutOp) -> list[str]:
        if put.value is None or put.index is False:
            return []
        json_object(put.value, "value", operation="PUT")
        paths = self._fields if put.index is None else put.index
        found = (get_text_at_path(put.value, path if path == "$" else tokenize_path(path)) for path in paths)
        return [text for texts in found for text in texts]

    async def _upsert(self, vectors: list[list[float]], ids: list[str], metadata: list[dict[str, Any]]) -> None:
        index = self._store.vector
        try:
            await index.upsert(self._name, vectors=vectors, ids=ids, metadata=metadata)
        except NotFoundError:
            await index.create_index(self._name, dimension=self._dimension or len(vectors[0]))
            await index.upsert(self._name, vectors=vectors, ids=ids, metadata=metadata)


def _metadata(put: PutOp) -> dict[str, Any]:
    labels = {str(n): label for n, label in enumerate(put.namespace)}
    return {"namespace": labels, "key": put.key, "stored_at": time.time()}


def _vector_of_item(id: str, metadata: dict[str, Any], score: float) -> VectorOfItem:
    labels = metadata["namespace"]
    return VectorOfItem(id, (tuple(labels[str(n)] for n in range(len(labels))), metadata["key"]), score)
