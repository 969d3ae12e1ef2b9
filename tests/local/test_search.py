"""Search by the local engine: exact for every metric, kind of number, length and condition."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import IndexRange, Search
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.filters import compile_filter
from mastra_convex.tables import Field, Index, Table
from tests.local.tables import put
from tests.local.vectors import METRICS, POINTS, Metric, fill, nearest, point, points, ranked, search, single


@pytest.fixture
async def local() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(":memory:", [POINTS])
    yield engine
    await engine.aclose()


@pytest.mark.parametrize("metric", METRICS)
async def test_the_best_of_many(local: LocalEngine, metric: Metric) -> None:
    rows = points(3_000, 24)
    await fill(local, rows)
    await fill(local, points(50, 24, place="there"))
    await fill(local, points(50, 5, seed=1))
    for query in points(5, 24, seed=2):
        expected = ranked(rows, metric, query["at"])[:40]
        result = await local.search(search(*query["at"], limit=40, metric=metric))
        assert [hit.row["id"] for hit in result.hits] == [id for _, id in expected]
        assert [hit.score for hit in result.hits] == pytest.approx([score for score, _ in expected], abs=1e-12)


@pytest.mark.parametrize(
    "match",
    [
        {"kind": 3},
        {"kind": {"$eq": 3}, "n": {"$gte": 1_000}},
        {"$and": [{"kind": 3}, {"n": {"$lt": 300}}]},
        {"n": 2_999},
        {"n": {"$in": [4, 700, 2_000]}},
        {"kind": "3"},
        {"tags": "x"},
    ],
    ids=str,
)
async def test_filters_are_exact(local: LocalEngine, match: Any) -> None:
    rows = points(3_000, 8)
    rows[17]["info"] = {"kind": [3, 4], "tags": ["x", "y"]}
    rows[18]["info"] = '{"kind": 3, "tags": "x"}'
    await fill(local, rows)
    holds = compile_filter(match)
    chosen = [row for row in rows if isinstance(row["info"], dict) and holds(row["info"])]
    for query in points(2, 8, seed=2):
        expected = [id for _, id in ranked(chosen, "cosine", query["at"])[:30]]
        assert await nearest(local, *query["at"], limit=30, match=match) == expected


async def test_an_index_does_not_hide_a_value_inside_json_text_or_an_array(local: LocalEngine) -> None:
    inside = {"id": "text", "place": "here", "at": [1.0, 0.0], "info": '{"kind": 3}'}
    await fill(local, [point("plain", 1, 0, kind=3), inside, point("array", 1, 0, kind=[3]), point("other", 1, 0)])
    assert await nearest(local, 1, 0, match={"kind": 3}) == ["plain", "array"]
    inside_path = Condition(path=["info", "kind"], operator="eq", value="3")
    assert await nearest(local, 1, 0, where=[inside_path]) == ["plain", "text"]


async def test_an_index_does_not_hide_a_key_with_a_dot() -> None:
    indexes = (Index("by_record_id", ("id",)), Index("by_deep", ("info.a.b",)))
    table = Table(name="points", fields=POINTS.fields, indexes=indexes)
    engine = LocalEngine(":memory:", [table])
    infos: dict[str, Any] = {
        "literal": {"a.b": 1},
        "path": {"a": {"b": 1}},
        "both": {"a.b": 1, "a": {"b": 2}},
        "no": {},
    }
    await fill(engine, [point(id, 1, n, **info) for n, (id, info) in enumerate(infos.items())])
    for filter, expected in (({"a.b": 1}, ["literal", "path", "both"]), ({"a": {"b": 1}}, ["path"])):
        where = [Condition(path=["info"], operator="match", value=json.dumps(filter))]
        target = IndexRange(table="points", index="by_record_id", where=where)
        result = await engine.search(Search(range=target, field="at", vector=[1.0, 0.0], limit=5))
        assert [hit.row["id"] for hit in result.hits] == expected
    await engine.aclose()


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e-3, 3e38, -3e38, 1e30, 1e-30, 1e-42, 1_000.0, 1_000.5])
VECTORS = st.lists(NUMBERS, min_size=3, max_size=3)


@pytest.mark.long
@given(st.lists(VECTORS, min_size=1, max_size=12), VECTORS, st.sampled_from(METRICS), st.integers(1, 5))
@example([[0.0, 0.0, 0.0], [0.0, 3e38, 3e38]], [0.0, 0.0, 0.0], "euclidean", 1)
@settings(max_examples=150)
async def test_numbers_of_all_sizes(vectors: list[list[float]], query: list[float], metric: Metric, limit: int) -> None:
    engine = LocalEngine(":memory:", [POINTS])
    rows = [point(str(n), *vector) for n, vector in enumerate(vectors)]
    await fill(engine, rows)
    expected = [score for score, _ in ranked(rows, metric, single(query))][:limit]
    result = await engine.search(search(*single(query), metric=metric, limit=limit))
    assert [hit.score for hit in result.hits] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    await engine.aclose()


async def test_many_equal_vectors_come_in_the_order_of_creation(local: LocalEngine) -> None:
    rows = [point(f"{n}", 0.1, 0.2, 0.3) for n in range(5_000)]
    await fill(local, rows)
    assert await nearest(local, 0.3, 0.2, 0.1, limit=300) == [row["id"] for row in rows[:300]]


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e3, 1e30])
@pytest.mark.parametrize("metric", METRICS)
async def test_scores_that_differ_by_less_than_single_precision_tells(
    local: LocalEngine, metric: Metric, size: float
) -> None:
    dice = random.Random(5)
    rows = [point(str(n), *(1 + dice.uniform(-1, 1) * 1e-6 for _ in range(300))) for n in range(400)]
    await fill(local, rows)
    query = single([size * dice.uniform(0.5, 1) for _ in range(300)])
    for limit in (3, 50):
        result = await local.search(search(*query, metric=metric, limit=limit))
        scores = [hit.score for hit in result.hits]
        assert scores == pytest.approx([score for score, _ in ranked(rows, metric, query)][:limit], rel=1e-12, abs=0)


async def test_a_table_with_two_columns_of_vectors() -> None:
    pairs = Table(
        name="pairs",
        fields=(Field("id"), Field("at", "floats"), Field("to", "floats", optional=True)),
        indexes=(Index("by_record_id", ("id",)),),
    )
    engine = LocalEngine(":memory:", [pairs])
    rows = [{"id": "a", "at": [1.0, 0.0], "to": [0.0, 1.0]}, {"id": "b", "at": [0.0, 1.0]}]
    await put(engine, *rows, table="pairs")
    to = Condition(path=["to"], operator="eq", value="[0.0, 1.0]")
    for field, where, found in (
        ("at", [], [{"id": "b"}, {"id": "a", "to": [0.0, 1.0]}]),
        ("to", [], [{"id": "a", "at": [1.0, 0.0]}]),
        ("at", [to], [{"id": "a", "to": [0.0, 1.0]}]),
    ):
        target = IndexRange(table="pairs", index="by_record_id", where=where)
        result = await engine.search(Search(range=target, field=field, vector=[0.0, 1.0], limit=5))
        assert [{name: value for name, value in hit.row.items() if name[0] != "_"} for hit in result.hits] == found
    await engine.aclose()


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=4), max_size=3))
@settings(max_examples=30)
async def test_vectors_come_back_as_they_are(vectors: list[list[float]]) -> None:
    engine = LocalEngine(":memory:", [POINTS])
    await fill(engine, [{"id": str(n), "place": "here", "at": vector} for n, vector in enumerate(vectors)])
    for vector in vectors:
        if vector:
            result = await engine.search(search(*vector, limit=10, include_vector=True))
            assert vector in [hit.row["at"] for hit in result.hits]
            assert all("at" not in hit.row for hit in (await engine.search(search(*vector))).hits)
    await engine.aclose()
