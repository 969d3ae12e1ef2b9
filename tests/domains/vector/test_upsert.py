"""Upserts: what is stored of a vector, what is refused, and how many fit."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy
import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import VectorStore
from tests.backends import Backend
from tests.domains.vector.data import ids, vector
from tests.effort import once, some_backends


@pytest.fixture
async def index(vectors: VectorStore) -> str:
    await vectors.create_index("i", dimension=3)
    return "i"


async def test_vectors_with_ids_and_metadata(vectors: VectorStore, index: str) -> None:
    given: list[dict[str, Any] | None] = [{"n": 1, "deep": {"list": [1, "a", None, True]}}, None, {}]
    stored = await vectors.upsert(index, vectors=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], metadata=given, ids=["a", "b", "c"])
    assert stored == ["a", "b", "c"]
    hits = await vectors.query(index, filter={}, include_vector=True)
    assert [(hit.id, hit.metadata, hit.vector) for hit in hits] == [
        ("a", given[0], [1.0, 0.0, 0.0]),
        ("b", {}, [0.0, 1.0, 0.0]),
        ("c", {}, [0.0, 0.0, 1.0]),
    ]


async def test_new_ids(vectors: VectorStore, index: str) -> None:
    stored = await vectors.upsert(index, vectors=[[1, 0, 0], [1, 0, 0]])
    assert len({UUID(id) for id in stored}) == 2
    assert ids(await vectors.query(index, query_vector=[1, 0, 0])) == stored


async def test_an_upsert_replaces_vector_and_metadata(vectors: VectorStore, index: str) -> None:
    await vectors.upsert(index, vectors=[[1, 0, 0]], metadata=[{"a": 1, "b": 2}], ids=["x"])
    await vectors.upsert(index, vectors=[[0, 1, 0]], metadata=[{"b": 3}], ids=["x"])
    [hit] = await vectors.query(index, query_vector=[0, 1, 0], include_vector=True)
    assert (hit.metadata, hit.vector) == ({"b": 3}, [0.0, 1.0, 0.0])
    await vectors.upsert(index, vectors=[[0, 1, 0]], ids=["x"])
    [hit] = await vectors.query(index, query_vector=[0, 1, 0])
    assert hit.metadata == {}


async def test_the_last_of_equal_ids_wins(vectors: VectorStore, index: str) -> None:
    stored = await vectors.upsert(
        index, vectors=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], metadata=[{"n": 1}, {"n": 2}, {"n": 3}], ids=["x", "y", "x"]
    )
    assert stored == ["x", "y", "x"]
    hits = await vectors.query(index, filter={})
    assert {hit.id: hit.metadata["n"] for hit in hits} == {"x": 3, "y": 2}


@pytest.mark.parametrize(
    "given",
    [
        numpy.array([[0.1, 0.2, 0.3], [1, 2, 3]]),
        numpy.array([[0.1, 0.2, 0.3], [1, 2, 3]], dtype=numpy.float32),
        [numpy.array([0.1, 0.2, 0.3], dtype=numpy.float32), numpy.array([1, 2, 3])],
        [(0.1, 0.2, 0.3), (1, 2, 3)],
        [[numpy.float32(0.1), numpy.float64(0.2), 0.3], [numpy.int64(1), 2, 3.0]],
        ((0.1, 0.2, 0.3), [1, 2, 3]),
    ],
    ids=["float64", "float32", "arrays", "tuples", "scalars", "tuple"],
)
async def test_lists_and_arrays(vectors: VectorStore, index: str, given: Any) -> None:
    await vectors.upsert(index, vectors=given, ids=["a", "b"])
    hits = await vectors.query(index, query_vector=given[1], include_vector=True)
    assert [hit.vector for hit in hits] == [[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]]


async def test_an_array_is_not_made_into_lists_at_once() -> None:
    given = numpy.ones((1_000, 384), dtype=numpy.float32)
    async with ConvexStore.local(":memory:") as store:
        await store.vector.create_index("i", dimension=384)
        tracemalloc.start()
        try:
            with pytest.raises(ValidationError):
                await store.vector.upsert("i", vectors=given, ids=["a"])  # after all vectors were read
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 3 * given.nbytes


async def test_numbers_are_float32(vectors: VectorStore, index: str) -> None:
    given = [[1 / 3, 16_777_217, -0.0], [1e-10, 123456.789, 3.4e38]]
    await vectors.upsert(index, vectors=given, ids=["a", "b"])
    hits = await vectors.query(index, filter={}, include_vector=True)
    assert [hit.vector for hit in hits] == [[0.33333334, 16777216.0, 0.0], [1e-10, 123456.79, 3.4e38]]


@pytest.mark.long
def test_numbers_are_the_same_without_numpy() -> None:
    code = """
