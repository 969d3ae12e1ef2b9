"""Says which page is at which path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from aiohttp import web

from mastra_convex.store import ConvexStore
from mastra_convex.view import lists, runs, scores, threads, traces, vectors
from mastra_convex.view.page import SUBJECTS, Page, Query, Site, handler


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


def add_pages(app: web.Application, store: ConvexStore) -> None:
    """Adds all pages over a store, and their style."""
    site = Site(store)
    style = files("mastra_convex.view").joinpath("templates", "style.css").read_bytes()

    async def give_style(request: web.Request) -> web.Response:
        return web.Response(body=style, content_type="text/css", charset="utf-8")

    app.router.add_get("/style.css", give_style)
    for path, page in PAGES.items():
        app.router.add_get(path, handler(site, page))
