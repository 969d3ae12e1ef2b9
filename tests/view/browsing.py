"""A browser without a screen: asks the pages, follows their links, and looks for what must not be there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from mastra_convex import ConvexStore
from mastra_convex.view.app import Extension, serving, view_app

TOKEN: Final = "the-token-of-the-tests"
_ACTIVE: Final = frozenset({"script", "iframe", "object", "embed", "base", "style", "applet", "template"})
_ADDRESSES: Final = ("href", "src", "action", "srcset", "data", "xlink:href", "formaction", "poster")


class Checked(HTMLParser):
    """Reads a page: its links and its text. AssertionError for anything active or foreign."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in _ACTIVE or attrs == [("src", "/live.js"), ("defer", None)], tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in _ADDRESSES:
                assert value is not None
                assert value.startswith(("/", "#", "data:image/png;base64,")) or value == "data:,", value
                assert not value.startswith("//"), value
                if tag == "a" and value.startswith("/"):
                    self.links.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


class Visitor:
    """Asks pages with the cookie of the link."""

    def __init__(self, session: aiohttp.ClientSession, link: str) -> None:
        self.session = session
        self.link = link
        self.base = link.partition("/login")[0]

    async def html(self, path: str, *, status: int = 200) -> str:
        async with self.session.get(self.base + path) as answer:
            text = await answer.text()
            assert answer.status == status, f"{path}: {answer.status} {text}"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            return text

    async def page(self, path: str) -> Checked:
        return Checked(await self.html(path))

    async def all_pages(self, start: str = "/") -> dict[str, Checked]:
        """Follows all links; raw JSON is asked for, and not read as a page."""
        found: dict[str, Checked] = {}
        waiting = [start]
        while waiting:
            path = waiting.pop()
            if path in found or path == "/login":
                continue
            if urlsplit(path).path == "/raw":
                await self.html(path)
                continue
            found[path] = await self.page(path)
            waiting += found[path].links
        return found


@asynccontextmanager
async def visiting(
    store: ConvexStore, *, is_live: bool = True, extensions: Iterable[Extension] = ()
) -> AsyncGenerator[Visitor]:
    """Serves the pages of a store, and opens the link."""
    app = view_app(store, token=TOKEN, is_live=is_live, extensions=extensions)
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of 127.0.0.1
    async with (
        serving(app, token=TOKEN, host="127.0.0.1", port=0) as link,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        async with session.get(link) as answer:
            assert answer.status == 200
        yield Visitor(session, link)
