"""`mastra-convex export`, `import`, `copy`, `erase` and `backup`: what is stored, moved or deleted as a whole."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from mastra_convex.cli.options import AllowHttp, FileOrDeployment, StorageFunction, store_of
from mastra_convex.errors import ConfigurationError
from mastra_convex.moving.load import MoveReport
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION
from mastra_convex.remote.secret import Secret
from mastra_convex.store import ConvexStore

T = TypeVar("T")

app: typer.Typer = typer.Typer()

_Only = Annotated[
    str | None, typer.Option("--only", metavar="DOMAIN,...", help="Only these domains, as in memory,vector.")
]
_Resource = Annotated[
    str | None, typer.Option("--resource", metavar="ID", help="All that belongs to this resource, and nothing else.")
]
_IfExists = Annotated[
    Literal["keep", "replace", "error"],
    typer.Option("--if-exists", help="What happens to a row that is there and differs; error writes nothing."),
]
_TargetFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", dir_okay=False, help="SQLite file; without it, CONVEX_URL is used."),
]


@app.command()
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", dir_okay=False, help="The file to write.")],
    *,
    file: FileOrDeployment = None,
    only: _Only = None,
    resource: _Resource = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Write what is stored into a snapshot file, which `npx convex import` takes, too."""
    store = store_of(file, storage_function, allow_http=allow_http)
    report = _run(store, lambda: store.export(path, only=_names(only), resource_id=resource, progress=_progress()))
    _print(report, "written")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", exists=True, dir_okay=False, help="The file to read.")],
    *,
    file: _TargetFile = None,
    only: _Only = None,
    if_exists: _IfExists = "keep",
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Read a snapshot file: of this program, of `npx convex export` or of Convex's dashboard."""
    store = store_of(file, storage_function, allow_http=allow_http)
    report = _run(store, lambda: store.import_(path, only=_names(only), if_exists=if_exists, progress=_progress()))
    _print(report, "written")


@app.command()
def copy(
    *,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|URL", help="A file; or a URL, with CONVEX_FROM_ADMIN_KEY.")
    ] = None,
    from_env: Annotated[bool, typer.Option("--from-env", help="From the deployment of CONVEX_URL.")] = False,
    target: Annotated[
        str | None, typer.Option("--to", metavar="FILE|URL", help="A file; or a URL, with CONVEX_TO_ADMIN_KEY.")
    ] = None,
    to_env: Annotated[bool, typer.Option("--to-env", help="To the deployment of CONVEX_URL.")] = False,
    only: _Only = None,
    resource: _Resource = None,
    if_exists: _IfExists = "keep",
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Copy what is stored from one place to another, and compare it there.

    A copy that was interrupted is continued by the same command.
    """
    if (source is not None) == from_env or (target is not None) == to_env or (from_env and to_env):
        raise typer.BadParameter("name one source (--from or --from-env) and one target (--to or --to-env)")
    if source is not None and not source.startswith(("http://", "https://")) and not os.path.isfile(source):
        raise typer.BadParameter(f"--from: there is no file {source!r}")

    def opened(place: str | None, variable: str) -> ConvexStore:
        if place is None or not place.startswith(("http://", "https://")):
            return store_of(None if place is None else Path(place), storage_function, allow_http=allow_http)
        key = os.environ.get(variable)
        if key is None:
            raise ConfigurationError(f"{variable} is not set; it has the admin key of {place}")
        return ConvexStore(
            id="copy",
            deployment_url=place,
            admin_auth_token=Secret(key),
            storage_function=storage_function,
            allow_http=allow_http,
        )

    async def work() -> MoveReport:
        async with opened(source, "CONVEX_FROM_ADMIN_KEY") as here, opened(target, "CONVEX_TO_ADMIN_KEY") as there:
            return await here.copy_to(
                there, only=_names(only), resource_id=resource, if_exists=if_exists, progress=_progress()
            )

    _print(asyncio.run(work()), "copied")
    typer.echo("Each row was read again at its new place and is the same.")


@app.command()
def erase(
    resource: Annotated[str, typer.Option("--resource", metavar="ID", help="The resource whose data are deleted.")],
    file: FileOrDeployment = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Delete all that belongs to one resource, in every domain, and report it."""
    if not yes:
        typer.confirm(f"Delete all that belongs to {resource!r}?", abort=True)
    store = store_of(file, storage_function, allow_http=allow_http)
    erased = _run(store, lambda: store.erase(resource, progress=_progress()))
    _print_counts(erased, "deleted")


@app.command()
def backup(
    path: Annotated[Path, typer.Argument(metavar="COPY.db", dir_okay=False, help="The file to write; a new one.")],
    file: Annotated[Path, typer.Option("--file", metavar="FILE", exists=True, dir_okay=False, help="SQLite file.")],
) -> None:
    """Copy a SQLite file while programs use it; never copy a file that is in use in another way."""
    store = ConvexStore.local(file)
    _run(store, lambda: store.backup(path))
    typer.echo(f"{path}: {path.stat().st_size} bytes")


def _run(store: ConvexStore, work: Callable[[], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with store:
            return await work()

    return asyncio.run(opened())


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _progress() -> Callable[[str, int], None] | None:
    """Returns what shows the progress on a terminal, in one line; None where nobody looks."""
    if not sys.stderr.isatty():
        return None
    return lambda table, rows: typer.echo(f"\r\x1b[K{table}: {rows} rows\r", nl=False, err=True)


def _print(report: MoveReport, done: str) -> None:
    _print_counts({name: table.written for name, table in report.tables.items()}, done)
    same = sum(table.rows - table.written - table.kept for table in report.tables.values())
    kept = sum(table.kept for table in report.tables.values())
    if same:
        typer.echo(f"{_rows(same)} were there already.")
    if kept:
        typer.echo(f"{_rows(kept)} are there with other values and were kept; --if-exists replace takes the new ones.")
    for name, rows in sorted(report.left_out.items()):
        typer.echo(f"{name}: {_rows(rows)} left out, as no domain has this table")


def _print_counts(counts: Mapping[str, int], done: str) -> None:
    for name, rows in counts.items():
        if rows:
            typer.echo(f"{name}: {_rows(rows)} {done}")
    if not any(counts.values()):
        typer.echo(f"Nothing {done}.")


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"
