"""Makes the vectors of a store a vector store of LangChain (docs/adapters/langchain.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Literal, Self, TypeVar

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.adapters.langchain_embeddings import EmbeddingsInThreads
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.domain import new_id
from mastra_convex.errors import NotFoundError, ValidationError

T = TypeVar("T")

Filter = Mapping[str, Any] | None
"""Is a filter on the metadata of documents, in Mastra's filter language (docs/guide.md, "Vectors")."""


class StoreVectors(OverStore, VectorStore):
    """Stores documents with their embeddings in an index of `store.vector`.

    The text is in the metadata of its vector, where Mastra's RAG tools have it too. The index is made with the first
    documents, as the dimension is known then. Scores are those of the metric, a greater one is nearer.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment of the environment.
        embedding: the embeddings of documents and queries.
        index_name: name of the index.
        metric: `cosine`, `euclidean` or `dotproduct`, when the index is made.
        text_key: key of the text in the metadata of a vector. No document may have it in its own metadata.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        from langchain_core.embeddings import DeterministicFakeEmbedding

        vectors = StoreVectors(store, embedding=DeterministicFakeEmbedding(size=8))
        await vectors.aadd_documents([Document("The ferry leaves at noon", metadata={"page": 1})], ids=["a"])
        [found] = await vectors.asimilarity_search("When is the ferry?", filter={"page": {"$lt": 5}})
        assert (found.id, found.page_content) == ("a", "The ferry leaves at noon")
    """

    def __init__(
        self,
        store: StoreSource = None,
        *,
        embedding: Embeddings,
        index_name: str = "langchain",
        metric: Literal["cosine", "euclidean", "dotproduct"] = "cosine",
        text_key: str = "text",
    ) -> None:
        super().__init__(store)
        self.embedding = embedding
        self.index_name = index_name
        self.metric = metric
        self.text_key = text_key

    @property
    def embeddings(self) -> Embeddings:
        """Returns the embeddings of documents and queries."""
        return self.embedding

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        store: StoreSource = None,
        **options: Any,
    ) -> Self:
        """Makes an adapter and adds texts to it.

        Args:
            texts: the texts.
            embedding: the embeddings of documents and queries.
            metadatas: metadata for each text; None for none.
            ids: an id for each text; new ones by default.
            store: the store, as for the constructor.
            options: further arguments of the constructor.

        Returns:
            The adapter.

        Raises:
            ConfigurationError: the store cannot be opened.
            ValidationError: an argument is wrong.
        """
        made = cls(store, embedding=embedding, **options)
        await made.aadd_texts(texts, metadatas, ids=ids)
        return made

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        store: StoreSource = None,
        **options: Any,
    ) -> Self:
        """Does what `afrom_texts` does, where no event loop runs."""
        made = cls(store, embedding=embedding, **options)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    async def aadd_documents(
        self, documents: list[Document], ids: Sequence[str | None] | None = None, **options: Any
    ) -> list[str]:
        """Embeds and stores documents; those of the same ids are replaced. Documents of a call are few commits.

        Args:
            documents: the documents.
            ids: an id for each; None for those that the documents have, or new ones.
            options: none are known.

        Returns:
            The ids.

        Raises:
            ValidationError: an argument is wrong.
        """
        _refuse(options)
        if ids is not None and len(ids) != len(documents):
            raise ValidationError(f"ids must be one for each document: {len(ids)} for {len(documents)}")
        if not documents:
            return []
        names = [id or new_id() for id in (ids or [document.id for document in documents])]
        metadata = [self._metadata(document) for document in documents]
        vectors = await self.embedding.aembed_documents([document.page_content for document in documents])
        index = self.store.vector
        try:
            return await index.upsert(self.index_name, vectors=vectors, ids=names, metadata=metadata)
        except NotFoundError:
            await index.create_index(self.index_name, dimension=len(vectors[0]), metric=self.metric)
            return await index.upsert(self.index_name, vectors=vectors, ids=names, metadata=metadata)

    def add_documents(
        self, documents: list[Document], ids: Sequence[str | None] | None = None, **options: Any
    ) -> list[str]:
        """Does what `aadd_documents` does, where no event loop runs."""
        return self._run(self._in_background.aadd_documents(documents, ids, **options))

    async def adelete(self, ids: Sequence[str] | None = None, **options: Any) -> bool:
        """Deletes documents; an unknown id is no error.

        Args:
            ids: the ids; None for all documents of the index.
            options: none are known.

        Returns:
            True, as they are gone.

        Raises:
            ValidationError: an argument is wrong.
        """
        _refuse(options)
        try:
            if ids is None:
                await self.store.vector.truncate_index(self.index_name)
            elif ids:
                await self.store.vector.delete_vectors(self.index_name, ids=ids)
        except NotFoundError:
            pass  # no document was ever added
        return True

    def delete(self, ids: Sequence[str] | None = None, **options: Any) -> bool:
        """Does what `adelete` does, where no event loop runs."""
        return self._run(self.adelete(ids, **options))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Returns the documents with these ids, without those that do not exist."""
        try:
            found = await self.store.vector.get_vectors(self.index_name, ids=ids)
        except NotFoundError:
            return []
        return [self._document(hit.id, hit.metadata) for hit in found if hit is not None]

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Does what `aget_by_ids` does, where no event loop runs."""
        return self._run(self.aget_by_ids(ids))

    async def asimilarity_search(
        self, query: str, k: int = 4, *, filter: Filter = None, **options: Any
    ) -> list[Document]:
        """Finds the documents that are nearest to a text.

        Args:
            query: the text.
            k: documents at most.
            filter: filter on their metadata; None for all.
            options: none are known.

        Returns:
            The documents, nearest first.

        Raises:
            ValidationError: an argument is wrong.
        """
        found = await self.asimilarity_search_with_score(query, k, filter=filter, **options)
        return [document for document, _ in found]

    def similarity_search(self, query: str, k: int = 4, *, filter: Filter = None, **options: Any) -> list[Document]:
        """Does what `asimilarity_search` does, where no event loop runs."""
        return self._run(self._in_background.asimilarity_search(query, k, filter=filter, **options))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter = None, **options: Any
    ) -> list[tuple[Document, float]]:
        """Finds the documents that are nearest to a text, each with its score; the arguments are those of a search."""
        _refuse(options)
        found = await self._nearest(await self.embedding.aembed_query(query), k, filter)
        return [(document, score) for document, score, _ in found]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter = None, **options: Any
    ) -> list[tuple[Document, float]]:
        """Does what `asimilarity_search_with_score` does, where no event loop runs."""
        return self._run(self._in_background.asimilarity_search_with_score(query, k, filter=filter, **options))

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter = None, **options: Any
    ) -> list[Document]:
        """Finds the documents that are nearest to a vector; the other arguments are those of a search."""
        _refuse(options)
        return [document for document, _, _ in await self._nearest(embedding, k, filter)]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter = None, **options: Any
    ) -> list[Document]:
        """Does what `asimilarity_search_by_vector` does, where no event loop runs."""
        return self._run(self.asimilarity_search_by_vector(embedding, k, filter=filter, **options))

    async def amax_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter = None,
        **options: Any,
    ) -> list[Document]:
        """Finds documents that are near to a text and differ among themselves.

        Args:
            query: the text.
            k: documents at most.
            fetch_k: how many of the nearest documents are chosen from.
            lambda_mult: from 0 (most different) to 1 (nearest).
            filter: filter on the metadata; None for all.
            options: none are known.

        Returns:
            The documents, in the order in which they were chosen.

        Raises:
            ValidationError: an argument is wrong.
        """
        vector = await self.embedding.aembed_query(query)
        return await self.amax_marginal_relevance_search_by_vector(
            vector, k, fetch_k, lambda_mult, filter=filter, **options
        )

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter = None,
        **options: Any,
    ) -> list[Document]:
        """Does what `amax_marginal_relevance_search` does, where no event loop runs."""
        background = self._in_background
        return self._run(
            background.amax_marginal_relevance_search(query, k, fetch_k, lambda_mult, filter=filter, **options)
        )

    async def amax_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter = None,
        **options: Any,
    ) -> list[Document]:
        """Does what `amax_marginal_relevance_search` does, for a vector in place of a text."""
        import numpy as np  # noqa: PLC0415  # nothing else here needs it

        _refuse(options)
        found = await self._nearest(embedding, fetch_k, filter, include_vector=True)
        vectors = [vector for _, _, vector in found]
        query = np.array(embedding, dtype=np.float32)
        chosen = await asyncio.to_thread(maximal_marginal_relevance, query, vectors, lambda_mult, k)
        return [found[n][0] for n in chosen]

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter = None,
        **options: Any,
    ) -> list[Document]:
        """Does what `amax_marginal_relevance_search_by_vector` does, where no event loop runs."""
        return self._run(
            self.amax_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, filter=filter, **options)
        )

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Returns what makes a relevance, from 0 to 1, of a score: what is below 0 has none."""
        return lambda score: min(max(score, 0.0), 1.0)

    async def _nearest(
        self, vector: list[float], k: int, filter: Filter, *, include_vector: bool = False
    ) -> list[tuple[Document, float, list[float]]]:
        """Returns the nearest documents with their scores and, if they are wanted, their vectors."""
        try:
            hits = await self.store.vector.query(
                self.index_name, query_vector=vector, top_k=k, filter=filter, include_vector=include_vector
            )
        except NotFoundError:
            return []  # no document was ever added
        return [(self._document(hit.id, hit.metadata), hit.score, hit.vector or []) for hit in hits]

    def _metadata(self, document: Document) -> dict[str, Any]:
        if self.text_key in document.metadata:
            problem = f"metadata must not have the key {self.text_key!r}, which is that of the text"
            raise ValidationError(f"{problem}; rename it, or give the adapter another text_key")
        return {**document.metadata, self.text_key: document.page_content}

    def _document(self, id: str, metadata: dict[str, Any]) -> Document:
        others = {key: value for key, value in metadata.items() if key != self.text_key}
        return Document(id=id, page_content=str(metadata.get(self.text_key, "")), metadata=others)

    @cached_property
    def _in_background(self) -> Self:
        """Is this adapter as synchronous methods use it: with embeddings that may be called on any loop."""
        other = copy(self)
        other.embedding = EmbeddingsInThreads(self.embedding)
        return other

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return loop_of(self.store).run(coroutine)


def _refuse(options: Mapping[str, Any]) -> None:
    """Raises ValidationError for options that would have no effect."""
    if options:
        raise ValidationError(f"unknown arguments: {', '.join(options)}")
