"""The commands and their options; what they do is in the modules beside."""

from __future__ import annotations

import io
import logging
import sqlite3
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from mastra_convex.cli import chats, moving, search
from mastra_convex.cli import dev as dev_command
from mastra_convex.cli import doctor as doctor_command
from mastra_convex.cli import init as init_command
from mastra_convex.cli import prune as prune_command
from mastra_convex.cli import view as view_command
from mastra_convex.cli.demo import digest as digest_workflow
from mastra_convex.cli.demo import following, operations, reader, tour
from mastra_convex.cli.demo.children import answer
from mastra_convex.cli.options import AllowHttp, FileOrDeployment, StorageFunction
from mastra_convex.cli.show.commands import show
from mastra_convex.cli.traces.commands import traces
from mastra_convex.cli.watch.commands import watch
from mastra_convex.deploy.convex_schema import DEFAULT_PATH, index_lines_ts, schema_ts, with_vector_indexes
from mastra_convex.deploy.scaffold import check_path
from mastra_convex.errors import MastraConvexError, ValidationError
from mastra_convex.registry import declared_tables
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION
from mastra_convex.version import VERSION

_SAMPLE: Final = Path(__file__).parent / "demo" / "sample.jsonl"

app: typer.Typer = typer.Typer(
    name="mastra-convex",
    help="Mastra's storage for Python agents, on Convex or on one SQLite file.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",  # which wraps paragraphs anew
    pretty_exceptions_enable=False,
)
app.add_typer(moving.app)
app.add_typer(chats.app)
app.add_typer(search.app)


def run() -> int:
    """Runs the command; errors that can be expected are one line on stderr and exit code 1, wrong usage gives 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show an emoji shows ? instead of failing
    logging.basicConfig(format="mastra-convex: %(message)s")  # warnings, to stderr
    try:
        app()
    except (MastraConvexError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"mastra-convex: {error}\n")
        return 1
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mastra-convex {VERSION}")
        raise typer.Exit


def _checked_path(path: str | None) -> str | None:
    try:
        return None if path is None else check_path(path)
    except ValidationError as error:
        raise typer.BadParameter(error.message) from error


def _lengths(text: str | None) -> list[int] | None:
    """The lengths of `--vector-dimensions`."""
    if text is None:
        return None
    try:
        lengths = [int(length) for length in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--vector-dimensions takes numbers with commas between, not {text!r}") from None
    return lengths


def _names(text: str | None) -> list[str] | None:
    """The names of `--vector-filter-fields`."""
    return None if text is None else [item.strip() for item in text.split(",") if item.strip()]


_Folder = Annotated[
    str | None,
    typer.Option(
        callback=_checked_path, help="Folder below convex/, also part of the function names.", metavar="FOLDER"
    ),
]
_VectorDimensions = Annotated[
    str | None,
    typer.Option(
        metavar="N,...", help="Lengths of vectors to search natively, at most 4; others are searched by scanning."
    ),
]
_VectorFilterFields = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Members of a vector's metadata that a native search can filter by."),
]
_File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", dir_okay=False, help="SQLite file; without it, the data is not kept."),
]


def _real_file(path: Path | None) -> Path | None:
    if path is not None and str(path) == ":memory:":
        raise typer.BadParameter("must be a file, as a second process reads it again")
    return path


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Mastra's storage for Python agents, on Convex or on one SQLite file."""


@app.command()
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="The project that holds convex/.")
    ] = Path(),
    path: _Folder = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were edited.")] = False,
    vector_dimensions: _VectorDimensions = None,
    vector_filter_fields: _VectorFilterFields = None,
) -> None:
    """Put the Convex functions into a project, or bring them to the version of this package.

    Options that are not given are those of the run before. Files that nobody edited are brought to this version. Files
    that were edited are kept, which gives exit code 1; --force overwrites them. An existing schema is never changed:
    the lines to add to it are printed.
    """
    raise typer.Exit(
        init_command.run(
            directory,
            path=path,
            vector_dimensions=_lengths(vector_dimensions),
            vector_filter_fields=_names(vector_filter_fields),
            force=force,
        )
    )


@app.command()
def dev(
    file: _File = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 3210,
    admin_key: Annotated[
        str | None, typer.Option(envvar="CONVEX_ADMIN_KEY", help="Key that clients must send; random when not given.")
    ] = None,
) -> None:
    """Run a local server that several processes can share, with the HTTP interface of Convex."""
    dev_command.run(declared_tables(), file=file, host=host, port=port, admin_key=admin_key)


