"""Prints what changes in a store, as it comes, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import typer

from mastra_convex.cli.options import store_of
from mastra_convex.cli.terminal import print_json, safe
from mastra_convex.contract.changes import changes
from mastra_convex.store import ConvexStore

States = AsyncGenerator[Sequence[Any]]

_WIDTH: Final = 100
_SIGNS: Final = {"-": "removed", "~": "changed", "+": "added"}


@dataclass(frozen=True)
class Watched:
    """Says what is watched.

    Attributes:
        states: gives the items of a store, now and after each change.
        line: returns the line of an item.
        key: returns what tells items apart.
    """

    states: Callable[[ConvexStore], States]
    line: Callable[[Any], str]
    key: Callable[[Any], Any] = lambda item: item.id


def threads(resource_id: str | None, limit: int) -> Watched:
    """Watches the threads that were changed last."""

    def states(store: ConvexStore) -> States:
        pages = store.memory.watch_threads(resource_id=resource_id, per_page=limit, order_by="-updated_at")
        return _lists(pages, lambda page: page.threads)

    return Watched(states, _thread_line)


def messages(thread_id: str, limit: int, **filters: Any) -> Watched:
    """Watches the newest messages of a thread."""

    def states(store: ConvexStore) -> States:
        return _lists(store.memory.watch_messages(thread_id, per_page=limit, **filters), lambda page: page.messages)

    return Watched(states, _message_line)


def runs(
    run_id: str | None, workflow_name: str | None, status: str | None, limit: int, *, resource_id: str | None = None
) -> Watched:
    """Watches one run, or the newest. Raises BadParameter for what would choose among all runs beside the id of one."""
    if run_id is not None and (status or resource_id):
        raise typer.BadParameter("--status and --resource choose among all runs; leave them out for one run")

    def states(store: ConvexStore) -> States:
        if run_id is not None:
            run = store.workflows.watch_workflow_run(run_id, workflow_name=workflow_name)
            return _lists(run, lambda found: [] if found is None else [found])
        wanted = cast(Any, status)  # the watch refuses what is no status
        pages = store.workflows.watch_workflow_runs(
            workflow_name=workflow_name, resource_id=resource_id, status=wanted, per_page=limit
        )
        return _lists(pages, lambda page: page.runs)

    return Watched(states, _run_line, lambda run: (run.workflow_name, run.run_id))


def run(
    watched: Watched,
    *,
    file: Path | None,
    storage_function: str,
    allow_http: bool,
    states: int | None = None,
    as_json: bool = False,
) -> None:
    """Prints `+`, `~` or `-` and a line for what was added, changed or removed, oldest first, until Ctrl-C.

    As JSON each is a line with the members `change` and `item`. It ends after so many states, if that is given.
    """
    store = store_of(file, storage_function, allow_http=allow_http)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_print(store, watched, states, as_json=as_json))


async def _print(store: ConvexStore, watched: Watched, states: int | None, *, as_json: bool) -> None:
    last: Sequence[Any] = ()
    count = 0
    async with store, contextlib.aclosing(watched.states(store)) as lists:
        async for items in lists:
            found = changes(last, items, key=watched.key)
            for sign, change in _SIGNS.items():
                for item in reversed(getattr(found, change)):
                    if as_json:
                        print_json({"change": change, "item": item})
                    else:
                        typer.echo(f"{sign} {' '.join(safe(watched.line(item)).splitlines())}")
            last, count = items, count + 1
            if count == states:
                return


async def _lists(states: AsyncGenerator[Any], items: Callable[[Any], Sequence[Any]]) -> States:
    async with contextlib.aclosing(states):
        async for state in states:
            yield items(state)


def _thread_line(thread: Any) -> str:
    return f"{_time(thread.updated_at)}  {thread.id}  {thread.resource_id}  {thread.title or ''}"


def _message_line(message: Any) -> str:
    text = " ".join(message.text.split())
    return f"{_time(message.created_at)}  {message.id}  {message.role}: {text[:_WIDTH]}{'…' * (len(text) > _WIDTH)}"


def _run_line(run: Any) -> str:
    return f"{_time(run.updated_at)}  {run.workflow_name}  {run.run_id}  {run.status}"


def _time(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")