import sys
blocked = sys.argv[1] == "without"
if blocked:
    sys.modules["numpy"] = None
import random
from array import array
from mastra_convex_domains.vector.floats import shortest
random.seed(7)
numbers = array("f", [-0.0, *(random.gauss(0, 10 ** random.uniform(-20, 20)) for _ in range(20_000))])
found = shortest(numbers)
assert str(found[0]) == "0.0"
assert array("f", found) == numbers
assert ("numpy.linalg" in sys.modules) is not blocked
print(hash(tuple(found)))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.run([sys.executable, "-c", code, how], env=environment, capture_output=True, text=True, check=True)
        for how in ("with", "without")
    ]
    assert runs[0].stdout == runs[1].stdout != ""


async def test_metadata_that_convex_would_refuse(vectors: VectorStore, index: str) -> None:
    metadata = {"$schema": "s", "名字": {"$ref": [1]}, "__proto__": 1, "plain": 2}
    await vectors.upsert(index, vectors=[[1, 0, 0]], metadata=[metadata])
    [hit] = await vectors.query(index, query_vector=[1, 0, 0], filter={"名字": {"$exists": True}})
    assert hit.metadata == metadata


async def test_times_in_metadata(vectors: VectorStore, index: str) -> None:
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 4)]
    await vectors.upsert(
        index, vectors=[[1, 0, 0]] * 3, metadata=[{"at": time, "all": [time]} for time in times], ids=["a", "b", "c"]
    )
    hits = await vectors.query(index, query_vector=[1, 0, 0], filter={"at": {"$gt": times[0], "$lte": times[1]}})
    assert [(hit.id, hit.metadata) for hit in hits] == [
        ("b", {"at": "2026-01-02T00:00:00.000Z", "all": ["2026-01-02T00:00:00.000Z"]})
    ]
    for second in ("2026-01-02T00:00:00Z", "2026-01-02T02:00:00+02:00", "2026-01-01T18:30:00.000-05:30"):
        hits = await vectors.query(index, query_vector=[1, 0, 0], filter={"at": {"$gte": second}})
        assert [hit.id for hit in hits] == ["b", "c"]
        hits = await vectors.query(index, filter={"all": {"$lt": second}})
        assert [hit.id for hit in hits] == ["a"]
    with pytest.raises(
        ValidationError, match=r"metadata\[0\].at must be a datetime with a time zone, as datetime.now\(UTC\)"
    ):
        await vectors.upsert(index, vectors=[[1, 0, 0]], metadata=[{"at": datetime(2026, 1, 1)}])
    with pytest.raises(
        ValidationError, match=r"filter.at.\$gt must be a datetime with a time zone, as datetime.now\(UTC\)"
    ):
        await vectors.query(index, filter={"at": {"$gt": datetime(2026, 1, 1)}})


