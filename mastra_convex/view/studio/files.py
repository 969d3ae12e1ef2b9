"""Gives out the files of Studio, which are not ours: the folder `dist/studio` of the npm package `mastra`."""

from __future__ import annotations

import html
import mimetypes
import re
from pathlib import Path
from typing import Final

from aiohttp import web

from mastra_convex.errors import ConfigurationError
from mastra_convex.view.studio.routes import PREFIX

BASE: Final = "/studio"
"""Names the path of Studio, beside our own pages."""

CONTENT_POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        "connect-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "frame-ancestors 'none'",
    ]
)
"""Lets Studio ask nobody but this server."""

_PLACEHOLDER: Final = re.compile(r"%%([A-Z_]+)%%")


class StudioFiles:
    """Serves a folder with the files of Studio.

    Args:
        folder: the folder, which has `index.html` and `assets`.

    Raises:
        ConfigurationError: the folder has no `index.html`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        try:
            self._index = (self._folder / "index.html").read_text("utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{folder} has no index.html; it must be the folder dist/studio of the npm package mastra"
            ) from error

    def add_to(self, app: web.Application) -> None:
        """Adds Studio to an application: its files, and its page for every other path below `BASE`."""
        app.router.add_get(BASE, self._page)
        app.router.add_get(BASE + "/refresh-events", _nothing)
        app.router.add_get(BASE + "/{path:.*}", self._file)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (self._folder / request.match_info["path"]).resolve()
        is_ours = path.is_relative_to(self._folder) and path.is_file() and path.suffix != ".html"
        if is_ours:
            content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return web.FileResponse(path, headers={"Content-Type": content_type, **_HEADERS})
        if request.match_info["path"].startswith("assets/"):
            raise web.HTTPNotFound
        return await self._page(request)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        settings = {
            "MASTRA_SERVER_HOST": request.url.host or "",
            "MASTRA_SERVER_PORT": str(request.url.port or ""),
            "MASTRA_SERVER_PROTOCOL": request.url.scheme,
            "MASTRA_API_PREFIX": PREFIX,
            "MASTRA_STUDIO_BASE_PATH": BASE,
            "MASTRA_TELEMETRY_DISABLED": "true",
            "MASTRA_HIDE_CLOUD_CTA": "true",
        }
        page = _PLACEHOLDER.sub(lambda found: html.escape(settings.get(found[1], "")), self._index)
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)


async def _nothing(request: web.Request) -> web.StreamResponse:
    """Answers what `mastra dev` tells of changed code; without this, Studio asks again and again."""
    return web.Response(status=204)


_HEADERS: Final = {"Content-Security-Policy": CONTENT_POLICY}
