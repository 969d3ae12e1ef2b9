"""Holds what all pages share: the query of a request, the frame with its sections, and how templates see values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Final, cast

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mastra_convex.errors import MastraConvexError
from mastra_convex.store import ConvexStore
from mastra_convex.view import shown
from mastra_convex.view.markdown import rendered
from mastra_convex.view.reading import Reader

SECTIONS: Final = (
    ("Threads", "/threads", "mastra_threads"),
    ("Resources", "/resources", "mastra_resources"),
    ("Runs", "/runs", "mastra_workflow_snapshots"),
    ("Scores", "/scores", "mastra_scorers"),
    ("Traces", "/traces", "mastra_trace_roots"),
    ("Vectors", "/vectors", "mastra_vector_indexes"),
    ("Documents", "/documents", "mastra_documents"),
    ("Schedules", "/schedules", "mastra_schedules"),
    ("Tasks", "/tasks", "mastra_background_tasks"),
    ("Observations", "/observations", "mastra_observational_memory"),
)
"""The sections of the site, and the table that must have rows for a section to be shown."""
SUBJECTS: Final = {
    "Threads": "Conversations, by their last message",
    "Resources": "Working memory of users and others",
    "Runs": "Runs of workflows, with their steps",
    "Scores": "What scorers found, over time",
    "Traces": "Spans with durations and tokens",
    "Vectors": "Indexes, and what is near a text",
    "Documents": "Records of further tables",
    "Schedules": "When workflows start next",
    "Tasks": "Tools that run in the background",
    "Observations": "Observational memory, by generation",
}
"""Says in a few words what each section has."""


class Query:
    """Reads the parameters of a page.

    Args:
        path: where the page is.
        given: its parameters.
    """

    def __init__(self, path: str, given: Mapping[str, str]) -> None:
        self.path: str = path
        self._given = given

    def text(self, name: str) -> str:
        """Returns a parameter; empty when it is not given."""
        return self._given.get(name, "")

    @property
    def cursor(self) -> str | None:
        """Returns where the page begins."""
        return self.text("cursor") or None

    def next(self, cursor: str | None) -> str:
        """Returns the path of the page that begins at a cursor, with the same filters."""
        return shown.link(self.path, **{**self._given, "cursor": cursor})


class Site:
    """Renders pages over a store.

    Args:
        store: what is shown.
        live: the paths of the pages that are told of new rows.
    """

    def __init__(self, store: ConvexStore, live: Collection[str]) -> None:
        self.reader: Reader = Reader(store)
        self._live = live
        self._templates = Environment(
            loader=PackageLoader("mastra_convex.view"),
            autoescape=True,
            enable_async=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        functions = cast(MutableMapping[str, Any], self._templates.globals)  # jinja2 declares no more than its own
        functions.update(link=shown.link, row_link=shown.row_link)
        self._templates.filters.update(
            when=shown.when,
            duration=shown.duration,
            as_json=shown.as_json,
            cut=shown.cut,
            short=shown.short,
            status_class=shown.status_class,
            words=shown.words,
            markdown=lambda text: rendered(shown.cut(text)) if isinstance(text, str) else Markup(""),
        )

    async def page(self, template: str, query: Query, **members: Any) -> web.Response:
        """Returns a page in the frame of the site."""
        filled = await self.reader.filled()
        sections = [(name, path) for name, path, table in SECTIONS if table in filled]
        return await self._response(template, query, 200, {"sections": sections, **members})

    async def problem(self, query: Query, status: int, message: str) -> web.Response:
        """Returns the page that tells what went wrong."""
        members = {"section": "", "title": "Not shown", "message": message, "sections": []}
        return await self._response("problem.html", query, status, members)

    async def _response(self, template: str, query: Query, status: int, members: Mapping[str, Any]) -> web.Response:
        is_live = query.path in self._live
        render = self._templates.get_template(template).render
        html = await asyncio.to_thread(render, query=query, is_live=is_live, **members)  # it may be large
        body = html.encode("utf-8", "replace")  # lone surrogates
        return web.Response(status=status, body=body, content_type="text/html", charset="utf-8")


Page = Callable[[Site, Query], Awaitable[web.Response]]


async def answer(site: Site, page: Page, query: Query) -> web.Response:
    """Returns a page; what cannot be read is told on a page too."""
    try:
        return await page(site, query)
    except NotFoundPage as error:
        return await site.problem(query, 404, str(error))
    except MastraConvexError as error:
        return await site.problem(query, 503 if error.retryable else 500, str(error))


class NotFoundPage(Exception):  # noqa: N818  # an answer, no error of the server
    """Tells that there is no such row."""


def not_found(noun: str, id: str) -> NotFoundPage:
    """Returns what to raise for an unknown id."""
    return NotFoundPage(f"There is no {noun} {id!r}.")