@once
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"vectors": []}, "EMPTY_VECTORS"),
        ({"vectors": numpy.zeros((0, 3))}, "EMPTY_VECTORS"),
        ({"vectors": "abc"}, "INVALID_VECTOR"),
        ({"vectors": None}, "INVALID_VECTOR"),
        ({"vectors": [None]}, "INVALID_VECTOR"),
        ({"vectors": [[]]}, "INVALID_VECTOR"),
        ({"vectors": [1.0, 2.0, 3.0]}, "INVALID_VECTOR"),
        ({"vectors": [[0.0] * 8_193]}, "INVALID_VECTOR"),
        ({"vectors": [numpy.ones((3, 1), numpy.float32)]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [numpy.array([1, 2, math.inf], numpy.float32)]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, None]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, "3"]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, True]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, float("nan")]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, float("-inf")]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, 1e39]]}, "INVALID_VECTOR_VALUE"),
        ({"vectors": [[1, 2, 3], [1, 2]]}, "DIMENSION_MISMATCH"),
        ({"vectors": [[1, 2]]}, "DIMENSION_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "metadata": [{}, {}]}, "METADATA_LENGTH_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "metadata": ["text"]}, "INVALID_INPUT"),
        ({"vectors": [[1, 2, 3]], "metadata": {"a": 1}}, "INVALID_INPUT"),
        ({"vectors": [[1, 2, 3]], "metadata": 5}, "INVALID_INPUT"),
        ({"vectors": [[1, 2, 3]], "ids": 5}, "IDS_LENGTH_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "ids": {"a": 1}}, "IDS_LENGTH_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "metadata": [{"a": float("nan")}]}, "INVALID_INPUT"),
        ({"vectors": [[1, 2, 3]], "ids": []}, "IDS_LENGTH_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "ids": "a"}, "IDS_LENGTH_MISMATCH"),
        ({"vectors": [[1, 2, 3]], "ids": [" "]}, "INVALID_IDS"),
        ({"vectors": [[1, 2, 3]], "delete_filter": {}}, "EMPTY_FILTER"),
        ({"vectors": [[1, 2, 3]], "delete_filter": {"a": {"$near": 1}}}, "INVALID_FILTER"),
        ({"vectors": [[1, 2, 3]], "metadata": [{"text": "x" * (1 << 20)}]}, "TOO_LARGE"),
    ],
)
async def test_upserts_that_are_refused(
    vectors: VectorStore, index: str, arguments: dict[str, Any], status: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        await vectors.upsert(index, **arguments)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_UPSERT_{status}"
    assert (await vectors.describe_index(index)).count == 0


async def test_an_empty_list_of_metadata_is_none(vectors: VectorStore, index: str) -> None:
    assert len(await vectors.upsert(index, vectors=[[1, 2, 3]], metadata=[])) == 1


@some_backends("sqlite")
async def test_more_than_a_commit_takes(vectors: VectorStore, index: str) -> None:
    names = [f"v{n:05}" for n in range(4_100)]
    given = numpy.random.default_rng(1).standard_normal((4_100, 3))
    assert await vectors.upsert(index, vectors=given, ids=names, metadata=[{"n": n} for n in range(4_100)]) == names
    assert (await vectors.describe_index(index)).count == 4_100
    hits = await vectors.query(index, filter={"n": {"$gte": 4_090}}, top_k=4_100)
    assert ids(hits) == names[4_090:]


@some_backends("sqlite")
async def test_large_rows_are_replaced(vectors: VectorStore, index: str) -> None:
    """What a commit reads of the rows it replaces can be more than what it writes."""
    names = [f"v{n}" for n in range(24)]
    await vectors.upsert(index, vectors=[[1, 0, 0]] * 24, ids=names, metadata=[{"text": "x" * 800_000}] * 24)
    await vectors.upsert(index, vectors=[[0, 1, 0]] * 24, ids=names, metadata=[{"n": n} for n in range(24)])
    hits = await vectors.query(index, query_vector=[0, 1, 0], top_k=100)
    assert [(hit.id, hit.metadata) for hit in hits] == [(name, {"n": n}) for n, name in enumerate(names)]
    await vectors.upsert(index, vectors=[[1, 0, 0]] * 24, ids=names, metadata=[{"text": "x" * 800_000}] * 24)
    await vectors.delete_vectors(index, ids=names)
    assert (await vectors.describe_index(index)).count == 0


async def test_delete_filter(vectors: VectorStore, index: str) -> None:
    await vectors.upsert(
        index,
        vectors=[[1, 0, 0]] * 4,
        ids=["a", "b", "c", "d"],
        metadata=[{"doc": "1"}, {"doc": "1"}, {"doc": "2"}, {"doc": "1"}],
    )
    await vectors.upsert(
        index,
        vectors=[[0, 1, 0]] * 2,
        ids=["b", "e"],
        metadata=[{"doc": "1", "new": True}] * 2,
        delete_filter={"doc": "1"},
    )
    hits = await vectors.query(index, filter={})
    assert {hit.id: hit.metadata for hit in hits} == {
        "b": {"doc": "1", "new": True},
        "c": {"doc": "2"},
        "e": {"doc": "1", "new": True},
    }


@some_backends("sqlite")
async def test_delete_filter_of_more_than_a_transaction(vectors: VectorStore, index: str, backend: Backend) -> None:
    await vectors.upsert(
        index,
        vectors=[[1, 0, 0]] * 24,
        ids=[f"v{n}" for n in range(24)],
        metadata=[{"text": "x" * 800_000, "n": n} for n in range(24)],
    )
    other = backend.store().vector
    await other.upsert(
        index,
        vectors=[[0, 1, 0]] * 2,
        ids=["v3", "new"],
        metadata=[{"n": 1}, {"n": 1}],
        delete_filter={"n": {"$lt": 20}},
    )
    assert set(ids(await vectors.query(index, filter={}, top_k=50))) == {"v3", "new", "v20", "v21", "v22", "v23"}


@some_backends("sqlite")
async def test_delete_filter_with_more_than_a_commit_takes(vectors: VectorStore, index: str) -> None:
    await vectors.upsert(index, vectors=[[1, 0, 0]] * 3, ids=["a", "b", "v7"], metadata=[{"old": True}] * 3)
    names = [f"v{n}" for n in range(2_100)]
    await vectors.upsert(
        index,
        vectors=[vector(3, 0, 1)] * 2_100,
        ids=names,
        metadata=[{"old": True}] * 2_100,
        delete_filter={"old": True},
    )
    assert sorted(ids(await vectors.query(index, filter={}, top_k=3_000))) == sorted(names)
