"""The web application: security, the store, and which page is at which path."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from mastra_convex.store import ConvexStore
from mastra_convex.view.routes import add_pages
from mastra_convex.view.security import LOGIN, Guard

STORE: Final = web.AppKey("store", ConvexStore)

Extension = Callable[[web.Application], None]
"""Adds routes to the application; they find the store as `request.app[STORE]`."""


def view_app(
    store: ConvexStore,
    *,
    token: str,
    host: str = "127.0.0.1",
    extensions: Iterable[Extension] = (),
    reading_posts: Collection[str] = (),
    is_live: bool = True,
) -> web.Application:
    """Makes the application over a store, which stays the caller's to close.

    Args:
        store: what is shown; nothing is written to it.
        token: what the link to the pages has.
        host: the address that the server listens on.
        extensions: what adds further routes.
        reading_posts: paths of theirs that may be asked with POST, as these calls only read.
        is_live: whether pages have a script, which shows new rows as they come.
    """
    guard = Guard(token, host=host, reading_posts=reading_posts, has_script=is_live)
    app = web.Application(middlewares=[guard.middleware])
    app.on_response_prepare.append(guard.add_headers)
    app[STORE] = store
    add_pages(app, store, is_live=is_live)
    for extend in extensions:
        extend(app)
    return app


@asynccontextmanager
async def serving(app: web.Application, *, token: str, host: str, port: int) -> AsyncGenerator[str]:
    """Serves while the context lasts, and gives the link with the token. OSError for an address that is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        yield f"http://{name}:{runner.addresses[0][1]}{LOGIN}?token={token}"
    finally:
        await runner.cleanup()
