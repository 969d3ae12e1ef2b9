"""What the suites of LangChain leave open: filters, scores, other writers, lifetimes, wrong arguments."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration
from langchain_core.vectorstores import InMemoryVectorStore

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.background_loop import OnEventLoopError
from mastra_convex.adapters.langchain import StoreKeyValues, StoreLLMCache, StoreVectors
from tests.adapters.pages import run_page

TEXTS = [f"text {n}" for n in range(12)]


class CountedEmbeddings(DeterministicFakeEmbedding):
    """Counts the calls of each kind, as connections of asynchronous ones belong to one loop."""

    calls: ClassVar[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append("sync")
        return super().embed_documents(texts)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append("async")
        return super().embed_documents(texts)


@pytest.fixture
def store(one_local_one_remote: ConvexStore) -> ConvexStore:
    return one_local_one_remote


@pytest.fixture
def embedding() -> Embeddings:
    return DeterministicFakeEmbedding(size=6)


async def test_searches_answer_as_the_store_in_memory(store: ConvexStore, embedding: Embeddings) -> None:
    ours = await StoreVectors.afrom_texts(TEXTS, embedding, [{"n": n} for n in range(12)], ids=TEXTS, store=store)
    theirs = await InMemoryVectorStore.afrom_texts(TEXTS, embedding, [{"n": n} for n in range(12)], ids=TEXTS)
    for k in (1, 4, 20):
        expected = await theirs.asimilarity_search_with_score("text 3", k)
        found = await ours.asimilarity_search_with_score("text 3", k)
        assert [document for document, _ in found] == [document for document, _ in expected]
        assert [score for _, score in found] == [pytest.approx(score, abs=1e-5) for _, score in expected]
        vector = embedding.embed_query("text 5")
        assert await ours.asimilarity_search_by_vector(vector, k) == theirs.similarity_search_by_vector(vector, k)
        diverse: dict[str, Any] = {"query": "another text", "k": k, "fetch_k": 8, "lambda_mult": 0.4}
        assert await ours.amax_marginal_relevance_search(**diverse) == theirs.max_marginal_relevance_search(**diverse)
    filtered = await ours.asimilarity_search("text 3", 3, filter={"n": {"$gte": 4, "$lt": 6}})
    assert {document.metadata["n"] for document in filtered} == {4, 5}
    near = await ours.asimilarity_search_with_relevance_scores("text 3", 12, score_threshold=0.99)
    assert [document.id for document, _ in near] == ["text 3"]


async def test_documents_of_other_writers(store: ConvexStore, embedding: Embeddings) -> None:
    await store.vector.create_index("docs", dimension=6)
    await store.vector.upsert(
        "docs", vectors=[[1] * 6, [2] * 6], ids=["a", "b"], metadata=[{"text": "from TypeScript", "n": 1}, None]
    )
    vectors = StoreVectors(store, embedding=embedding, index_name="docs")
    expected = [Document("from TypeScript", id="a", metadata={"n": 1}), Document("", id="b")]
    assert await vectors.aget_by_ids(["a", "none", "b"]) == expected
    await vectors.adelete()
    assert await vectors.aget_by_ids(["a", "b"]) == []


async def test_wrong_arguments_store_nothing(store: ConvexStore, embedding: Embeddings) -> None:
    vectors = StoreVectors(store, embedding=embedding)
    with pytest.raises(ValidationError, match=r"'text'.*text_key"):
        await vectors.aadd_documents([Document("a"), Document("b", metadata={"text": 1})])
    with pytest.raises(ValidationError, match="ids must be one for each document: 1 for 2"):
        await vectors.aadd_documents([Document("a"), Document("b")], ids=["a"])
    with pytest.raises(ValidationError, match="unknown arguments: where"):
        await vectors.asimilarity_search("a", where={"n": 1})
    with pytest.raises(ValidationError, match="metadata"):
        await vectors.aadd_documents([Document("a", metadata={"n": object()})])
    assert await vectors.asimilarity_search("a") == []
    values: StoreKeyValues[Any] = StoreKeyValues(store)
    with pytest.raises(ValidationError, match=r"entries\[1\]"):
        await values.amset([("a", 1), ("b", object())])
    assert await values.amget(["a"]) == [None]


async def test_synchronous_twins_use_synchronous_embeddings(store: ConvexStore) -> None:
    embedding = CountedEmbeddings(size=6)
    embedding.calls.clear()
    vectors = StoreVectors(store, embedding=embedding)
    await asyncio.to_thread(vectors.add_texts, ["a"], ids=["a"])
    await vectors.aadd_texts(["b"], ids=["b"])
    assert embedding.calls == ["sync", "async"]
    assert len(await asyncio.to_thread(vectors.similarity_search, "a")) == 2
    with pytest.raises(OnEventLoopError):
        vectors.add_texts(["c"])
    with pytest.raises(OnEventLoopError):
        vectors.similarity_search("a")
    assert embedding.calls == ["sync", "async"]
    with pytest.raises(OnEventLoopError):
        next(StoreKeyValues[Any](store).yield_keys())


async def test_values_expire(store: ConvexStore) -> None:
    values: StoreKeyValues[int] = StoreKeyValues(store, ttl=timedelta(hours=1))
    cache = StoreLLMCache(store, ttl=timedelta(hours=3))
    await values.amset([("a", 1)])
    await cache.aupdate("prompt", "model", [ChatGeneration(message=AIMessage("hello"))])
    later = datetime.now(UTC) + timedelta(hours=2)
    store.key_values.clock = lambda: later
    assert (await values.amget(["a"]), [key async for key in values.ayield_keys()]) == ([None], [])
    assert await cache.alookup("prompt", "model") == [ChatGeneration(message=AIMessage("hello"))]
    assert await cache.alookup("prompt", "other model") is None


async def test_an_answer_that_cannot_be_read_is_asked_for_anew(
    store: ConvexStore, caplog: pytest.LogCaptureFixture
) -> None:
    model = FakeListChatModel(responses=["one", "two", "three"], cache=StoreLLMCache(store))
    assert [(await model.ainvoke("hello")).content for _ in range(2)] == ["one", "one"]
    [stored] = (await store.key_values.list("langchain-llm-cache", nested=True)).key_values
    entry = {"namespace": stored.namespace, "key": stored.key, "value": stored.value.replace("AIMessage", "NoMessage")}
    await store.key_values.set_many("langchain-llm-cache", entries=[entry])
    assert [(await model.ainvoke("hello")).content for _ in range(2)] == ["two", "two"]
    assert "cannot be read" in caplog.text


async def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("langchain.md")
