"""Pages of vector indexes: what is in one, and what is near a text or a stored vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from mastra_convex.domain import HashingEmbedder, Scan
from mastra_convex.errors import MastraConvexError
from mastra_convex.view.page import Query, Site, not_found
from mastra_convex.view.reading import Listing

INDEXES: Final = "mastra_vector_indexes"
VECTORS: Final = "mastra_vectors"
_NEAREST: Final = 20


async def vectors(site: Site, query: Query) -> web.Response:
    """Lists the vector indexes, or shows one."""
    name = query.text("index")
    if not name:
        indexes = await site.reader.page(Scan(table=INDEXES, index="by_name", cursor=query.cursor))
        return await site.page("vectors.html", query, section="Vectors", title="Vector indexes", listing=indexes)
    row = await site.reader.get(INDEXES, [name])
    if row is None:
        raise not_found("vector index", name)
    id, text = query.text("id"), query.text("text")
    listing: Listing | None = None
    hits: Sequence[Any] | None = None
    problem: str | None = None
    try:
        if id or text:
            hits = await _nearest(site, name, id, text, row["dimension"])
        else:
            scan = Scan(table=VECTORS, index="by_index", prefixes=[[name]], cursor=query.cursor)
            listing = await site.reader.page(scan, columns={"id": ("id",), "metadata": ("metadata",)})
    except MastraConvexError as error:
        problem = str(error)
    members = {"listing": listing, "hits": hits, "problem": problem}
    return await site.page("vector_index.html", query, section="Vectors", title=name, index=row, **members)


async def _nearest(site: Site, name: str, id: str, text: str, dimension: int) -> Sequence[Any]:
    vector = site.reader.store.vector
    if id:
        [stored] = await vector.get_vectors(name, ids=[id], include_vector=True)
        if stored is None or stored.vector is None:
            raise not_found("vector", id)
        return await vector.query(name, query_vector=stored.vector, top_k=_NEAREST)
    [wanted] = await HashingEmbedder(dimension).embed([text])
    return await vector.query(name, query_vector=wanted, top_k=_NEAREST)
