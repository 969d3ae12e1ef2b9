"""Changes and deletes of vectors, by id and by filter; the vectors of a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mastra_convex import ConvexStore, TooLargeError, ValidationError
from mastra_convex_domains import MemoryStore, VectorStore
from tests.backends import Backend
from tests.data import thread
from tests.domains.vector.data import ids, vector
from tests.effort import once, some_backends


@pytest.fixture
async def filled(vectors: VectorStore) -> VectorStore:
    """Two indexes with the same ids: a, b, c and d."""
    for index in ("i", "other"):
        await vectors.create_index(index, dimension=3)
        await vectors.upsert(
            index,
            vectors=[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]],
            ids=["a", "b", "c", "d"],
            metadata=[{"n": 1, "deep": {"x": 1}}, {"n": 2}, {"n": 3}, None],
        )
    return vectors


async def contents(vectors: VectorStore, index: str = "i") -> dict[str, tuple[dict[str, Any], list[float] | None]]:
    hits = await vectors.query(index, filter={}, top_k=10_000, include_vector=True)
    return {hit.id: (hit.metadata, hit.vector) for hit in hits}


async def test_update_by_id(filled: VectorStore) -> None:
    before = await contents(filled)
    await filled.update_vector("i", id="a", metadata={"deep": {"y": 2}, "$key": [1]})
    await filled.update_vector("i", id="b", vector=[0.5, 0, 0])
    await filled.update_vector("i", id="c", vector=[0, 0.1, 0], metadata={"n": 4})
    await filled.update_vector("i", id="d", metadata={"n": 5})
    await filled.update_vector("i", id="unknown", metadata={"n": 6})
    assert await contents(filled) == {
        "a": ({"n": 1, "deep": {"y": 2}, "$key": [1]}, [1.0, 0.0, 0.0]),
        "b": ({"n": 2}, [0.5, 0.0, 0.0]),
        "c": ({"n": 4}, [0.0, 0.1, 0.0]),
        "d": ({"n": 5}, [1.0, 1.0, 0.0]),
    }
    assert await contents(filled, "other") == before


async def test_update_by_filter(filled: VectorStore) -> None:
    await filled.update_vector("i", filter={"n": {"$gte": 2}}, vector=[0, 0, 2], metadata={"seen": True})
    assert await contents(filled) == {
        "a": ({"n": 1, "deep": {"x": 1}}, [1.0, 0.0, 0.0]),
        "b": ({"n": 2, "seen": True}, [0.0, 0.0, 2.0]),
        "c": ({"n": 3, "seen": True}, [0.0, 0.0, 2.0]),
        "d": ({}, [1.0, 1.0, 0.0]),
    }


async def test_a_merge_that_makes_many_rows_large(vectors: VectorStore) -> None:
    await vectors.create_index("i", dimension=3)
    await vectors.upsert("i", vectors=[[1, 0, 0]] * 40, metadata=[{"n": 1}] * 40)
    await vectors.update_vector("i", filter={"n": 1}, metadata={"text": "x" * 500_000})
    hits = await vectors.query("i", filter={"text": {"$regex": "^x"}}, top_k=3)
    assert [len(hit.metadata["text"]) for hit in hits] == [500_000] * 3
    assert len(await vectors.query("i", filter={"text": {"$exists": False}}, top_k=100)) == 0


async def test_concurrent_merges_are_all_kept(filled: VectorStore) -> None:
    await asyncio.gather(*(filled.update_vector("i", id="a", metadata={f"k{n}": n}) for n in range(20)))
    assert {f"k{n}" for n in range(20)} <= (await contents(filled))["a"][0].keys()


async def test_delete_by_id(filled: VectorStore) -> None:
    await filled.delete_vector("i", id="a")
    await filled.delete_vector("i", id="a")
    await filled.delete_vectors("i", ids=["b", "unknown", "b"])
    assert set(await contents(filled)) == {"c", "d"}
    assert len(await contents(filled, "other")) == 4


async def test_delete_by_filter(filled: VectorStore) -> None:
    await filled.delete_vectors("i", filter={"n": {"$lt": 3}})
    await filled.delete_vectors("i", filter={"n": 99})
    assert set(await contents(filled)) == {"c", "d"}
    assert len(await contents(filled, "other")) == 4


@pytest.mark.long
@some_backends("sqlite")
async def test_more_than_a_transaction_takes(vectors: VectorStore) -> None:
    await vectors.create_index("i", dimension=3)
    count = 4_500
    await vectors.upsert(
        "i",
        vectors=[vector(3, 1)] * count,
        ids=[f"v{n}" for n in range(count)],
        metadata=[{"n": n, "odd": bool(n % 2)} for n in range(count)],
    )
    await vectors.update_vector("i", filter={"odd": True}, metadata={"marked": True})
    assert len(await vectors.query("i", filter={"marked": True}, top_k=count)) == count // 2
    await vectors.delete_vectors("i", filter={"odd": True})
    assert (await vectors.describe_index("i")).count == count // 2
    await vectors.delete_vectors("i", ids=[f"v{n}" for n in range(count - 10)])
    assert ids(await vectors.query("i", query_vector=[1, 0, 0])) == [f"v{n}" for n in range(count - 10, count, 2)]


@once
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"id": "a", "filter": {"n": 1}, "metadata": {}}, "MUTUALLY_EXCLUSIVE"),
        ({"metadata": {}}, "NO_TARGET"),
        ({"id": "a"}, "NO_UPDATES"),
        ({"filter": {}, "metadata": {}}, "EMPTY_FILTER"),
        ({"filter": {"$gt": 1}, "metadata": {}}, "INVALID_FILTER"),
        ({"id": "", "metadata": {}}, "INVALID_ID"),
        ({"id": "a", "metadata": "text"}, "INVALID_INPUT"),
        ({"id": "a", "vector": [1, None, 2]}, "INVALID_VECTOR_VALUE"),
        ({"id": "a", "vector": [1, 2]}, "DIMENSION_MISMATCH"),
    ],
)
async def test_updates_that_are_refused(filled: VectorStore, arguments: dict[str, Any], status: str) -> None:
    before = await contents(filled)
    with pytest.raises(ValidationError) as caught:
        await filled.update_vector("i", **arguments)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_UPDATE_VECTOR_{status}"
    assert await contents(filled) == before


@once
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"ids": ["a"], "filter": {"n": 1}}, "MUTUALLY_EXCLUSIVE"),
        ({}, "NO_TARGET"),
        ({"ids": []}, "EMPTY_IDS"),
        ({"ids": "a"}, "INVALID_INPUT"),
        ({"ids": ["a", ""]}, "INVALID_IDS"),
        ({"filter": {}}, "EMPTY_FILTER"),
        ({"filter": {"a": {"$near": 1}}}, "INVALID_FILTER"),
    ],
)
async def test_deletes_that_are_refused(filled: VectorStore, arguments: dict[str, Any], status: str) -> None:
    with pytest.raises(ValidationError) as caught:
        await filled.delete_vectors("i", **arguments)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_DELETE_VECTORS_{status}"
    assert len(await contents(filled)) == 4


MATCH_ALL: list[Any] = [
    {"a": {}},
    {"a": {"b": {}}, "c.d": {}},
    {"$and": []},
    {"$and": [{}]},
    {"$nor": []},
    {"$or": [{"n": 1}, {}]},
    {"a": {"$nin": []}},
    {"a": {"$not": {"$in": []}}},
    {"$not": {"$or": []}},
    {"$nor": [{"a": {"$in": []}}]},
    {"$or": [{"n": 1}, {"n": {"$ne": 1}}]},
    {"$or": [{"n": {"$exists": True}}, {"n": {"$exists": False}}]},
    {"a": {"$not": {"$elemMatch": {"$in": []}}}},
]


@once
@pytest.mark.parametrize("filter", MATCH_ALL, ids=str)
async def test_a_filter_that_holds_for_all_selects_nothing_to_change(filter: Any, filled: VectorStore) -> None:
    """As a query it is fine."""
    before = await contents(filled)
    assert len(await filled.query("i", filter=filter)) == len(before)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "DELETE_VECTORS": lambda: filled.delete_vectors("i", filter=filter),
        "UPDATE_VECTOR": lambda: filled.update_vector("i", filter=filter, metadata={"n": 0}),
        "UPSERT": lambda: filled.upsert("i", vectors=[[1, 0, 0]], ids=["a"], delete_filter=filter),
    }
    for operation, call in calls.items():
        with pytest.raises(ValidationError, match=r"holds for every vector; .* truncate_index") as caught:
            await call()
        assert caught.value.id == f"MASTRA_VECTOR_CONVEX_{operation}_MATCH_ALL_FILTER"
    assert await contents(filled) == before


async def test_a_filter_that_happens_to_hold_for_all_vectors_deletes_them(filled: VectorStore) -> None:
    await filled.delete_vectors("i", filter={"n": {"$ne": 7}})
    assert await contents(filled) == {}


@pytest.mark.parametrize(
    ("method", "arguments", "sentence"),
    [
        ("update_vector", {"id": "a", "filter": {"n": 1}, "metadata": {}}, "mutually exclusive"),
        ("update_vector", {"metadata": {}}, "Either id or filter must be provided"),
        ("update_vector", {"id": "a"}, "no updates"),
        ("update_vector", {"filter": {}, "metadata": {}}, "empty filter"),
        ("delete_vectors", {"ids": ["a"], "filter": {"n": 1}}, "mutually exclusive"),
        ("delete_vectors", {}, "Either filter or ids must be provided"),
        ("delete_vectors", {"ids": []}, "empty ids array"),
        ("delete_vectors", {"filter": {}}, "empty filter"),
    ],
)
async def test_errors_have_the_sentences_of_the_contract(
    vectors: VectorStore, method: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        await getattr(vectors, method)("i", **arguments)


async def test_the_vectors_of_a_thread(store: ConvexStore, filled: VectorStore) -> None:
    for id in ("t1", "t2"):
        await store.memory.save_thread(thread(id))
    for index in ("i", "other"):
        await filled.upsert(
            index,
            vectors=[[1, 2, 3]] * 3,
            ids=["x", "y", "z"],
            metadata=[{"thread_id": "t1"}, {"thread_id": "t1", "n": 1}, {"thread_id": "t2"}],
        )
    await store.memory.delete_thread("t2")
    assert len(await contents(filled)) == 7
    await store.memory.delete_thread("t1", deletes_vectors=True)
    assert set(await contents(filled)) == set(await contents(filled, "other")) == {"a", "b", "c", "d", "z"}
    assert await store.memory.get_thread_by_id("t1") is None


async def test_metadata_that_hides_the_thread_from_its_index_is_refused(filled: VectorStore) -> None:
    many = {f"k{n}": n for n in range(1_022)}
    await filled.upsert("i", vectors=[[1, 2, 3]], ids=["x"], metadata=[many | {"thread_id": "t1"}])
    await filled.upsert("i", vectors=[[1, 2, 3]], ids=["y"], metadata=[many | {"k1022": 1, "k1023": 1}])
    before = await contents(filled)
    refused = r"metadata\.thread_id is indexed, and found only in objects of at most 1023 members"
    with pytest.raises(TooLargeError, match=refused):
        await filled.upsert("i", vectors=[[1, 2, 3]], ids=["x"], metadata=[many | {"k1022": 1, "thread_id": "t1"}])
    with pytest.raises(TooLargeError, match=refused):
        await filled.update_vector("i", id="x", metadata={"one": "more"})
    with pytest.raises(TooLargeError, match=refused):
        await filled.update_vector("i", filter={"k1023": 1}, metadata={"thread_id": "t1"})
    assert await contents(filled) == before
    await filled.update_vector("i", id="y", metadata={"one": "more"})


async def test_a_store_without_vectors_deletes_threads(backend: Backend) -> None:
    memory = backend.store([MemoryStore]).memory
    await memory.save_thread(thread("t1"))
    await memory.delete_thread("t1", deletes_vectors=True)
    assert await memory.get_thread_by_id("t1") is None
