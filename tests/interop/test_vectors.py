"""Vectors of Python and of the stock ConvexVector on one database."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import IndexDescription, VectorStore
from tests.backends import ConvexHost
from tests.interop.conftest import StockStore

METADATA: list[dict[str, Any]] = [
    {"n": 1, "resource_id": "r1", "text": "名字 🎉", "list": [1, 2.5, None, {"a": "б"}]},
    {"n": 2, "resource_id": "r2"},
    {},
]
VECTORS = [[1.0, 0.0, 0.0], [0.1, 0.2, 0.3], [0.0, 1.0, 0.0]]
IDS = ["a", "b", "c"]


@pytest.fixture
def vectors(ours: ConvexStore) -> VectorStore:
    return ours.vector


async def stock_upsert(stock: StockStore, **options: Any) -> Any:
    given = {"indexName": "docs", "vectors": VECTORS, "metadata": METADATA, "ids": IDS, **options}
    return await stock.call("vector", "upsert", given)


async def stock_query(stock: StockStore, **options: Any) -> Any:
    return await stock.call("vector", "query", {"indexName": "docs", "topK": 10, **options})


async def test_python_reads_vectors_of_typescript(vectors: VectorStore, stock: StockStore) -> None:
    await stock.call("vector", "createIndex", {"indexName": "docs", "dimension": 3})
    await stock_upsert(stock)
    assert await vectors.list_indexes() == ["docs"]
    description = await vectors.describe_index("docs")
    assert (description.dimension, description.count, description.metric) == (3, 3, "cosine")
    hits = await vectors.query("docs", query_vector=[0.1, 0.2, 0.3], include_vector=True)
    assert [hit.id for hit in hits] == ["b", "c", "a"]
    by_id = {hit.id: (hit.metadata, hit.vector) for hit in hits}
    assert by_id == {id: (METADATA[n], VECTORS[n]) for n, id in enumerate(IDS)}
    theirs = await stock_query(stock, queryVector=[0.1, 0.2, 0.3])
    assert [hit["id"] for hit in theirs] == [hit.id for hit in hits]
    assert [hit["score"] for hit in theirs] == [pytest.approx(hit.score, abs=1e-5) for hit in hits]


async def test_typescript_reads_vectors_of_python(
    vectors: VectorStore, stock: StockStore, interop_host: ConvexHost
) -> None:
    await vectors.create_index("docs", dimension=3)
    await vectors.upsert("docs", vectors=VECTORS, metadata=METADATA, ids=IDS)
    assert await stock.call("vector", "listIndexes") == ["docs"]
    described = await stock.call("vector", "describeIndex", {"indexName": "docs"})
    assert described == {"dimension": 3, "count": 3, "metric": "cosine"}
    hits = await stock_query(stock, queryVector=[0.1, 0.2, 0.3], includeVector=True)
    assert {hit["id"]: (hit["metadata"], hit["vector"]) for hit in hits} == {
        id: (METADATA[n], VECTORS[n]) for n, id in enumerate(IDS)
    }
    [hit] = await stock_query(stock, queryVector=[1, 0, 0], filter={"resource_id": "r2"})
    assert hit["id"] == "b"
    ours = await interop_host.rows("mastra_vectors")
    await stock.call("vector", "deleteIndex", {"indexName": "docs"})
    await stock.call("vector", "createIndex", {"indexName": "docs", "dimension": 3})
    await stock_upsert(stock)
    theirs = await interop_host.rows("mastra_vectors")
    system = ("_id", "_creationTime")
    assert [{k: v for k, v in row.items() if k not in system} for row in ours] == [
        {k: v for k, v in row.items() if k not in system} for row in theirs
    ]


async def test_both_change_the_same_vectors(vectors: VectorStore, stock: StockStore) -> None:
    await stock.call("vector", "createIndex", {"indexName": "docs", "dimension": 3})
    await stock_upsert(stock)
    await vectors.update_vector("docs", filter={"n": {"$gte": 1}}, metadata={"seen": True})
    await stock.call("vector", "updateVector", {"indexName": "docs", "id": "b", "update": {"metadata": {"n": 9}}})
    await vectors.delete_vector("docs", id="c")
    [found] = await stock_query(stock, queryVector=[1, 0, 0], filter={"n": 9})
    assert found["metadata"] == {"n": 9, "resource_id": "r2", "seen": True}
    await stock.call("vector", "deleteVector", {"indexName": "docs", "id": "a"})
    assert [hit.id for hit in await vectors.query("docs", filter={"seen": True})] == ["b"]
    await vectors.upsert("docs", vectors=[[0, 0, 1]], ids=["b"])
    [found] = await stock_query(stock, queryVector=[0, 0, 1])
    assert found["id"] == "b"
    assert found["score"] == pytest.approx(1)
    await vectors.delete_index("docs")
    assert await stock.call("vector", "listIndexes") == []


async def test_an_index_that_typescript_makes_again_with_another_dimension(
    vectors: VectorStore, stock: StockStore
) -> None:
    """It does so silently; vectors of the former dimension stay and are found no more."""
    await vectors.create_index("docs", dimension=3)
    await vectors.upsert("docs", vectors=VECTORS)
    await stock.call("vector", "createIndex", {"indexName": "docs", "dimension": 2})
    with pytest.raises(ValidationError, match="vectors of 2 numbers"):
        await vectors.query("docs", query_vector=VECTORS[0])
    assert await vectors.query("docs", query_vector=[1, 0]) == []


async def test_native_search_of_what_typescript_wrote(vectors: VectorStore, stock: StockStore) -> None:
    query = [1.0, *[0.0] * 1535]
    await stock.call("vector", "createIndex", {"indexName": "docs", "dimension": 1536})
    await stock_upsert(stock, vectors=[query, [0.5, 0.5, *query[2:]], [0.0, 1.0, *query[2:]]])
    assert await vectors.describe_index("docs") == IndexDescription(
        dimension=1536, count=3, metric="cosine", served="native"
    )
    assert [hit.id for hit in await vectors.query("docs", query_vector=query, top_k=2)] == ["a", "b"]
    [hit] = await vectors.query("docs", query_vector=query, filter={"resource_id": "r2", "n": {"$lt": 5}})
    assert hit.id == "b"
    assert hit.score == pytest.approx(0.5**0.5)