@app.command()
def schema(
    indexes: Annotated[
        bool, typer.Option("--indexes", help="Only what to add to the tables of @mastra/convex/schema.")
    ] = False,
    path: _Folder = None,
    vector_dimensions: _VectorDimensions = None,
    vector_filter_fields: _VectorFilterFields = None,
) -> None:
    """Print the Convex schema of all domains."""
    dimensions, fields = _lengths(vector_dimensions), _names(vector_filter_fields)
    tables = with_vector_indexes(declared_tables(), dimensions or (), filter_fields=fields or ())
    sys.stdout.write(index_lines_ts(tables, path=path or DEFAULT_PATH) if indexes else schema_ts(tables))


@app.command()
def demo(
    transcript: Annotated[
        Path, typer.Option(metavar="FILE.jsonl", exists=True, dir_okay=False, help="Chat transcript to import.")
    ] = _SAMPLE,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            dir_okay=False,
            callback=_real_file,
            help="SQLite file; without it, the data is not kept.",
        ),
    ] = None,
    view: Annotated[bool, typer.Option("--view", help="At the end, serve pages of the data until Ctrl-C.")] = False,
) -> None:
    """Import a chat transcript and show what is stored, with no network and no key.

    With --file, scores are kept in a second file beside it.

    The transcript has one JSON object per line with the keys resource, thread, role (user, assistant, system or
    signal), text and time (ISO 8601 with a zone); other keys are ignored. Lines that cannot be imported are reported
    and give exit code 1. Importing a file again changes nothing.
    """
    raise typer.Exit(tour.run(transcript, file, is_viewed=view))


@app.command()
def prune(
    *,
    policy: Annotated[
        list[str], typer.Option(metavar="DOMAIN.TABLE=AGE", help="What to keep, as in memory.messages=30d; repeatable.")
    ],
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be deleted.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows in a transaction.")] = 1000,
    max_batches: Annotated[int | None, typer.Option(min=1, help="Transactions for each table in this run.")] = None,
    max_rows: Annotated[int | None, typer.Option(min=1, help="Rows of each table to delete in this run.")] = None,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between transactions.")] = 0,
) -> None:
    """Delete rows that are older than a policy allows, in bounded steps, with what belongs to them.

    AGE is a number with ms, s, m, h, d or w. A name that is wrong is answered with those that exist.
    """
    prune_command.run(
        prune_command.parse_policies(policy, batch_size),
        file=file,
        storage_function=storage_function,
        allow_http=allow_http,
        dry_run=dry_run,
        max_batches=max_batches,
        max_rows=max_rows,
        pause=pause,
    )


@app.command()
def view(
    *,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 3211,
    studio: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|fetch",
            help="Also Mastra Studio at /studio: a folder with its files, or fetch to get them from npm.",
        ),
    ] = None,
    live: Annotated[bool, typer.Option("--live/--no-live", help="Whether open pages show new rows.")] = True,
) -> None:
    """Show what is stored as pages in a browser, and change nothing.

    Open the link that is printed: it has a token, without which nothing is shown.
    """
    view_command.run(
        file,
        storage_function=storage_function,
        allow_http=allow_http,
        host=host,
        port=port,
        studio=studio,
        is_live=live,
    )


@app.command()
def doctor(
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Find out what is wrong with a deployment or a file.

    Of a deployment: its URL, whether it answers and takes the key, its functions and their version, tables and indexes,
    what the key may do, the clock, the latency. Nothing is changed, but for one receipt, which is deleted after an
    hour. Of a file: whether it is whole, has our tables, and rows that can be read. Of both: whether there are traces
    that are older than 30 days. The exit code is 0 when all is well, and 1 when something is wrong.
    """
    if file is not None:
        checks = doctor_command.of_file(file, declared_tables())
    else:
        checks = doctor_command.of_deployment(declared_tables(), storage_function, allow_http=allow_http)
    raise typer.Exit(doctor_command.report(checks, as_json=as_json))


app.add_typer(show, name="show")
app.add_typer(traces, name="traces")
app.add_typer(watch, name="watch")


@app.command(hidden=True)
def read(path: Path) -> None:
    """Answer the question on stdin from the file; a second process of the demo."""
    sys.stdout.write(answer(path, sys.stdin.read(), reader.answer_question))


@app.command(hidden=True)
def digest(path: Path) -> None:
    """Begin or resume the run on stdin; other processes of the demo."""
    sys.stdout.write(answer(path, sys.stdin.read(), digest_workflow.answer_question))


@app.command(hidden=True)
def claim(path: Path) -> None:
    """Claim the run on stdin and be killed; another process of the demo."""
    sys.stdout.write(answer(path, sys.stdin.read(), operations.claim_and_die))


@app.command(hidden=True)
def write(path: Path) -> None:
    """Write the answers to the message on stdin; the other process of the demo's last part."""
    sys.stdout.write(answer(path, sys.stdin.read(), following.write_answers))
