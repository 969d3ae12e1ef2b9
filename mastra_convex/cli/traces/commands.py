"""The commands of `mastra-convex traces` and their options."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final

import typer

from mastra_convex.cli.options import AllowHttp, FileOrDeployment, StorageFunction, run_with, store_of
from mastra_convex.cli.terminal import new_console, print_json
from mastra_convex.cli.traces import reading, views
from mastra_convex.cli.traces.figures import Span, statistics_of
from mastra_convex.cli.traces.reading import Filters, time_of
from mastra_convex.errors import NotFoundError
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION

traces: Final = typer.Typer(help="Show what agents did, from the traces in a file or deployment.", no_args_is_help=True)

_Thread = Annotated[str | None, typer.Option(metavar="ID", help="Only of this thread.")]
_Run = Annotated[str | None, typer.Option(metavar="ID", help="Only of this run.")]
_Resource = Annotated[str | None, typer.Option(metavar="ID", help="Only of this resource.")]
_User = Annotated[str | None, typer.Option(metavar="ID", help="Only of this user.")]
_Agent = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this agent or workflow.")]
_Status = Annotated[str | None, typer.Option(metavar="STATUS", help="Only success, error or running ones.")]
_Since = Annotated[str | None, typer.Option(metavar="TIME", help="Begun at or after: 2h or 7d ago, or an ISO time.")]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Begun before: 2h or 7d ago, or an ISO time.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON, for machines.")]


@traces.command("list")
def list_(
    *,
    thread: _Thread = None,
    run: _Run = None,
    resource: _Resource = None,
    user: _User = None,
    agent: _Agent = None,
    status: _Status = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="Traces to show.")] = 20,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the newest traces: time, agent, first words, status, duration, tokens."""
    filters = Filters(thread, run, resource, user, agent, status, time_of(since), time_of(until))
    store = store_of(file, storage_function, allow_http=allow_http)
    found = run_with(store, reading.listed(store, filters, limit))
    if as_json:
        print_json({"traces": found})
    else:
        new_console().print(views.list_table(found))


@traces.command()
def show(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="The id of the trace.")],
    *,
    messages: Annotated[bool, typer.Option("--messages", help="Also what was said.")] = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Show a trace as a tree: when each span ran, its tokens, its error."""
    store = store_of(file, storage_function, allow_http=allow_http)
    spans = run_with(store, reading.spans_of(store, trace))
    if not spans:
        raise NotFoundError(f"there is no trace {trace!r}", operation="TRACES")
    if as_json:
        print_json({"traceId": trace, "spans": spans})
        return
    console = new_console()
    console.print(views.tree(spans, encoding=console.encoding))
    if messages:
        console.print()
        for text in views.messages(spans):
            console.print(text)


@traces.command()
def tail(
    *,
    thread: _Thread = None,
    run: _Run = None,
    resource: _Resource = None,
    user: _User = None,
    agent: _Agent = None,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, for machines.")] = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Follow traces as they begin and end, until Ctrl-C."""
    store = store_of(file, storage_function, allow_http=allow_http)
    console = new_console()

    async def follow() -> None:
        async for trace in reading.followed(store, Filters(thread, run, resource, user, agent), interval):
            if as_json:
                print_json(trace)
            else:
                console.print(views.line(trace), no_wrap=True, overflow="ellipsis")

    with suppress(KeyboardInterrupt):
        run_with(store, follow())


@traces.command()
def stats(
    *,
    thread: _Thread = None,
    run: _Run = None,
    resource: _Resource = None,
    user: _User = None,
    agent: _Agent = None,
    status: _Status = None,
    since: _Since = "7d",
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest traces to count.")] = 1_000,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Sum up tokens, cost where it is known, errors and latency by agent, model and day."""
    filters = Filters(thread, run, resource, user, agent, status, time_of(since), time_of(until))
    store = store_of(file, storage_function, allow_http=allow_http)

    async def read() -> list[list[Span]]:
        return [spans async for spans in reading.whole(store, filters, limit)]

    found = run_with(store, read())
    if as_json:
        print_json({"traces": len(found), **statistics_of(found).as_json()})
        return
    console = new_console()
    for table in views.statistics(statistics_of(found), encoding=console.encoding):
        console.print(table)
    more = "; there may be more, see --limit" if len(found) == limit else ""
    console.print(f"{len(found)} trace{'' if len(found) == 1 else 's'}{more}")


@traces.command()
def export(
    *,
    thread: _Thread = None,
    run: _Run = None,
    resource: _Resource = None,
    user: _User = None,
    agent: _Agent = None,
    status: _Status = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Traces to write; all, when not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, which it writes anyway.")] = True,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Write spans as JSON lines, those of a trace together, the newest trace first."""
    filters = Filters(thread, run, resource, user, agent, status, time_of(since), time_of(until))
    store = store_of(file, storage_function, allow_http=allow_http)

    async def write() -> None:
        async for spans in reading.whole(store, filters, limit):
            for span in spans:
                print_json(span)

    run_with(store, write())
