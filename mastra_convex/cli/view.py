"""`mastra-convex view`: the pages of a store, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path

import anyio
import typer

from mastra_convex.cli.dev import stop_signals, taken
from mastra_convex.cli.options import store_of
from mastra_convex.errors import ConfigurationError
from mastra_convex.store import ConvexStore

_TOKEN_BYTES = 24
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(file: Path | None, *, storage_function: str, allow_http: bool, host: str, port: int) -> None:
    """Serves the pages of a file, or of the deployment of the environment, until SIGINT or SIGTERM."""
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    where = "the deployment of CONVEX_URL" if file is None else str(file)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(store, where, host, port))


async def _serve(store: ConvexStore, where: str, host: str, port: int) -> None:
    try:
        from mastra_convex.view.app import serving, view_app  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError('the pages need jinja2: pip install "mastra-convex[view]"') from error
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    async with store:
        await store.records.once([])  # opens the file, so that a wrong one is reported at once
        with stop_signals() as signals:
            try:
                async with serving(view_app(store, token=token, host=host), token=token, host=host, port=port) as link:
                    typer.echo(f"# mastra-convex shows {where}, and changes nothing; stop with Ctrl-C")
                    if host not in _LOOPBACK:
                        typer.echo("# other machines can connect over plain http: whoever can listen in reads along")
                    typer.echo(link)
                    await (anyio.sleep_forever() if signals is None else anext(signals))
            except OSError as error:
                raise taken(host, port, error) from error
