"""Indexes: made, described, emptied, deleted, and unknown ones."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from mastra_convex import MastraConvexError, NotFoundError, ValidationError
from mastra_convex.engine.protocol import Commit, Patch
from mastra_convex.rows.changes import Change
from mastra_convex_domains import IndexDescription, Metric, VectorStore
from tests.backends import Backend
from tests.domains.vector.data import ids, vector
from tests.effort import once


async def test_an_index_as_it_is_described(vectors: VectorStore, backend: Backend) -> None:
    native = "native" if backend.name == "convex-test" else "scan"
    expected: list[tuple[int, Metric, Any]] = [
        (3, "cosine", native),
        (5, "cosine", "scan"),
        (3, "euclidean", "scan"),
        (3, "dotproduct", "scan"),
    ]
    for dimension, metric, served in expected:
        name = f"{metric}_{dimension}"
        await vectors.create_index(name, dimension=dimension, metric=metric)
        await vectors.upsert(name, vectors=[vector(dimension, n) for n in range(1, 4)])
        assert await vectors.describe_index(name) == IndexDescription(
            dimension=dimension, count=3, metric=metric, served=served
        )
    assert await vectors.list_indexes() == ["cosine_3", "cosine_5", "dotproduct_3", "euclidean_3"]


async def test_any_name(vectors: VectorStore) -> None:
    names = ["indexes", "名字", "a b", "mastra_vectors"]
    for n, name in enumerate(names):
        await vectors.create_index(name, dimension=3)
        await vectors.upsert(name, vectors=[vector(3, n, 1)], ids=["same"])
    assert sorted(await vectors.list_indexes()) == sorted(names)
    for n, name in enumerate(names):
        [hit] = await vectors.query(name, query_vector=vector(3, n, 1), include_vector=True)
        assert (hit.id, hit.vector) == ("same", vector(3, n, 1))


async def test_creating_an_index_again(
    vectors: VectorStore, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    await vectors.create_index("i", dimension=3)
    await vectors.upsert("i", vectors=[vector(3, 1)])
    with caplog.at_level(logging.WARNING, "mastra_convex"):
        await backend.store().vector.create_index("i", dimension=3)
        assert not caplog.records
        await backend.store().vector.create_index("i", dimension=3, metric="euclidean")
        assert "metric cosine" in caplog.text
    description = await vectors.describe_index("i")
    assert (description.metric, description.count) == ("cosine", 1)
    with pytest.raises(ValidationError, match="already exists with 3 dimensions, not 4") as caught:
        await vectors.create_index("i", dimension=4)
    assert caught.value.id == "VECTOR_VALIDATE_INDEX_DIMENSION_MISMATCH"
    assert caught.value.details == {"indexName": "i", "existingDim": 3, "requestedDim": 4}


async def test_deleting_an_index(vectors: VectorStore) -> None:
    for name in ("a", "b"):
        await vectors.create_index(name, dimension=3)
        await vectors.upsert(name, vectors=[vector(3, 1), vector(3, 0, 1)], ids=["x", "y"])
    await vectors.delete_index("a")
    await vectors.delete_index("a")  # no error
    assert await vectors.list_indexes() == ["b"]
    with pytest.raises(NotFoundError):
        await vectors.query("a", query_vector=vector(3, 1))
    assert len(await vectors.query("b", query_vector=vector(3, 1))) == 2
    await vectors.create_index("a", dimension=5)
    assert (await vectors.describe_index("a")).count == 0


async def test_truncating_an_index(vectors: VectorStore) -> None:
    await vectors.create_index("a", dimension=3)
    await vectors.create_index("b", dimension=3)
    for name in ("a", "b"):
        await vectors.upsert(name, vectors=[vector(3, 1)])
    await vectors.truncate_index("a")
    assert (await vectors.describe_index("a")).count == 0
    assert (await vectors.describe_index("b")).count == 1


UNKNOWN: list[tuple[str, Callable[[VectorStore], Awaitable[Any]]]] = [
    ("DESCRIBE_INDEX", lambda store: store.describe_index("no")),
    ("TRUNCATE_INDEX", lambda store: store.truncate_index("no")),
    ("UPSERT", lambda store: store.upsert("no", vectors=[[1, 2, 3]])),
    ("QUERY", lambda store: store.query("no", query_vector=[1, 2, 3])),
    ("QUERY", lambda store: store.query("no", filter={"a": 1})),
    ("UPDATE_VECTOR", lambda store: store.update_vector("no", id="x", metadata={"a": 1})),
    ("UPDATE_VECTOR", lambda store: store.update_vector("no", filter={"a": 1}, vector=[1])),
    ("DELETE_VECTOR", lambda store: store.delete_vector("no", id="x")),
    ("DELETE_VECTORS", lambda store: store.delete_vectors("no", ids=["x"])),
    ("DELETE_VECTORS", lambda store: store.delete_vectors("no", filter={"a": 1})),
]


@pytest.mark.parametrize(("operation", "call"), UNKNOWN)
async def test_an_unknown_index(
    vectors: VectorStore, operation: str, call: Callable[[VectorStore], Awaitable[Any]]
) -> None:
    with pytest.raises(NotFoundError, match="index 'no' not found") as caught:
        await call(vectors)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_{operation}_INDEX_NOT_FOUND"
    assert caught.value.details == {"indexName": "no"}


async def test_an_index_that_others_made_anew(vectors: VectorStore, backend: Backend) -> None:
    """What a store knows of an index is noticed to be out of date."""
    other = backend.store().vector
    await vectors.create_index("i", dimension=3, metric="cosine")
    await vectors.upsert("i", vectors=[vector(3, 1)])
    await other.delete_index("i")
    await other.create_index("i", dimension=3, metric="dotproduct")
    await vectors.upsert("i", vectors=[vector(3, 2)], ids=["two"])
    [hit] = await vectors.query("i", query_vector=vector(3, 4))
    assert (hit.id, hit.score) == ("two", 8.0)
    await other.delete_index("i")
    await other.create_index("i", dimension=5, metric="euclidean")
    with pytest.raises(ValidationError, match="vectors of 5 numbers, not 3") as caught:
        await vectors.upsert("i", vectors=[vector(3, 1)])
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_UPSERT_DIMENSION_MISMATCH"
    await vectors.upsert("i", vectors=[vector(5, 1)], ids=["one"])
    [hit] = await vectors.query("i", query_vector=vector(5, 2))
    assert (hit.id, hit.score) == ("one", 0.5)


@once
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"index_name": " ", "dimension": 3}, "INVALID_INDEX_NAME"),
        ({"index_name": "i", "dimension": 0}, "INVALID_DIMENSION"),
        ({"index_name": "i", "dimension": 8_193}, "INVALID_DIMENSION"),
        ({"index_name": "i", "dimension": 3.0}, "INVALID_DIMENSION"),
        ({"index_name": "i", "dimension": True}, "INVALID_DIMENSION"),
        ({"index_name": "i", "dimension": 3, "metric": "manhattan"}, "INVALID_METRIC"),
    ],
)
async def test_indexes_that_cannot_be(vectors: VectorStore, arguments: dict[str, Any], status: str) -> None:
    with pytest.raises(ValidationError) as caught:
        await vectors.create_index(**arguments)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_CREATE_INDEX_{status}"
    assert await vectors.list_indexes() == []


async def test_an_index_of_a_later_version(vectors: VectorStore, backend: Backend) -> None:
    await vectors.create_index("i", dimension=3)
    change = Change(set={"metric": "manhattan"})
    await backend.engine().commit(
        Commit(id=uuid4().hex, ops=[Patch(table="mastra_vector_indexes", keys=[["i"]], change=change)])
    )
    with pytest.raises(MastraConvexError, match="manhattan") as caught:
        await vectors.query("i", query_vector=vector(3, 1))
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_QUERY_UNKNOWN_METRIC"


async def test_clearing_the_domain(vectors: VectorStore) -> None:
    await vectors.create_index("i", dimension=3)
    await vectors.upsert("i", vectors=[vector(3, 1)])
    await vectors.dangerously_clear_all()
    assert await vectors.list_indexes() == []
    await vectors.create_index("i", dimension=3)
    assert ids(await vectors.query("i", query_vector=vector(3, 1))) == []


async def test_errors_from_below_are_of_the_family(backend: Backend) -> None:
    store = backend.store()
    await store.aclose()
    with pytest.raises(MastraConvexError) as caught:
        await store.vector.list_indexes()
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_LIST_INDEXES_CLOSED"
