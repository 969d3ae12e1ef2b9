"""Calls the embeddings of LangChain from the background loop of a store."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings


class EmbeddingsInThreads(Embeddings):
    """Gives embeddings for synchronous callers: by their synchronous methods, which `Embeddings` runs in threads.

    The asynchronous methods may hold connections that belong to the loop of the caller.

    Args:
        embeddings: the embeddings.
    """

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._embeddings.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._embeddings.embed_query(text)
