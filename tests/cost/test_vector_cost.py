"""The workloads of the vector domain: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from mastra_convex import ConvexStore
from mastra_convex_domains import Metric, VectorStore
from tests.backends import ConvexHost
from tests.conftest import StartHost
from tests.cost.conftest import Meter
from tests.effort import some
from tests.generated import generated_host

Vectors = NDArray[numpy.float32]


@pytest.fixture(scope="session")
async def start_host() -> AsyncIterator[StartHost]:
    """A deployment with a vector index for 384 numbers."""
    started: list[ConvexHost] = []
    async with AsyncExitStack() as stack:

        async def start() -> ConvexHost:
            if not started:
                started.append(await stack.enter_async_context(generated_host([384])))
            return started[0]

        yield start


@pytest.fixture
def vectors(store: ConvexStore) -> VectorStore:
    return store.vector


def sample(count: int, dimension: int = 384) -> Vectors:
    return numpy.random.default_rng(count).standard_normal((count, dimension)).astype(numpy.float32)


async def load(host: ConvexHost, given: Vectors, *, metric: Metric = "cosine", resources: int = 1) -> None:
    """An index `docs` of these vectors, with metadata of some 60 bytes."""
    dimension = given.shape[1]
    index = {"id": "docs", "indexName": "docs", "dimension": dimension, "metric": metric, "createdAt": "2026-01-01"}
    rows = [
        {"id": f"v{n}", "indexName": "docs", "embedding": vector, "metadata": metadata(n, resources)}
        for n, vector in enumerate(given.tolist())
    ]
    await host.load({"mastra_vector_indexes": [index], "mastra_vectors": rows})


def metadata(n: int, resources: int) -> dict[str, Any]:
    return {"group": n % 4, "n": n, "resource_id": f"resource-{n % resources}"}


def nearest(given: Vectors, query: Vectors, among: list[int]) -> list[str]:
    scores = given @ query / numpy.linalg.norm(given, axis=1)
    return [f"v{n}" for n in sorted(among, key=lambda n: -scores[n])[:10]]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"], ids=["native", "scan"])
async def test_w12_top_10_of_2000(host: ConvexHost, vectors: VectorStore, meter: Meter, metric: Metric) -> None:
    given = sample(2_000)
    await load(host, given, metric=metric)
    if metric != "cosine":  # the first search of an index that is not the usual kind finds that out
        await vectors.query("docs", query_vector=given[5])
    await meter.start()
    hits = await vectors.query("docs", query_vector=given[5])
    cost = await meter.cost()
    assert (len(hits), hits[0].id) == (10, "v5")
    assert cost.calls == 1
    assert cost.response_bytes <= 4_000
    assert metric != "cosine" or cost.documents_read <= 20


@pytest.mark.parametrize("dimension", [384, 100], ids=["native", "scan"])
async def test_w12_with_a_filter(host: ConvexHost, vectors: VectorStore, meter: Meter, dimension: int) -> None:
    given = sample(2_000, dimension)
    await load(host, given)
    await meter.start()
    hits = await vectors.query(
        "docs", query_vector=given[5], filter={"group": {"$in": [1, 2]}, "n": {"$gte": 100, "$lt": 900}}
    )
    cost = await meter.cost()
    assert [hit.id for hit in hits] == nearest(given, given[5], [n for n in range(100, 900) if n % 4 in (1, 2)])
    assert cost.calls <= 2
    assert cost.response_bytes <= 4_000


@pytest.mark.parametrize(
    ("count", "dimension", "calls"), some([(1_000, 384, 1), (10_000, 384, 6), (2_000, 1536, 4)], [(1_000, 384, 1)])
)
async def test_w13_upserts(vectors: VectorStore, meter: Meter, count: int, dimension: int, calls: int) -> None:
    await vectors.create_index("docs", dimension=dimension)
    given = sample(count, dimension)
    await meter.start()
    await vectors.upsert("docs", vectors=given, metadata=[metadata(n, 200) for n in range(count)])
    cost = await meter.cost()
    assert cost.calls == calls
    assert cost.largest_ranges <= 4_000
    assert cost.request_bytes <= count * (dimension * 13 + 150)


async def test_w13_upserting_again(vectors: VectorStore, meter: Meter) -> None:
    await vectors.create_index("docs", dimension=1536)
    given, ids = sample(600, 1536), [f"v{n}" for n in range(600)]
    await vectors.upsert("docs", vectors=given, ids=ids)
    await meter.start()
    await vectors.upsert("docs", vectors=given[::-1], ids=ids)
    assert (await meter.cost()).calls == 2


async def test_recall_of_one_of_200_resources(host: ConvexHost, vectors: VectorStore, meter: Meter) -> None:
    given = sample(6_000)
    await load(host, given, resources=200)
    await meter.start()
    hits = await vectors.query("docs", query_vector=given[7], filter={"resource_id": "resource-7"})
    cost = await meter.cost()
    assert [hit.id for hit in hits] == nearest(given, given[7], list(range(7, 6_000, 200)))
    assert cost.calls == 1
    assert cost.documents_read <= 300
    assert cost.response_bytes <= 4_000


async def test_describing_an_index_of_500(host: ConvexHost, vectors: VectorStore, meter: Meter) -> None:
    await load(host, sample(500))
    await meter.start()
    description = await vectors.describe_index("docs")
    cost = await meter.cost()
    assert (description.count, description.served) == (500, "native")
    assert cost.calls == 1
    assert cost.response_bytes <= 1_000


@pytest.mark.long
async def test_deleting_by_filter_from_5000(host: ConvexHost, vectors: VectorStore, meter: Meter) -> None:
    await load(host, sample(5_000))
    await meter.start()
    await vectors.delete_vectors("docs", filter={"group": 1, "n": {"$lt": 4_000}})
    cost = await meter.cost()
    assert cost.calls <= 1_000 // 1_000 + 2
    assert cost.request_bytes <= 3_000
    assert len(await vectors.query("docs", filter={"group": 1}, top_k=5_000)) == 250


async def test_the_vectors_of_a_thread(host: ConvexHost, store: ConvexStore, meter: Meter) -> None:
    given = sample(2_000).tolist()
    rows = [
        {"id": f"v{n}", "indexName": "docs", "embedding": vector, "metadata": {"thread_id": f"t{n % 100}"}}
        for n, vector in enumerate(given)
    ]
    await host.load({"mastra_vectors": rows})
    await store.memory.save_thread({"id": "t1", "resource_id": "r"})
    await meter.start()
    await store.memory.delete_thread("t1", deletes_vectors=True)
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.documents_read <= 50
    assert len(await host.rows("mastra_vectors")) == 1_980
