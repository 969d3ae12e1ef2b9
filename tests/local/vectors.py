"""A table with vectors, searches of it, and the plain statement of what a search answers."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import Any, Literal

from mastra_convex.engine.protocol import IndexRange, Search
from mastra_convex.local.documents import pack, unpack
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.values import Row
from mastra_convex.tables import Field, Index, Table
from tests.local.tables import put

Metric = Literal["cosine", "euclidean", "dotproduct"]
METRICS: tuple[Metric, ...] = ("cosine", "euclidean", "dotproduct")

POINTS = Table(
    name="points",
    fields=(Field("id"), Field("place"), Field("at", "floats", optional=True), Field("info", "any", optional=True)),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_place", ("place",)),
        Index("by_kind", ("place", "info.kind")),
        Index("by_n", ("info.n",)),
    ),
)


def single(values: list[float]) -> list[float]:
    """The nearest numbers of single precision."""
    return unpack(pack(values, "at"))


def point(id: str, *at: float, place: str = "here", **info: Any) -> Row:
    return {"id": id, "place": place, "at": single(list(at)), "info": info}


def points(count: int, dimension: int, *, seed: int = 0, place: str = "here") -> list[Row]:
    dice = random.Random(seed)
    return [
        point(f"{place}{seed}-{n}", *(dice.gauss(0, 1) for _ in range(dimension)), place=place, kind=n % 7, n=n)
        for n in range(count)
    ]


async def fill(engine: LocalEngine, rows: list[Row]) -> None:
    for start in range(0, len(rows), 500):
        await put(engine, *rows[start : start + 500], table="points")


def search(
    *vector: float,
    limit: int = 10,
    place: str = "here",
    match: Any = None,
    where: Sequence[Condition] = (),
    **members: Any,
) -> Search:
    if match is not None:
        where = [Condition(path=["info"], operator="match", value=json.dumps(match))]
    target = IndexRange(table="points", index="by_place", prefix=[place], where=where)
    return Search(range=target, field="at", vector=vector, limit=limit, **members)


async def nearest(engine: LocalEngine, *vector: float, **members: Any) -> list[str]:
    return [hit.row["id"] for hit in (await engine.search(search(*vector, **members))).hits]


def score(metric: Metric, a: list[float], b: list[float]) -> float:
    if metric == "euclidean":
        return 1 / (1 + math.dist(a, b))
    product = sum(x * y for x, y in zip(a, b, strict=True))
    if metric == "dotproduct":
        return product
    norms = math.hypot(*a) * math.hypot(*b)
    return product / norms if norms else 0.0


def ranked(rows: list[Row], metric: Metric, vector: list[float]) -> list[tuple[float, str]]:
    """Scores and ids of rows in the order of creation, best first."""
    scored = [(score(metric, row["at"], vector), row["id"]) for row in rows if len(row.get("at", ())) == len(vector)]
    return sorted(scored, key=lambda each: -each[0])


def searches() -> list[Search]:
    """Of every metric, with and without a filter, for `points(..., 12)`."""
    return [
        search(*query["at"], metric=metric, match=match, limit=25)
        for query in points(4, 12, seed=9)
        for metric in METRICS
        for match in (None, {"kind": 3}, {"n": {"$gt": 250}})
    ]
