"""`mastra-convex view`: the pages of a store, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import secrets
from pathlib import Path

import anyio
import typer

from mastra_convex.cli.options import store_of
from mastra_convex.cli.serving import LOOPBACK, stop_signals, taken
from mastra_convex.errors import ConfigurationError
from mastra_convex.store import ConvexStore

_TOKEN_BYTES = 24
FETCH = "fetch"


def run(
    file: Path | None,
    *,
    storage_function: str,
    allow_http: bool,
    host: str,
    port: int,
    studio: str | None,
    is_live: bool,
) -> None:
    """Serves the pages of a file, or of the deployment of the environment, until SIGINT or SIGTERM.

    Mastra Studio is served beside them where `studio` is a folder with its files, or `fetch`.
    """
    check_installed()
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    where = "the deployment of CONVEX_URL" if file is None else str(file)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(store, where, host=host, port=port, studio=studio, is_live=is_live))


def check_installed() -> None:
    """Checks that the pages can be served. Raises ConfigurationError without the extra `view`."""
    if importlib.util.find_spec("jinja2") is None:
        raise ConfigurationError('the pages need jinja2: pip install "mastra-convex[view]"')


async def serve(
    store: ConvexStore, where: str, *, host: str, port: int, studio: str | None = None, is_live: bool = True
) -> None:
    """Serves the pages of a store until SIGINT or SIGTERM, and closes it.

    Args:
        store: what is shown.
        where: what the store is, for the user.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        studio: a folder with the files of Mastra Studio, or `fetch`; None to serve the pages only.
        is_live: whether open pages show new rows as they come.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    from mastra_convex.view.app import serving, view_app  # noqa: PLC0415  # an extra
    from mastra_convex.view.studio import BASE, QUERY_PATHS, StudioFiles, add_routes, fetch  # noqa: PLC0415

    token = secrets.token_urlsafe(_TOKEN_BYTES)
    async with store:
        await store.records.once([])  # opens the file, so that a wrong one is reported at once
        extensions = [add_routes]
        if studio is not None:
            folder = await fetch(_comment) if studio == FETCH else Path(studio)
            extensions.append(StudioFiles(folder).add_to)
        app = view_app(store, token=token, host=host, extensions=extensions, reading_posts=QUERY_PATHS, is_live=is_live)
        with stop_signals() as signals:
            try:
                async with serving(app, token=token, host=host, port=port) as link:
                    _comment(f"mastra-convex shows {where}, and changes nothing; stop with Ctrl-C")
                    if host not in LOOPBACK:
                        _comment("other machines can connect over plain http: whoever can listen in reads along")
                    if studio is not None:
                        _comment(f"open this link, then Mastra Studio is at {BASE}")
                    typer.echo(link)
                    await (anyio.sleep_forever() if signals is None else anext(signals))
            except OSError as error:
                raise taken(host, port, error) from error


def _comment(line: str) -> None:
    typer.echo(f"# {line}")
