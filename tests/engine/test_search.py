"""Searches are exact: compared with a plain ranking of all rows, natively and by scanning."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mastra_convex.engine.protocol import (
    Bound,
    Describe,
    EmptyGuard,
    Engine,
    Hit,
    IndexRange,
    KeyGuard,
    Search,
    SearchResult,
)
from mastra_convex.errors import SchemaMismatchError, ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.values import Row
from tests.backends import Backend
from tests.effort import some_backends
from tests.engine.rows import columns, put

VECTORS = "mastra_vectors"
SCANNED, NATIVE = 3, 1536
"""Lengths of vectors: the schema has a native index for one of them."""

FILTERS: list[Any] = [
    None,
    {},
    {"resource_id": "r1"},
    {"resource_id": {"$eq": "r2"}, "n": {"$gte": 10, "$lt": 40}},
    {"$and": [{"resource_id": "r0"}, {"n": {"$ne": 4}}]},
    {"$or": [{"resource_id": "r1"}, {"n": 3}]},
    {"n": {"$in": [1, 2, 3, 99]}},
    {"resource_id": {"$exists": False}},
    {"resource_id": None},
    {"thread_id": "t1", "resource_id": {"$ne": "r1"}},
    {"n": True},
    {"resource_id": "nobody"},
]


def padded(start: Sequence[float], length: int) -> list[float]:
    return [*start, *[0.0] * (length - len(start))]


def row(id: str, embedding: Sequence[float], *, index: str = "docs", **metadata: Any) -> Row:
    return {"id": id, "indexName": index, "embedding": list(embedding), "metadata": metadata}


def sample(length: int, count: int = 60, seed: int = 1) -> list[Row]:
    """Rows of two indexes, some with lists in their metadata and some without any."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for n in range(count):
        resource: dict[str, Any] = {"resource_id": f"r{n % 3}"} if n % 5 else {}
        if n % 7 == 0:
            resource = {"resource_id": ["r1", f"r{n % 4}"], "thread_id": ["t1"]}
        elif n % 2:
            resource["thread_id"] = f"t{n % 4}"
        start = [rng.randint(-1000, 1000) / 1024 for _ in range(3)]  # the same in 32 bits
        rows.append(row(f"v{n}", padded(start, length), index="docs" if n % 3 else "other", n=n, **resource))
    return rows


def in_index(index: str = "docs", filter: Any = None, **bounds: Any) -> IndexRange:
    where = [] if filter is None else [Condition(path=["metadata"], operator="match", value=json.dumps(filter))]
    return IndexRange(table=VECTORS, index="by_index_id", prefix=[index], where=where, **bounds)


async def search(
    engine: Engine, vector: Sequence[float], *, range: IndexRange | None = None, limit: int = 10, **options: Any
) -> SearchResult:
    return await engine.search(
        Search(range=range or in_index(), field="embedding", vector=vector, limit=limit, **options)
    )


async def found(engine: Engine, vector: Sequence[float], **options: Any) -> Sequence[Hit]:
    result = await search(engine, vector, **options)
    assert result.status == "done"
    return result.hits


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.row["id"] for hit in hits]


def score(metric: str, a: Sequence[float], b: Sequence[float]) -> float:
    product = math.fsum(x * y for x, y in zip(a, b, strict=True))
    if metric == "dotproduct":
        return product
    if metric == "euclidean":
        return 1 / (1 + math.dist(a, b))
    lengths = math.hypot(*a) * math.hypot(*b)
    return product / lengths if lengths else 0.0


def ranking(rows: list[Row], vector: list[float], metric: str, filter: Any) -> list[tuple[str, float]]:
    """What the specification says, row by row; rows come in the order of creation."""
    holds = compile_filter({} if filter is None else filter)
    wanted = [row for row in rows if row["indexName"] == "docs" and holds(row["metadata"])]
    scores = [(row["id"], score(metric, vector, row["embedding"])) for row in wanted]
    return sorted(scores, key=lambda scored: -scored[1])


