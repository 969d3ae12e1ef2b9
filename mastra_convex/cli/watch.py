"""`mastra-convex watch`: prints what changes, as it comes, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import typer

from mastra_convex.cli.options import store_of
from mastra_convex.cli.terminal import print_json, safe
from mastra_convex.contract.changes import changes
from mastra_convex.store import ConvexStore

Line = Callable[[Any], str]

_WIDTH: Final = 100
_SIGNS: Final = {"-": "removed", "~": "changed", "+": "added"}


def threads(store: ConvexStore, resource_id: str | None, limit: int) -> AsyncGenerator[Sequence[Any]]:
    """Returns the threads that were changed last, now and after each change."""
    pages = store.memory.watch_threads(resource_id=resource_id, per_page=limit, order_by="-updated_at")
    return _lists(pages, lambda page: page.threads)


def messages(store: ConvexStore, thread_id: str, limit: int, **filters: Any) -> AsyncGenerator[Sequence[Any]]:
    """Returns the newest messages of a thread, now and after each change."""
    return _lists(store.memory.watch_messages(thread_id, per_page=limit, **filters), lambda page: page.messages)


def runs(
    store: ConvexStore, workflow_name: str | None, status: str | None, limit: int, resource_id: str | None = None
) -> AsyncGenerator[Sequence[Any]]:
    """Returns the newest runs, now and after each change."""
    wanted = cast(Any, status)  # the watch refuses what is no status
    pages = store.workflows.watch_workflow_runs(
        workflow_name=workflow_name, resource_id=resource_id, status=wanted, per_page=limit
    )
    return _lists(pages, lambda page: page.runs)


def one_run(store: ConvexStore, run_id: str, workflow_name: str | None) -> AsyncGenerator[Sequence[Any]]:
    """Returns a run, now and after each change."""
    run = store.workflows.watch_workflow_run(run_id, workflow_name=workflow_name)
    return _lists(run, lambda found: [] if found is None else [found])


def thread_line(thread: Any) -> str:
    return f"{_time(thread.updated_at)}  {thread.id}  {thread.resource_id}  {thread.title or ''}"


def message_line(message: Any) -> str:
    text = " ".join(message.text.split())
    return f"{_time(message.created_at)}  {message.id}  {message.role}: {text[:_WIDTH]}{'…' * (len(text) > _WIDTH)}"


def run_line(run: Any) -> str:
    return f"{_time(run.updated_at)}  {run.workflow_name}  {run.run_id}  {run.status}"


def run_id(run: Any) -> tuple[str, str]:
    return run.workflow_name, run.run_id


def run(
    watch: Callable[[ConvexStore], AsyncGenerator[Sequence[Any]]],
    line: Line,
    *,
    file: Path | None,
    storage_function: str,
    allow_http: bool,
    key: Callable[[Any], Any] = lambda item: item.id,
    states: int | None = None,
    as_json: bool = False,
) -> None:
    """Prints `+`, `~` or `-` and a line for what was added, changed or removed, oldest first, until Ctrl-C.

    As JSON each is a line with the members `change` and `item`.
    """
    store = store_of(file, storage_function, allow_http=allow_http)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_print(store, watch, None if as_json else line, key, states))


async def _print(
    store: ConvexStore,
    watch: Callable[[ConvexStore], AsyncGenerator[Sequence[Any]]],
    line: Line | None,
    key: Callable[[Any], Any],
    states: int | None,
) -> None:
    last: Sequence[Any] = ()
    count = 0
    async with store, contextlib.aclosing(watch(store)) as lists:
        async for items in lists:
            found = changes(last, items, key=key)
            for sign, change in _SIGNS.items():
                for item in reversed(getattr(found, change)):
                    if line is None:
                        print_json({"change": change, "item": item})
                    else:
                        typer.echo(f"{sign} {' '.join(safe(line(item)).splitlines())}")
            last, count = items, count + 1
            if count == states:
                return


async def _lists(states: AsyncGenerator[Any], items: Callable[[Any], Sequence[Any]]) -> AsyncGenerator[Sequence[Any]]:
    async with contextlib.aclosing(states):
        async for state in states:
            yield items(state)


def _time(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")
