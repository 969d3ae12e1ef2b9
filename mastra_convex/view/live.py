"""Tells open pages of new rows: a page is rendered again whenever what it has read is something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, cast

import orjson
from aiohttp import web

from mastra_convex.errors import MastraConvexError
from mastra_convex.view.page import Page, Query, Site, answer
from mastra_convex.view.reading import Asked, recorded

STREAM: Final = "/live"
MOST_STREAMS: Final = 32
"""Pages that are told at one time; any further one is as it was until it is loaded again."""
_PAUSE: Final = 0.2
"""Seconds between two states of a page, so that a busy store does not keep the server rendering."""


@dataclass(frozen=True)
class _Shown:
    html: bytes
    asked: Asked


class Streams:
    """Sends pages to the browsers that have them open, as server-sent events.

    Args:
        site: renders the pages.
        pages: the pages that may be followed, by their paths.
    """

    def __init__(self, site: Site, pages: Mapping[str, Page]) -> None:
        self._site = site
        self._pages = pages
        self._open: set[asyncio.Task[None] | None] = set()

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Sends the page whose path is below `STREAM`, now and whenever it is another, until the browser goes away."""
        path = request.path.removeprefix(STREAM)
        if len(self._open) >= MOST_STREAMS:
            raise web.HTTPServiceUnavailable
        task = asyncio.current_task()
        self._open.add(task)
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            with suppress(MastraConvexError, ConnectionResetError):  # the browser asks again, if it is still there
                async with aclosing(self._states(self._pages[path], Query(path, request.query))) as states:
                    async for html in states:
                        await response.write(b"data: %s\n\n" % orjson.dumps(html.decode()))
            return response
        finally:
            self._open.discard(task)

    async def end(self, app: web.Application) -> None:
        """Ends all streams, as the server is about to end."""
        for task in self._open:
            if task is not None:
                task.cancel()

    async def _states(self, page: Page, query: Query) -> AsyncGenerator[bytes]:
        shown = await self._rendered(page, query)
        yield shown.html
        while True:
            reads = shown.asked.reads
            async with aclosing(self._site.reader.store.records.watch_once(reads)) as states:
                async for answers in states:
                    if answers != shown.asked.answers:
                        before, shown = shown, await self._rendered(page, query)
                        if shown.html != before.html:
                            yield shown.html
                        await asyncio.sleep(_PAUSE)
                    if shown.asked.reads != reads:
                        break

    async def _rendered(self, page: Page, query: Query) -> _Shown:
        with recorded() as asked:
            response = await answer(self._site, page, query)
        return _Shown(cast(bytes, response.body), asked)
