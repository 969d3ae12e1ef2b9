"""`mastra-convex dev`: the local server, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
from collections.abc import Iterable
from pathlib import Path

import anyio
import typer

from mastra_convex.cli.serving import LOOPBACK, stop_signals, taken
from mastra_convex.remote.config import check_key
from mastra_convex.remote.secret import Secret
from mastra_convex.tables import Table

_KEY_BYTES = 32
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # named to tell what to connect to instead


def run(tables: Iterable[Table], *, file: Path | None, host: str, port: int, admin_key: str | None) -> None:
    """Serves until SIGINT or SIGTERM, lets calls in flight finish, and returns."""
    key = Secret(admin_key or secrets.token_hex(_KEY_BYTES))
    check_key("--admin-key", key)
    with contextlib.suppress(KeyboardInterrupt):  # where signals cannot be received otherwise
        asyncio.run(_serve(list(tables), file, host, port, key))


async def _serve(tables: list[Table], file: Path | None, host: str, port: int, key: Secret) -> None:
    from mastra_convex.server import serve_file  # noqa: PLC0415  # with aiohttp, which is slow to import

    with stop_signals() as signals:
        try:
            async with serve_file(":memory:" if file is None else file, tables, key, host=host, port=port) as server:
                _announce(_reachable(server.url, host), key, file, host)
                await (anyio.sleep_forever() if signals is None else anext(signals))
        except OSError as error:
            raise taken(host, port, error) from error


def _announce(url: str, key: Secret, file: Path | None, host: str) -> None:
    """Prints the address of the server as lines to paste into a shell."""
    where = "memory (it is lost at the end; --file keeps it)" if file is None else str(file)
    typer.echo(f"# mastra-convex serves {where}; stop with Ctrl-C")
    if host not in LOOPBACK:
        typer.echo("# other machines can connect over plain http: whoever can listen in learns the key")
    typer.echo(f"export CONVEX_URL={shlex.quote(url)}")
    typer.echo(f"export CONVEX_ADMIN_KEY={shlex.quote(key.reveal())}")


def _reachable(url: str, host: str) -> str:
    """The URL for programs on this machine, also when the server listens on all addresses."""
    return f"http://{_WILDCARDS[host]}:{url.rpartition(':')[2]}" if host in _WILDCARDS else url
