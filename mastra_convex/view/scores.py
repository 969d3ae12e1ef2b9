"""Pages of scores: a chart over time by scorer, and the newest scores."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Final

from aiohttp import web

from mastra_convex.domain import Scan
from mastra_convex.view.charts import chart
from mastra_convex.view.page import Query, Site
from mastra_convex.view.reading import SEARCHED

SCORES: Final = "mastra_scorers"
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "scorer": ("scorerId",),
    "score": ("score",),
    "entity": ("entityId",),
    "entity_type": ("entityType",),
    "run": ("runId",),
    "source": ("source",),
    "created": ("createdAt",),
}


async def scores(site: Site, query: Query) -> web.Response:
    """Lists the newest scores of all scorers or of one, with a chart of them."""
    scorer = query.text("scorer")
    scan = Scan(
        table=SCORES,
        index="by_scorer_created" if scorer else "by_created",
        prefixes=[[scorer] if scorer else []],
        order="desc",
        cursor=query.cursor,
        limit=SEARCHED,
    )
    listing = await site.reader.page(scan, columns=_COLUMNS)
    found: dict[str, list[float]] = {}
    for row in listing.rows:
        if isinstance(row["score"], int | float):
            found.setdefault(str(row["scorer"]), []).append(row["score"])
    return await site.page(
        "scores.html",
        query,
        section="Scores",
        title=f"Scores of {scorer}" if scorer else "Scores",
        listing=listing,
        chart=chart([(str(row["scorer"]), row["created"], row["score"]) for row in listing.rows]),
        scorers=[
            {"name": name, "count": len(values), "mean": fmean(values), "least": min(values), "most": max(values)}
            for name, values in sorted(found.items())
        ],
    )


async def scorers(site: Site, query: Query) -> web.Response:
    """Lists the ids of all scorers."""
    listing = await site.reader.names(SCORES, "by_scorer_created", query.text("cursor"))
    members = {"path": "/scores", "parameter": "scorer"}
    return await site.page("names.html", query, section="Scores", title="Scorers", listing=listing, **members)
