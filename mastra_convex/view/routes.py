"""Says which page is at which path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from mastra_convex.store import ConvexStore
from mastra_convex.view import lists, runs, scores, threads, traces, vectors
from mastra_convex.view.live import STREAM, Streams
from mastra_convex.view.page import SUBJECTS, Page, Query, Site, answer


async def _home(site: Site, query: Query) -> web.Response:
    return await site.page("home.html", query, section="", title="What is stored", subjects=SUBJECTS)


PAGES: Final[Mapping[str, Page]] = {
    "/": _home,
    "/threads": threads.threads,
    "/thread": threads.thread,
    "/resources": threads.resources,
    "/resource": threads.resource,
    "/resource-names": threads.resource_names,
    "/runs": runs.runs,
    "/run": runs.run,
    "/workflows": runs.workflows,
    "/scores": scores.scores,
    "/scorers": scores.scorers,
    "/traces": traces.traces,
    "/trace": traces.trace,
    "/vectors": vectors.vectors,
    "/documents": lists.list_page(lists.DOCUMENTS),
    "/schedules": lists.list_page(lists.SCHEDULES),
    "/firings": lists.list_page(lists.TRIGGERS),
    "/tasks": lists.list_page(lists.TASKS),
    "/observations": lists.list_page(lists.OBSERVATIONS),
    "/row": lists.row,
    "/raw": lists.raw,
}
"""Ids are parameters, not parts of paths: any text may be one."""
_STILL: Final = frozenset({"/", "/resource-names", "/workflows", "/scorers", "/vectors", "/raw"})
"""The pages that are not told of new rows."""


def add_pages(app: web.Application, store: ConvexStore, *, is_live: bool) -> None:
    """Adds all pages over a store, their style, and what tells them of new rows where they are live."""
    live_pages = {path: page for path, page in PAGES.items() if is_live and path not in _STILL}
    site = Site(store, live_pages)
    app.router.add_get("/style.css", _file("style.css", "text/css"))
    for path, page in PAGES.items():
        app.router.add_get(path, _handler(site, page))
    if is_live:
        streams = Streams(site, live_pages)
        app.router.add_get("/live.js", _file("live.js", "text/javascript"))
        for path in live_pages:
            app.router.add_get(STREAM + path, streams.follow, allow_head=False)
        app.on_shutdown.append(streams.end)


def _handler(site: Site, page: Page) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(site, page, Query(request.path, request.query))

    return handle


def _file(name: str, content_type: str) -> Handler:
    body = files("mastra_convex.view").joinpath("templates", name).read_bytes()

    async def give(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return give
