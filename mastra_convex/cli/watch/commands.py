"""The commands of `mastra-convex watch` and their options."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from mastra_convex.cli.options import AllowHttp, FileOrDeployment, StorageFunction, refuse_filters_of_one
from mastra_convex.cli.watch import watching
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION

watch: Final = typer.Typer(
    help="Print what changes, as it comes, until Ctrl-C: + was added, ~ changed, - removed.", no_args_is_help=True
)

_Limit = Annotated[int, typer.Option(min=1, help="Watch the newest, this many.")]
_States = Annotated[int | None, typer.Option(min=1, help="End after this many states.")]


@watch.command()
def threads(
    *,
    resource: Annotated[str | None, typer.Option(help="Only threads of this resource.")] = None,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    limit: _Limit = 20,
    states: _States = None,
) -> None:
    """Watch the threads that were changed last; every saved message changes its thread."""
    watching.threads(
        resource, limit, file=file, storage_function=storage_function, allow_http=allow_http, states=states
    )


@watch.command()
def messages(
    *,
    thread: Annotated[str, typer.Argument(help="Id of the thread.")],
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    limit: _Limit = 20,
    states: _States = None,
) -> None:
    """Watch the newest messages of a thread."""
    watching.messages(
        thread, limit, {}, file=file, storage_function=storage_function, allow_http=allow_http, states=states
    )


@watch.command()
def runs(
    *,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Id of a run; without it all runs.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    status: Annotated[str | None, typer.Option(help="Only runs that have this status.")] = None,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
    limit: _Limit = 20,
    states: _States = None,
) -> None:
    """Watch the newest workflow runs, or one run.

    A run that gets another status than --status is printed as removed.
    """
    filters = {"status": status}
    refuse_filters_of_one(run, filters)
    watching.runs(
        run,
        workflow,
        limit,
        filters,
        file=file,
        storage_function=storage_function,
        allow_http=allow_http,
        states=states,
    )
