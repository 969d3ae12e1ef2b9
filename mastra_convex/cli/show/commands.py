"""The commands of `mastra-convex show` and their options."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from mastra_convex.cli.options import (
    AllowHttp,
    FileOrDeployment,
    StorageFunction,
    json_object,
    refuse_filters_of_one,
    run_with,
    store_of,
)
from mastra_convex.cli.show import reading, views
from mastra_convex.cli.terminal import print_found
from mastra_convex.cli.traces.reading import time_of
from mastra_convex.cli.watch import watching
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION

show: Final = typer.Typer(help="Show what is stored in a file or deployment.", no_args_is_help=True)

_Resource = Annotated[str | None, typer.Option(metavar="ID", help="Only of this resource.")]
_Thread = Annotated[str | None, typer.Option(metavar="ID", help="Only of this thread.")]
_Since = Annotated[str | None, typer.Option(metavar="TIME", help="Made at or after: 2h or 7d ago, or an ISO time.")]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Made before: 2h or 7d ago, or an ISO time.")]
_Filter = Annotated[str | None, typer.Option(metavar="JSON", help='Only those that match, as in {"topic": "tea"}.')]
_Limit = Annotated[int, typer.Option(min=1, help="How many to show.")]
_Watch = Annotated[bool, typer.Option("--watch", help="Go on with what changes, until Ctrl-C; + new, ~ other, - gone.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON, for machines; with --watch a line for each change.")]
_PlainJson = Annotated[bool, typer.Option("--json", help="JSON, for machines.")]


@show.command()
def threads(
    *,
    resource: _Resource = None,
    limit: _Limit = 20,
    watched: _Watch = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the threads that were changed last: title, id, resource, when each was changed."""
    if watched:
        watching.threads(
            resource, limit, file=file, storage_function=storage_function, allow_http=allow_http, as_json=as_json
        )
        return
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    found = store.memory.list_threads(resource_id=resource, per_page=limit, include_total=False, order_by="-updated_at")
    page = run_with(store, found)
    print_found({"threads": page.threads}, views.threads(page.threads, has_more=page.has_more), as_json=as_json)


@show.command()
def messages(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="Id of the thread.")],
    *,
    resource: _Resource = None,
    since: _Since = None,
    until: _Until = None,
    limit: _Limit = 20,
    is_open: Annotated[bool, typer.Option("--open", help="All of tool calls, reasoning and files.")] = False,
    watched: _Watch = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Show the newest messages of a thread, the oldest of them first, with tool calls folded to a line."""
    filters = {"resource_id": resource, "start": time_of(since), "end": time_of(until), "end_exclusive": True}
    if watched:
        watching.messages(
            thread,
            limit,
            filters,
            file=file,
            storage_function=storage_function,
            allow_http=allow_http,
            as_json=as_json,
        )
        return
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    page = run_with(store, reading.messages(store, thread, limit, **filters))
    found = page.messages[::-1]
    caption = views.caption(len(found), "message", has_more=page.has_more)
    print_found({"messages": found}, *views.messages(found, is_open=is_open), caption, as_json=as_json)


@show.command()
def runs(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Id of a run, whose steps are shown.")] = None,
    *,
    workflow: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this workflow.")] = None,
    resource: _Resource = None,
    thread: _Thread = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only with this status, as suspended.")] = None,
    since: _Since = None,
    until: _Until = None,
    limit: _Limit = 20,
    watched: _Watch = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the newest workflow runs, or show the steps of one."""
    filters: dict[str, Any] = {"resource": resource, "thread": thread, "status": status, "since": since, "until": until}
    refuse_filters_of_one(run, filters)
    if watched:
        if thread or since or until:
            raise typer.BadParameter("--watch chooses runs by --workflow, --resource and --status alone")
        watching.runs(
            run,
            workflow,
            limit,
            {"resource_id": resource, "status": status},
            file=file,
            storage_function=storage_function,
            allow_http=allow_http,
            as_json=as_json,
        )
        return
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    if run is not None:
        one = run_with(store, reading.run(store, run, workflow))
        print_found({"runs": [one]}, views.runs([one], has_more=False), views.steps(one), as_json=as_json)
        return
    chosen: dict[str, Any] = {"status": status, "from_date": time_of(since), "to_date": time_of(until)}
    listed = store.workflows.list_workflow_runs(
        workflow_name=workflow, resource_id=resource, thread_id=thread, page=0, per_page=limit, include_total=False,
        **chosen,
    )  # fmt: skip
    page = run_with(store, listed)
    print_found({"runs": page.runs}, views.runs(page.runs, has_more=page.has_more), as_json=as_json)


@show.command()
def scores(
    *,
    scorer: Annotated[str | None, typer.Option(metavar="ID", help="Only of this scorer.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only of this run.")] = None,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="Only of this agent, workflow or step.")] = None,
    resource: _Resource = None,
    thread: _Thread = None,
    source: Annotated[str | None, typer.Option(metavar="LIVE|TEST", help="Only from there.")] = None,
    limit: _Limit = 20,
    watched: _Watch = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the newest scores: scorer, reason, what was scored, the figure."""
    filters = {
        "scorer_id": scorer, "run_id": run, "entity_id": entity, "resource_id": resource, "thread_id": thread,
        "source": source,
    }  # fmt: skip
    if watched:
        watching.scores(
            limit, filters, file=file, storage_function=storage_function, allow_http=allow_http, as_json=as_json
        )
        return
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    found, has_more = run_with(store, reading.scores(store, filters, limit))
    print_found({"scores": found}, views.scores(found, has_more=has_more), as_json=as_json)


@show.command()
def documents(
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="Whose documents are shown.")] = None,
    *,
    filter: _Filter = None,
    limit: _Limit = 20,
    watched: _Watch = False,
    as_json: _Json = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the tables that have documents, or the newest documents of one."""
    wanted = json_object(filter, "--filter")
    if watched:
        if table is None:
            raise typer.BadParameter("--watch needs a TABLE, whose documents are watched")
        watching.documents(
            table, limit, wanted, file=file, storage_function=storage_function, allow_http=allow_http, as_json=as_json
        )
        return
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    if table is None:
        names, has_more = run_with(store, reading.document_tables(store, limit))
        print_found({"tables": names}, views.names("table", names, has_more=has_more), as_json=as_json)
        return
    listed = store.documents.list(table, filter=wanted, order_by="-inserted", per_page=limit, include_total=False)
    page = run_with(store, listed)
    print_found({"documents": page.documents}, views.documents(page.documents, has_more=page.has_more), as_json=as_json)


@show.command()
def vectors(
    index: Annotated[str | None, typer.Argument(metavar="[INDEX]", help="Whose vectors are shown.")] = None,
    *,
    filter: _Filter = None,
    limit: _Limit = 20,
    as_json: _PlainJson = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """List the indexes of vectors, or the vectors of one with their metadata."""
    wanted = json_object(filter, "--filter")
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    if index is None:
        indexes, has_more = run_with(store, reading.vector_indexes(store, limit))
        shown = [{"name": name, **each.model_dump(by_alias=True)} for name, each in indexes.items()]
        print_found({"indexes": shown}, views.vector_indexes(indexes, has_more=has_more), as_json=as_json)
        return
    found, has_more = run_with(store, reading.vectors(store, index, wanted, limit))
    print_found({"vectors": found}, views.vectors(found, has_more=has_more), as_json=as_json)
