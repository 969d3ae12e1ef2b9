"""`mastra-convex import-chat`: conversations of other programs into a store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from mastra_convex.adapters.chats import ChatReport, import_chat
from mastra_convex.cli.options import AllowHttp, StorageFunction, store_of
from mastra_convex.cli.terminal import safe
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION

_SHOWN: Final = 10

app: typer.Typer = typer.Typer()


def _readable(path: Path) -> Path:
    if str(path) != "-" and not path.is_file():
        raise typer.BadParameter(f"there is no file {str(path)!r}")
    return path


@app.command("import-chat")
def import_chat_command(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", callback=_readable, help="- is standard input."),
    ],
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", dir_okay=False, help="SQLite file; without it, CONVEX_URL is used."),
    ] = None,
    resource: Annotated[str, typer.Option(help="Owner of the threads, where the file names none.")] = "imported",
    format: Annotated[str | None, typer.Option(help="What the file must be, as in ShareGPT.")] = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Import conversations of ChatGPT, Claude, Claude Code, OpenAI, ShareGPT or LangChain.

    The format is recognised. Importing a file again changes nothing. What cannot be imported gives exit code 1.
    """
    store = store_of(file, storage_function, allow_http=allow_http)

    async def run() -> ChatReport:
        async with store:
            return await import_chat(store, path, resource_id=resource, format=format)

    report = asyncio.run(run())
    threads = f"{report.threads} thread{'' if report.threads == 1 else 's'}"
    typer.echo(f"{report.format}: {threads}, messages: {report.new} new, {report.known} known")
    for error in report.errors[:_SHOWN]:
        typer.echo(safe(" ".join(error.split()))[:200], err=True)
    if report.errors:
        typer.echo(f"{len(report.errors)} could not be imported.", err=True)
        raise typer.Exit(1)
