"""The view of one resource: whatever is given to it, it neither shows nor changes a vector of another resource."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex import ConflictError, MastraConvexError, NotFoundError, ValidationError
from mastra_convex.engine.protocol import Commit, Put
from mastra_convex_domains import Metric, ResourceVectors, VectorHit, VectorStore
from tests.backends import Backend
from tests.domains.vector.data import ids, vector
from tests.effort import once, some_backends

ANN: dict[str, dict[str, Any]] = {
    "a1": {"resource_id": "ann", "n": 1, "secret": "no"},
    "a2": {"resource_id": "ann", "n": 2},
    "a3": {"resource_id": "ann", "resource": {"id": "bob"}},
}
OTHERS: dict[str, dict[str, Any] | None] = {
    "b1": {"resource_id": "bob", "n": 1, "secret": "yes"},
    "b2": {"resource_id": "bob", "owner": "ann"},
    "bare": None,
    "empty": {},
    "null": {"resource_id": None, "n": 1},
    "list": {"resource_id": ["ann"], "n": 1},
    "both": {"resource_id": ["bob", "ann"]},
    "object": {"resource_id": {"ann": "ann"}},
    "case": {"resource_id": "Ann"},
    "space": {"resource_id": "ann "},
    "longer": {"resource_id": "ann.", "n": 2},
    "nested": {"metadata": {"resource_id": "ann"}, "metadata.resource_id": "ann"},
    "camel": {"resourceId": "ann"},
}

FILTERS: list[dict[str, Any]] = [
    {},
    {"n": 1},
    {"resource_id": "bob"},
    {"resource_id": {"$ne": "ann"}},
    {"resource_id": {"$exists": False}},
    {"resource_id": {"$in": ["ann", "bob", None]}},
    {"resource_id": {"$regex": "."}},
    {"resource_id": {"$not": {"$eq": "ann"}}},
    {"resource_id": {"$elemMatch": {"$eq": "ann"}}},
    {"$or": [{"resource_id": "bob"}, {"n": 1}]},
    {"$or": [{}, {"resource_id": "bob"}]},
    {"$nor": [{"resource_id": "ann"}]},
    {"$not": {"resource_id": "ann"}},
    {"$not": {"$and": [{"resource_id": "ann"}, {"n": 1}]}},
    {"$and": [{"$or": [{"resource_id": "bob"}, {"resource_id": "ann"}]}]},
    {"$or": [{"metadata.resource_id": "ann"}, {"metadata": {"resource_id": "ann"}}]},
    {"secret": {"$exists": True}},
]


async def fill(vectors: VectorStore, dimension: int, index: str = "i") -> None:
    rows = ANN | OTHERS
    await vectors.create_index(index, dimension=dimension)
    given = [vector(dimension, 1, n) for n in range(len(rows))]
    await vectors.upsert(index, vectors=given, ids=list(rows), metadata=list(rows.values()))


@pytest.fixture
async def filled(vectors: VectorStore, dimension: int) -> VectorStore:
    """Two indexes with the same vectors, which the deployment searches natively, or has to scan."""
    await fill(vectors, dimension)
    await fill(vectors, dimension, "other")
    return vectors


@pytest.fixture
def ann(filled: VectorStore) -> ResourceVectors:
    return filled.for_resource("ann")


async def contents(vectors: VectorStore, index: str = "i") -> dict[str, VectorHit]:
    hits = await vectors.query(index, filter={}, top_k=10_000, include_vector=True)
    return {hit.id: hit for hit in hits}


async def test_it_finds_its_own_vectors_only(filled: VectorStore, ann: ResourceVectors, dimension: int) -> None:
    query = vector(dimension, 1)
    for filter in FILTERS:
        everything = await filled.query("i", filter=filter, top_k=100, include_vector=True)
        own = [hit for hit in everything if hit.id in ANN]
        assert await ann.query("i", filter=filter, top_k=100, include_vector=True) == own, filter
        assert ids(await ann.query("i", query_vector=query, filter=filter)) == ids(own), filter
    assert ids(await ann.query("i", query_vector=query)) == list(ANN)
    assert ids(await ann.query("i", query_vector=query, top_k=2)) == ["a1", "a2"]
    assert await filled.for_resource("nobody").query("i", query_vector=query) == []
    assert ids(await filled.for_resource("ann ").query("i", query_vector=query)) == ["space"]


async def test_more_vectors_of_others_are_nearer_than_a_native_search_finds(
    vectors: VectorStore, dimension: int
) -> None:
    await vectors.create_index("i", dimension=dimension)
    near = [vector(dimension, 1)] * 300
    await vectors.upsert("i", vectors=near, metadata=[{"resource_id": "bob"}] * 300)
    ann = vectors.for_resource("ann")
    given = [vector(dimension, 1, 9 + n) for n in range(3)]
    await ann.upsert("i", vectors=given, ids=["x", "y", "z"])
    assert ids(await ann.query("i", query_vector=vector(dimension, 1), top_k=2)) == ["x", "y"]


async def test_metadata_that_are_text_name_no_resource(vectors: VectorStore, backend: Backend, dimension: int) -> None:
    """Filters do not look into them either; a native search and a scan answer alike."""
    await vectors.create_index("i", dimension=dimension)
    row = {"id": "text", "indexName": "i", "embedding": vector(dimension, 1), "metadata": '{"resource_id": "ann"}'}
    commit = Commit(id="text", ops=[Put(table="mastra_vectors", rows=[row])])
    assert (await backend.engine().commit(commit)).status == "done"
    ann = vectors.for_resource("ann")
    assert await ann.query("i", query_vector=vector(dimension, 1)) == []
    assert await ann.query("i", filter={}) == []
    await ann.delete_vectors("i", filter={"a": None})
    assert (await vectors.describe_index("i")).count == 1


async def test_what_it_stores_names_the_resource(filled: VectorStore, ann: ResourceVectors, dimension: int) -> None:
    given = [vector(dimension, n + 1) for n in range(4)]
    metadata: list[Any] = [None, {}, {"resource_id": "ann"}, {"n": 7, "__mastra_json": '{"resource_id":"bob"}'}]
    assert await ann.upsert("i", vectors=given, ids=["a1", "x", "y", "z"], metadata=metadata) == ["a1", "x", "y", "z"]
    [new] = await ann.upsert("i", vectors=[vector(dimension, 2)])
    stored = await contents(filled)
    for id in ("a1", "x", "y", new):
        assert stored[id].metadata == {"resource_id": "ann"}
    assert stored["z"].metadata == {"resource_id": "ann", **metadata[3]}
    assert metadata == [None, {}, {"resource_id": "ann"}, {"n": 7, "__mastra_json": '{"resource_id":"bob"}'}]
    assert {hit.id for hit in await ann.query("i", filter={})} == {*ANN, "x", "y", "z", new}
    assert {hit.id for hit in await filled.for_resource("bob").query("i", filter={})} == {"b1", "b2"}


OTHER_RESOURCES: list[Any] = ["bob", "", "Ann", None, ["ann"], {"ann": 1}, 1, True]


@once
@pytest.mark.parametrize("resource_id", OTHER_RESOURCES, ids=repr)
async def test_metadata_that_name_another_resource_are_refused(
    filled: VectorStore, ann: ResourceVectors, dimension: int, resource_id: Any
) -> None:
    before = await contents(filled)
    wrong = {"resource_id": resource_id}
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: ann.upsert("i", vectors=[vector(dimension, 1)] * 2, ids=["a1", "x"], metadata=[{}, wrong]),
        lambda: ann.upsert("i", vectors=[vector(dimension, 1)], metadata=[wrong]),
        lambda: ann.update_vector("i", id="a1", metadata=wrong),
        lambda: ann.update_vector("i", filter={"n": 1}, metadata=wrong),
    ]
    for call in calls:
        with pytest.raises(ConflictError, match=r"resource_id must be 'ann'") as caught:
            await call()
        assert caught.value.id.endswith("_NOT_OWNED")
    assert await contents(filled) == before


async def test_ids_of_others_are_refused(filled: VectorStore, ann: ResourceVectors, dimension: int) -> None:
    before = await contents(filled)
    one = [vector(dimension, 5)]

    def calls(id: str) -> list[Callable[[], Awaitable[object]]]:
        return [
            lambda: ann.upsert("i", vectors=one, ids=[id]),
            lambda: ann.upsert("i", vectors=one * 3, ids=["new", id, "a1"]),
            lambda: ann.upsert("i", vectors=one * 2, ids=["a1", id], delete_filter={"n": 2}),
            lambda: ann.update_vector("i", id=id, metadata={"n": 9}),
            lambda: ann.update_vector("i", id=id, vector=one[0]),
            lambda: ann.delete_vector("i", id=id),
            lambda: ann.delete_vectors("i", ids=["a1", id, "unknown"]),
        ]

    for id in OTHERS:
        for call in calls(id):
            with pytest.raises(ConflictError, match=f"not of resource 'ann': '{id}'; nothing was written") as caught:
                await call()
            assert caught.value.id.endswith("_NOT_OWNED")
            assert caught.value.details == {"ids": [id]}
    with pytest.raises(ConflictError) as caught:
        await ann.delete_vectors("i", ids=["a1", *OTHERS, "unknown"])
    assert caught.value.details == {"ids": list(OTHERS)}
    assert await contents(filled) == before


async def test_its_own_ids_and_unknown_ones_are_not(filled: VectorStore, ann: ResourceVectors, dimension: int) -> None:
    others = {id: hit for id, hit in (await contents(filled)).items() if id not in ANN}
    await ann.update_vector("i", id="a1", metadata={"n": 9})
    await ann.update_vector("i", id="a2", vector=vector(dimension, 7), metadata={"resource_id": "ann"})
    await ann.update_vector("i", id="unknown", metadata={"n": 9})
    await ann.delete_vector("i", id="a3")
    await ann.delete_vectors("i", ids=["unknown", "a3"])
    stored = await contents(filled)
    assert stored.pop("a1").metadata == ANN["a1"] | {"n": 9}
    assert stored.pop("a2").vector == vector(dimension, 7)
    assert stored == others
    await ann.delete_vectors("i", ids=["a1", "a2"])
    assert await contents(filled) == others
    assert set(await contents(filled, "other")) == {*ANN, *OTHERS}


async def test_filters_change_and_delete_its_own_vectors_only(filled: VectorStore, dimension: int) -> None:
    ann = filled.for_resource("ann")
    others = {id: hit for id, hit in (await contents(filled)).items() if id not in ANN}
    for filter in FILTERS[1:]:
        try:
            await ann.update_vector("i", filter=filter, vector=vector(dimension, 3), metadata={"changed": True})
            await ann.upsert("i", vectors=[vector(dimension, 1)], ids=["a1"], delete_filter=filter)
            await ann.delete_vectors("i", filter=filter)
        except ValidationError as error:
            assert error.id.endswith("MATCH_ALL_FILTER")  # noqa: PT017
        stored = await contents(filled)
        assert {id: hit for id, hit in stored.items() if id not in ANN} == others, filter
    await ann.delete_vectors("i", filter={"resource_id": {"$exists": True}})
    assert await contents(filled) == others


@pytest.mark.long
@some_backends("sqlite")
async def test_more_than_a_commit_takes(vectors: VectorStore, backend: Backend) -> None:
    """An id of another resource is found before the first of several commits."""
    count = 3_000
    await vectors.create_index("i", dimension=3)
    names = [f"v{n}" for n in range(count)]
    ann, bob = vectors.for_resource("ann"), vectors.for_resource("bob")
    await bob.upsert("i", vectors=[[1, 0, 0]], ids=["v2999"])
    for some in (names, names[1_500:]):  # more than a commit ever takes, and more than it takes with its guards
        with pytest.raises(ConflictError, match="v2999"):
            await ann.upsert("i", vectors=[[1, 0, 0]] * len(some), ids=some)
        assert (await vectors.describe_index("i")).count == 1
    await ann.upsert("i", vectors=[[1, 0, 0]] * (count - 1), ids=names[:-1], metadata=[{"n": 1}] * (count - 1))
    for some in (names, names[1_500:]):
        with pytest.raises(ConflictError, match="v2999"):
            await ann.delete_vectors("i", ids=some)
        assert (await vectors.describe_index("i")).count == count
    await ann.upsert("i", vectors=[[0, 1, 0]] * 2_000, ids=names[:2_000], delete_filter={"n": 1})
    assert (await vectors.describe_index("i")).count == 2_001
    await ann.delete_vectors("i", ids=names[:2_000])
    assert ids(await vectors.query("i", filter={})) == ["v2999"]


async def test_who_comes_first_has_the_id(backend: Backend) -> None:
    """The commit itself looks at the owner, so that of two that find an id free only one gets it."""
    stores = [backend.store().vector, backend.store().vector]
    await stores[0].create_index("i", dimension=3)

    async def claim(who: str, store: VectorStore, n: int) -> str | None:
        try:
            await store.for_resource(who).upsert("i", vectors=[[1, n, 0]], ids=[f"v{n}"], metadata=[{"by": who}])
        except ConflictError:
            return None
        return who

    for n in range(10):
        claims = (claim(who, store, n) for who, store in zip(("ann", "bob"), stores, strict=True))
        [owner] = [who for who in await asyncio.gather(*claims) if who is not None]
        hit = (await contents(stores[0]))[f"v{n}"]
        assert hit.metadata == {"by": owner, "resource_id": owner}


async def test_indexes_of_every_metric(vectors: VectorStore) -> None:
    metrics: tuple[Metric, ...] = ("cosine", "euclidean", "dotproduct")
    for metric in metrics:
        await vectors.create_index(metric, dimension=3, metric=metric)
    for metric in metrics:
        view = vectors.for_resource("ann")
        await view.upsert(metric, vectors=[[1, 0, 0]], ids=["a"])
        await vectors.for_resource("bob").upsert(metric, vectors=[[1, 0, 0]], ids=["b"])
        with pytest.raises(ConflictError):
            await view.upsert(metric, vectors=[[1, 0, 0]], ids=["b"])
        assert ids(await view.query(metric, query_vector=[1, 0, 0])) == ["a"]


async def test_errors_are_those_of_the_store(ann: ResourceVectors, dimension: int) -> None:
    with pytest.raises(NotFoundError, match="not found"):
        await ann.query("nowhere", filter={})
    with pytest.raises(NotFoundError, match="not found"):
        await ann.delete_vector("nowhere", id="a1")
    with pytest.raises(ValidationError, match="vectors of") as caught:
        await ann.upsert("i", vectors=[[1, 2]], ids=["b1"])
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_UPSERT_DIMENSION_MISMATCH"
    with pytest.raises(ValidationError, match="empty filter"):
        await ann.delete_vectors("i", filter={})
    with pytest.raises(ValidationError, match="holds for every vector"):
        await ann.delete_vectors("i", filter={"$or": [{"resource_id": "ann"}, {"a": {}}]})
    with pytest.raises(ValidationError, match=r"metadata\[0\] must be a mapping"):
        await ann.upsert("i", vectors=[vector(dimension, 1)], metadata=["text"])  # type: ignore[list-item]


async def test_what_concerns_whole_indexes_is_not_in_it(vectors: VectorStore) -> None:
    methods = {name for name in dir(vectors.for_resource("ann")) if not name.startswith("_")}
    assert methods == {"upsert", "query", "update_vector", "delete_vector", "delete_vectors"}
    for wrong in ("", " ", None, 1):
        with pytest.raises(ValidationError, match="resource_id"):
            vectors.for_resource(wrong)  # type: ignore[arg-type]


KEYS = st.sampled_from(["resource_id", "n", "metadata.resource_id", "metadata", "secret"])
OPERANDS = st.sampled_from(["ann", "bob", "no", 1])
CONDITIONS = st.one_of(
    OPERANDS,
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne", "$gt", "$lte", "$contains"]), OPERANDS),
    st.builds(lambda name, values: {name: values}, st.sampled_from(["$in", "$nin", "$all"]), st.lists(OPERANDS)),
    st.builds(lambda there: {"$exists": there}, st.booleans()),
    st.builds(lambda value: {"$not": {"$eq": value}}, OPERANDS),
)
GENERATED: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(KEYS, CONDITIONS, min_size=1, max_size=2),
    lambda inner: (
        st.builds(
            lambda name, each: {name: each}, st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, max_size=3)
        )
        | st.builds(lambda each: {"$not": each}, inner)
    ),
    max_leaves=4,
)


@pytest.mark.long
@some_backends("sqlite", "convex-test")
@given(st.lists(GENERATED, min_size=12, max_size=12))
@settings(max_examples=5, deadline=None)
async def test_no_generated_filter_reaches_others(backend: Backend, filters: list[Any]) -> None:
    vectors = backend.store().vector
    await vectors.delete_index("i")
    await fill(vectors, 3)
    ann = vectors.for_resource("ann")
    others = {id: hit for id, hit in (await contents(vectors)).items() if id not in ANN}
    for filter in filters:
        assert {hit.id for hit in await ann.query("i", filter=filter)} <= ANN.keys()
        assert {hit.id for hit in await ann.query("i", query_vector=[1, 0, 0], filter=filter)} <= ANN.keys()
        for change in (
            ann.update_vector("i", filter=filter, metadata={"n": 5}),
            ann.delete_vectors("i", filter=filter),
        ):
            try:
                await change
            except MastraConvexError as error:
                assert error.id.endswith("MATCH_ALL_FILTER")  # noqa: PT017
    assert {id: hit for id, hit in (await contents(vectors)).items() if id not in ANN} == others
