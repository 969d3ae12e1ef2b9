"""Queries: scores, order, filters; the native way and the scanned one answer alike."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest

from mastra_convex import NotFoundError, TooLargeError, ValidationError
from mastra_convex_domains import Metric, VectorHit, VectorStore
from tests.domains.vector.data import ids, vector
from tests.effort import once, some_backends


def approximately(score: float) -> Any:
    return pytest.approx(score, abs=1e-5)


async def test_the_metrics_differ(vectors: VectorStore, dimension: int) -> None:
    given = [vector(dimension, 3, 4), vector(dimension, 1), vector(dimension, 0, 10), vector(dimension, -1)]
    expected: dict[Metric, list[tuple[str, float]]] = {
        "cosine": [("b", 1.0), ("a", 0.6), ("c", 0.0), ("d", -1.0)],
        "euclidean": [("b", 0.5), ("d", 0.25), ("a", 1 / (1 + math.sqrt(17))), ("c", 1 / (1 + math.sqrt(104)))],
        "dotproduct": [("a", 6.0), ("b", 2.0), ("c", 0.0), ("d", -2.0)],
    }
    for metric, hits in expected.items():
        await vectors.create_index(metric, dimension=dimension, metric=metric)
        await vectors.upsert(metric, vectors=given, ids=["a", "b", "c", "d"])
        found = await vectors.query(metric, query_vector=vector(dimension, 2))
        assert [(hit.id, hit.score) for hit in found] == [(id, approximately(score)) for id, score in hits], metric


async def test_zero_vectors(vectors: VectorStore, dimension: int) -> None:
    await vectors.create_index("i", dimension=dimension)
    await vectors.upsert("i", vectors=[vector(dimension, 0), vector(dimension, 1)], ids=["zero", "one"])
    found = await vectors.query("i", query_vector=vector(dimension, 1))
    assert [(hit.id, hit.score) for hit in found] == [("one", 1.0), ("zero", 0.0)]
    assert [hit.score for hit in await vectors.query("i", query_vector=vector(dimension, 0))] == [0.0, 0.0]


async def test_top_k_and_min_score(vectors: VectorStore, dimension: int) -> None:
    await vectors.create_index("i", dimension=dimension)
    given = [vector(dimension, 100 - n, n) for n in range(30)]
    await vectors.upsert("i", vectors=given, ids=[f"v{n:02}" for n in range(30)])
    query = vector(dimension, 1)
    assert ids(await vectors.query("i", query_vector=query)) == [f"v{n:02}" for n in range(10)]
    assert ids(await vectors.query("i", query_vector=query, top_k=2)) == ["v00", "v01"]
    assert len(await vectors.query("i", query_vector=query, top_k=1_000_000)) == 30
    [_, _, third, *_] = await vectors.query("i", query_vector=query)
    assert len(await vectors.query("i", query_vector=query, min_score=third.score)) == 3
    assert await vectors.query("i", query_vector=query, min_score=1.1) == []
    for most in (10**20, 2**63 - 1):
        assert len(await vectors.query("i", query_vector=query, top_k=most)) == 30
        assert len(await vectors.query("i", filter={}, top_k=most)) == 30


@some_backends("sqlite", "convex-test")
async def test_a_cosine_is_never_above_1(vectors: VectorStore, dimension: int) -> None:
    await vectors.create_index("i", dimension=dimension)
    given = [vector(dimension, n, 2 * n + 1, 3) for n in range(50)]
    await vectors.upsert("i", vectors=given)
    for query in given:
        [best] = await vectors.query("i", query_vector=query, top_k=1)
        [*_, worst] = await vectors.query("i", query_vector=[-number for number in query], top_k=50)
        assert 1 - 1e-9 < best.score <= 1
        assert -1 <= worst.score < 1e-9 - 1


async def test_hits_bring_vectors_only_when_asked(vectors: VectorStore, dimension: int) -> None:
    await vectors.create_index("i", dimension=dimension)
    await vectors.upsert("i", vectors=[vector(dimension, 1)], ids=["a"], metadata=[{"n": 1}])
    query = vector(dimension, 1)
    plain, full = VectorHit(id="a", score=1.0, metadata={"n": 1}), vector(dimension, 1)
    assert await vectors.query("i", query_vector=query) == [plain]
    assert await vectors.query("i", query_vector=query, include_vector=True) == [
        plain.model_copy(update={"vector": full})
    ]
    assert await vectors.query("i", filter={"n": 1}) == [plain.model_copy(update={"score": 0.0})]
    [hit] = await vectors.query("i", filter={"n": 1}, include_vector=True)
    assert hit.vector == full


FILTERS: list[Any] = [
    {"group": "g1"},
    {"group": {"$eq": "g2"}, "n": {"$gte": 20, "$lt": 90}},
    {"group": {"$in": ["g1", "g3"]}},
    {"$or": [{"group": "g1"}, {"n": {"$lt": 5}}]},
    {"$and": [{"group": "g1"}, {"tags": "even"}]},
    {"$not": {"group": "g1"}},
    {"$nor": [{"group": "g1"}, {"tags": {"$size": 2}}]},
    {"tags": {"$all": ["even", "three"]}},
    {"nested.deep": {"$gt": 150}},
    {"nested.deep": {"$not": {"$gt": 20}}},
    {"missing": {"$exists": False}, "group": "g1"},
    {"label": {"$regex": "^L1[0-4]$", "$options": "i"}},
    {"label": {"$contains": "l2"}},
    {"group": None},
    {"group": "none"},
    {},
]


@pytest.mark.long
@some_backends("sqlite", "convex-test")
async def test_exact_with_respect_to_the_filter(vectors: VectorStore, dimension: int) -> None:
    """The best of all that match, in both ways to search, and the same without a vector."""
    count = 200
    random = numpy.random.default_rng(3).standard_normal((count, dimension)).astype(numpy.float32)
    metadata: list[dict[str, Any]] = []
    for n in range(count):
        tags = [name for name, divisor in (("even", 2), ("three", 3)) if n % divisor == 0]
        metadata.append({"n": n, "tags": tags, "nested": {"deep": n}, "label": f"l{n}"})
        if n % 5:
            # Convex does not look into arrays, of which a member may be the one that is wanted.
            metadata[n]["group"] = f"g{n % 5}" if n % 7 else [f"g{n % 5}", "other"]
    await vectors.create_index("i", dimension=dimension)
    await vectors.upsert("i", vectors=random, ids=[str(n) for n in range(count)], metadata=metadata)

    query = random[0] + numpy.float32(0.25)
    scores = random @ query / (numpy.linalg.norm(random, axis=1) * numpy.linalg.norm(query))
    for filter in FILTERS:
        matching = ids(await vectors.query("i", filter=filter, top_k=count))
        assert matching == sorted(matching, key=int), filter
        best = sorted(matching, key=lambda name: -scores[int(name)])
        for top_k in (7, count):
            hits = await vectors.query("i", query_vector=query, filter=filter, top_k=top_k)
            assert ids(hits) == best[:top_k], filter
            assert [hit.score for hit in hits] == [approximately(scores[int(hit.id)]) for hit in hits]


async def test_filters_that_leave_few_of_many(vectors: VectorStore, dimension: int) -> None:
    """Far more rows than a native search gives, the only ones that match being the farthest; and `top_k` above it."""
    count = 700
    await vectors.create_index("i", dimension=dimension)
    await vectors.upsert(
        "i",
        vectors=[vector(dimension, count - n, n) for n in range(count)],
        ids=[str(n) for n in range(count)],
        metadata=[{"n": n, "group": "one"} for n in range(count)],
    )
    query = vector(dimension, 1)
    hits = await vectors.query("i", query_vector=query, filter={"group": "one", "n": {"$gte": 690}}, top_k=5)
    assert ids(hits) == ["690", "691", "692", "693", "694"]
    hits = await vectors.query("i", query_vector=query, top_k=600)
    assert ids(hits) == [str(n) for n in range(600)]


async def test_a_filter_of_what_metadata_lacks(vectors: VectorStore) -> None:
    await vectors.create_index("i", dimension=3)
    await vectors.upsert("i", vectors=[[1, 0, 0]], ids=["bare"])
    assert ids(await vectors.query("i", filter={"a": {"$ne": 1}})) == ["bare"]
    assert ids(await vectors.query("i", query_vector=[1, 0, 0], filter={"a": None})) == ["bare"]
    assert ids(await vectors.query("i", query_vector=[1, 0, 0], filter={"a": {"$exists": True}})) == []


async def test_keys_with_dots(vectors: VectorStore, dimension: int) -> None:
    """A literal key wins over a path, also where a native index or one of the file could be asked."""
    metadata: dict[str, dict[str, Any]] = {
        "literal": {"gen_ai.system": "openai"},
        "path": {"gen_ai": {"system": "openai"}},
        "both": {"gen_ai.system": "openai", "gen_ai": {"system": "other"}},
        "hidden": {"gen_ai.system": "other", "gen_ai": {"system": "openai"}},
        "part": {"gen_ai.request": {"model": "m"}, "group.a": "g", "名.字": "x"},
        "deep": {"gen_ai": {"request.model": "m"}, "group": {"a": "g"}, "名": {"字": "x"}},
        "none": {},
    }
    await vectors.create_index("i", dimension=dimension)
    given = [vector(dimension, 1, n) for n in range(len(metadata))]
    await vectors.upsert("i", vectors=given, ids=list(metadata), metadata=list(metadata.values()))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"gen_ai.system": "openai"}, ["literal", "path", "both"]),
        ({"gen_ai": {"system": "openai"}}, ["path", "hidden"]),
        ({"gen_ai.system": {"$exists": True}}, ["literal", "path", "both", "hidden"]),
        ({"gen_ai.request.model": "m"}, ["part", "deep"]),
        (
            {"$or": [{"gen_ai.request": {"$exists": True}}, {"名.字": "x", "gen_ai": {"$exists": True}}]},
            ["part", "deep"],
        ),
        ({"group.a": {"$eq": "g"}}, ["part", "deep"]),
        ({"$and": [{"group": {"a": "g"}}]}, ["deep"]),
    ]
    for filter, expected in cases:
        assert ids(await vectors.query("i", filter=filter)) == expected, filter
        assert ids(await vectors.query("i", query_vector=vector(dimension, 1), filter=filter)) == expected, filter
    await vectors.update_vector("i", filter={"gen_ai.system": "openai"}, metadata={"seen.at": 1})
    await vectors.delete_vectors("i", filter={"seen.at": 1})
    assert ids(await vectors.query("i", filter={})) == ["hidden", "part", "deep", "none"]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "a*a*a*c"])
async def test_a_pattern_takes_time_in_proportion_to_the_text(vectors: VectorStore, pattern: str) -> None:
    """Backtracking would take longer than anybody waits."""
    await vectors.create_index("i", dimension=3)
    texts = {"no": "a" * 20_000 + "!", "yes": "a" * 20_000 + "!bcaa"}
    metadata = [{"text": text} for text in texts.values()]
    await vectors.upsert("i", vectors=[[1, 0, 0]] * 2, ids=list(texts), metadata=metadata)

    hits = await vectors.query("i", query_vector=[1, 0, 0], filter={"text": {"$regex": pattern}})

    assert ids(hits) == ["yes"]


@pytest.mark.parametrize("levels", [200, 5_000])
async def test_what_is_nested_too_deep(vectors: VectorStore, levels: int) -> None:
    await vectors.create_index("i", dimension=3)
    nested: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        nested = {"a": nested}
    with pytest.raises(TooLargeError) as caught:
        await vectors.query("i", filter=nested)
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_QUERY_TOO_LARGE"
    with pytest.raises(TooLargeError) as caught:
        await vectors.upsert("i", vectors=[[1, 0, 0]], metadata=[nested])
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_UPSERT_TOO_LARGE"


@once
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({}, "MISSING_VECTOR"),
        ({"query_vector": []}, "INVALID_VECTOR"),
        ({"query_vector": [1, 2, "3"]}, "INVALID_VECTOR_VALUE"),
        ({"query_vector": [1, 2]}, "DIMENSION_MISMATCH"),
        ({"query_vector": [1, 2, 3], "top_k": 0}, "INVALID_TOP_K"),
        ({"query_vector": [1, 2, 3], "top_k": 1.5}, "INVALID_TOP_K"),
        ({"query_vector": [1, 2, 3], "top_k": True}, "INVALID_TOP_K"),
        ({"query_vector": [1, 2, 3], "min_score": "0"}, "INVALID_MIN_SCORE"),
        ({"query_vector": [1, 2, 3], "min_score": float("nan")}, "INVALID_MIN_SCORE"),
        ({"filter": {"a": 1}, "min_score": 0.5}, "MISSING_VECTOR"),
        ({"filter": "a"}, "INVALID_INPUT"),
        ({"filter": [1]}, "INVALID_INPUT"),
        ({"filter": {"a": {"$near": 1}}}, "INVALID_FILTER"),
        ({"filter": {"$gt": 1}}, "INVALID_FILTER"),
        ({"filter": {"$eq": {"a": 1}}}, "INVALID_FILTER"),
        ({"filter": {"$and": {"a": 1}}}, "INVALID_FILTER"),
        ({"filter": {"$and": [1]}}, "INVALID_FILTER"),
        ({"filter": {"$and": [{"$gt": 1}]}}, "INVALID_FILTER"),
        ({"filter": {"$not": {}}}, "INVALID_FILTER"),
        ({"filter": {"$not": {"$gt": 1}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$or": [{"$gt": 1}, {"$lt": 0}]}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"b": {"$or": [{"$gt": 1}, {"$lt": 0}]}}}}, "INVALID_FILTER"),
        ({"filter": {"$not": {"a": {"$and": [{"$gt": 1}]}}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$not": 5}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$not": {}}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"b": {"$not": [1]}}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$elemMatch": 5}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$elemMatch": {"b": {"$not": {}}}}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$in": 1}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$gt": [1, 2]}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$lte": None}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$gte": False}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$regex": 5}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$exists": "yes"}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$size": "1"}}}, "INVALID_FILTER"),
        ({"filter": {"a": {"$regex": "(?<=x)y"}}}, "INVALID_FILTER"),
    ],
)
async def test_queries_that_are_refused(vectors: VectorStore, arguments: dict[str, Any], status: str) -> None:
    await vectors.create_index("i", dimension=3)
    with pytest.raises(ValidationError) as caught:
        await vectors.query("i", **arguments)
    assert caught.value.id == f"MASTRA_VECTOR_CONVEX_QUERY_{status}"


async def test_vectors_by_their_ids(vectors: VectorStore, dimension: int) -> None:
    await vectors.create_index("i", dimension=dimension)
    await vectors.upsert(
        "i", vectors=[vector(dimension, 1), vector(dimension, 2)], ids=["a", "b"], metadata=[None, {"n": 1}]
    )
    a, b = VectorHit(id="a", score=0), VectorHit(id="b", score=0, metadata={"n": 1})
    assert await vectors.get_vectors("i", ids=["b", "none", "a", "b"]) == [b, None, a]
    [found, none] = await vectors.get_vectors("i", ids=["a", "none"], include_vector=True)
    assert found is not None
    assert (found.vector, none) == (vector(dimension, 1), None)
    assert await vectors.get_vectors("i", ids=[]) == []
    with pytest.raises(NotFoundError):
        await vectors.get_vectors("other", ids=["a"])
    with pytest.raises(ValidationError, match="ids must be a list"):
        await vectors.get_vectors("i", ids="a")