@some_backends("sqlite", "convex-test")
@pytest.mark.parametrize(
    ("length", "metric"),
    [(SCANNED, "cosine"), (SCANNED, "euclidean"), (SCANNED, "dotproduct"), (NATIVE, "cosine"), (NATIVE, "euclidean")],
)
async def test_the_nearest_rows_are_those_of_a_plain_ranking(engine: Engine, length: int, metric: str) -> None:
    rows = sample(length)
    for stored in rows:
        await put(engine, VECTORS, stored)
    vector = padded([0.75, -0.5, 0.125], length)
    for filter in FILTERS:
        expected = ranking(rows, vector, metric, filter)
        for limit in (1, 7, 300):
            hits = await found(engine, vector, range=in_index(filter=filter), limit=limit, metric=metric)
            assert ids(hits) == [id for id, _ in expected[:limit]], filter
            assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected[:limit]], abs=1e-5)


@some_backends("sqlite", "convex-test")
@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_rows_of_many_indexes_do_not_hide_those_that_match(engine: Engine, length: int) -> None:
    """More than 256 rows are nearer than those that are wanted: of the same index, and of the same resource."""
    near, far = padded([1.0, 0.0], length), padded([1.0, 1.0], length)
    await put(engine, VECTORS, *(row(f"near{n}", near, kind="other", resource_id="r2") for n in range(270)))
    await put(engine, VECTORS, *(row(f"twin{n}", near, index="twin", resource_id="r1") for n in range(270)))
    await put(engine, VECTORS, *(row(f"far{n}", far, kind="wanted", resource_id="r1") for n in range(5)))

    by_kind = await found(engine, near, range=in_index(filter={"kind": "wanted"}))
    by_resource = await found(engine, near, range=in_index(filter={"resource_id": "r1"}))

    assert sorted(ids(by_kind)) == sorted(ids(by_resource)) == [f"far{n}" for n in range(5)]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_more_than_256_rows(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, *(row(f"v{n}", padded([1.0, n / 512], length)) for n in range(300)))

    hits = await found(engine, padded([1.0, 0.0], length), limit=280)

    assert ids(hits) == [f"v{n}" for n in range(280)]


async def test_ties_are_in_the_order_of_creation(engine: Engine) -> None:
    for n in (3, 1, 2):
        await put(engine, VECTORS, row(f"v{n}", [1.0, 0.0, 0.0]))
    await put(engine, VECTORS, row("best", [1.0, 0.0, 0.0]))
    await put(engine, VECTORS, row("v1", [1.0, 0.0, 0.0]))  # replaced: it stays where it is

    assert ids(await found(engine, [1.0, 0.0, 0.0], metric="euclidean", limit=3)) == ["v3", "v1", "v2"]


async def test_vectors_of_another_length_are_not_found(engine: Engine) -> None:
    await put(engine, VECTORS, row("two", [1.0, 0.0]), row("three", [1.0, 0.0, 0.0]), row("none", []))

    assert ids(await found(engine, [1.0, 0.0])) == ["two"]
    assert ids(await found(engine, [1.0, 0.0, 0.0])) == ["three"]
    assert ids(await found(engine, [1.0, 0.0, 0.0, 0.0])) == []


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_the_cosine_of_a_zero_vector_is_0(engine: Engine, length: int) -> None:
    zero, one, opposite = (padded([x], length) for x in (0.0, 1.0, -1.0))
    await put(engine, VECTORS, row("zero", zero), row("one", one), row("opposite", opposite))

    assert [(hit.row["id"], hit.score) for hit in await found(engine, one)] == [
        ("one", 1),
        ("zero", 0),
        ("opposite", -1),
    ]
    assert [hit.score for hit in await found(engine, zero)] == [0, 0, 0]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_scores_below_the_least_are_left_out(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, *(row(f"v{n}", padded([1.0, float(n)], length)) for n in range(4)))

    hits = await found(engine, padded([1.0, 0.0], length), min_score=0.5)

    assert ids(hits) == ["v0", "v1"]
    assert ids(await found(engine, padded([0.0, 0.0, 1.0], length), min_score=0)) == ["v0", "v1", "v2", "v3"]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_a_row_has_its_vector_only_when_that_is_asked_for(engine: Engine, length: int) -> None:
    stored = row("v", padded([0.5, 0.25], length), n=1)
    await put(engine, VECTORS, stored)

    (without,) = await found(engine, stored["embedding"])
    (whole,) = await found(engine, stored["embedding"], include_vector=True)

    assert columns(without.row) == {name: value for name, value in stored.items() if name != "embedding"}
    assert columns(whole.row) == stored
    assert whole.row["_creationTime"] == without.row["_creationTime"]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_the_bounds_of_the_range(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, *(row(id, padded([1.0], length)) for id in "abcd"))

    within = in_index(lower=Bound(value="b"), upper=Bound(value="d", inclusive=False))

    assert sorted(ids(await found(engine, padded([1.0], length), range=within))) == ["b", "c"]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_conditions_on_columns(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, row("a", padded([1.0], length)), row("b", padded([1.0], length), index="other"))
    everywhere = IndexRange(table=VECTORS, index="by_record_id")
    other = Condition(path=["indexName"], operator="eq", value='"other"')

    assert sorted(ids(await found(engine, padded([1.0], length), range=everywhere))) == ["a", "b"]
    narrowed = replace(everywhere, where=[other])
    assert ids(await found(engine, padded([1.0], length), range=narrowed)) == ["b"]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_changed_and_deleted_rows(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, row("a", padded([1.0], length)), row("b", padded([0.0, 1.0], length)))
    assert ids(await found(engine, padded([1.0], length), limit=1)) == ["a"]

    await put(engine, VECTORS, row("a", padded([-1.0], length)))

    assert ids(await found(engine, padded([1.0], length), limit=1)) == ["b"]


@pytest.mark.parametrize("length", [SCANNED, NATIVE])
async def test_guards_are_checked_first(engine: Engine, length: int) -> None:
    await put(engine, VECTORS, row("a", padded([1.0], length)))
    there = KeyGuard(guard="exists", table=VECTORS, key=["docs", "a"])
    absent = KeyGuard(guard="exists", table=VECTORS, key=["docs", "b"])
    empty = EmptyGuard(range=in_index("other"))

    assert ids(await found(engine, padded([1.0], length), guards=[there, empty])) == ["a"]
    for filter in (None, {"resource_id": "r1"}):
        refused = await search(engine, padded([1.0], length), range=in_index(filter=filter), guards=[there, absent])
        assert (refused.status, refused.guard, list(refused.hits)) == ("conflict", 1, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"vector": []},
        {"field": "metadata"},
        {"field": "absent"},
        {"range": in_index(filter={"a": {"$near": 1}})},
        {"range": in_index(filter={"a": {"$regex": "(?=a)"}})},
        {"range": IndexRange(table=VECTORS, index="by_index", prefix=["a", "b"])},
    ],
)
async def test_a_malformed_search_is_refused(engine: Engine, wrong: dict[str, Any]) -> None:
    well_formed: dict[str, Any] = {"range": in_index(), "field": "embedding", "vector": [1.0], "limit": 1}
    with pytest.raises(ValidationError):
        await engine.search(Search(**{**well_formed, **wrong}))


async def test_a_table_or_an_index_that_is_not_deployed(engine: Engine) -> None:
    for target in (IndexRange(table="absent", index="by_record_id"), IndexRange(table=VECTORS, index="absent")):
        with pytest.raises(SchemaMismatchError):
            await search(engine, [1.0], range=target)


async def test_describe_tells_what_is_deployed(backend: Backend, engine: Engine) -> None:
    known, unknown = await engine.read([Describe(table=VECTORS), Describe(table="absent")])

    assert (known.deployed, known.key) == (True, "by_index_id")
    assert set(known.fields) == {"id", "indexName", "embedding", "metadata"}
    assert list(known.indexes["by_index_id"]) == ["indexName", "id"]
    is_convex = backend.name in ("convex-test", "deployment")
    assert [native.field for native in known.native] == (["embedding"] if is_convex else [])
    assert (unknown.deployed, list(unknown.fields), dict(unknown.indexes)) == (False, [], {})
