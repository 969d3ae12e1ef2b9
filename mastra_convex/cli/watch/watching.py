"""Watches lists of a store, and prints what changes, as it comes, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict, Unpack

import orjson
import typer

from mastra_convex.cli.options import store_of
from mastra_convex.cli.terminal import print_json, safe
from mastra_convex.contract.changes import changes
from mastra_convex.store import ConvexStore

Lists = AsyncGenerator[Sequence[Any]]
Line = Callable[[Any], str]

_WIDTH: Final = 100
_SIGNS: Final = {"-": "removed", "~": "changed", "+": "added"}


class Options(TypedDict):
    """Says where data is, and how its changes are printed.

    Attributes:
        file: SQLite file; None for the deployment of the environment.
        storage_function: path of the deployed commit function.
        allow_http: permits plain http to another machine.
        states: the number of states to end after; without it there is no end.
        as_json: True for a JSON line for each change.
    """

    file: Path | None
    storage_function: str
    allow_http: bool
    states: NotRequired[int | None]
    as_json: NotRequired[bool]


def threads(resource_id: str | None, limit: int, **options: Unpack[Options]) -> None:
    """Prints the threads that were changed last, and what changes."""
    _run(
        lambda store: _lists(
            store.memory.watch_threads(resource_id=resource_id, per_page=limit, order_by="-updated_at"),
            lambda page: page.threads,
        ),
        lambda thread: f"{_time(thread.updated_at)}  {thread.id}  {thread.resource_id}  {thread.title or ''}",
        **options,
    )


def messages(thread_id: str, limit: int, filters: Mapping[str, Any], **options: Unpack[Options]) -> None:
    """Prints the newest messages of a thread, and what changes."""
    _run(
        lambda store: _lists(
            store.memory.watch_messages(thread_id, per_page=limit, **filters), lambda page: page.messages
        ),
        lambda message: f"{_time(message.created_at)}  {message.id}  {message.role}: {_short(message.text)}",
        **options,
    )


def runs(
    run_id: str | None, workflow_name: str | None, limit: int, filters: Mapping[str, Any], **options: Unpack[Options]
) -> None:
    """Prints one run, or the newest runs of those that match the filters, and what changes."""

    def watch(store: ConvexStore) -> Lists:
        if run_id is not None:
            run = store.workflows.watch_workflow_run(run_id, workflow_name=workflow_name)
            return _lists(run, lambda found: [] if found is None else [found])
        pages = store.workflows.watch_workflow_runs(workflow_name=workflow_name, per_page=limit, **filters)
        return _lists(pages, lambda page: page.runs)

    _run(
        watch,
        lambda run: f"{_time(run.updated_at)}  {run.workflow_name}  {run.run_id}  {run.status}",
        key=lambda run: (run.workflow_name, run.run_id),
        **options,
    )


def scores(limit: int, filters: Mapping[str, Any], **options: Unpack[Options]) -> None:
    """Prints the newest scores that match the filters, and what changes."""
    _run(
        lambda store: _lists(store.scores.watch_scores(per_page=limit, **filters), lambda page: page.scores),
        lambda score: (
            f"{_time(score.created_at)}  {score.scorer_id}  {score.entity_id}  {score.score:.4g}  "
            f"{_short(score.reason or '')}"
        ),
        **options,
    )


def documents(table: str, limit: int, filter: Mapping[str, Any] | None, **options: Unpack[Options]) -> None:
    """Prints the newest documents of a table that match a filter, and what changes."""
    _run(
        lambda store: store.documents.watch_documents(table, filter=filter, order_by="-inserted", per_page=limit),
        lambda document: _short(orjson.dumps(document).decode()),
        key=lambda document: document["id"],
        **options,
    )


def _run(
    watch: Callable[[ConvexStore], Lists],
    line: Line,
    *,
    key: Callable[[Any], Any] = lambda item: item.id,
    file: Path | None,
    storage_function: str,
    allow_http: bool,
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
    watch: Callable[[ConvexStore], Lists],
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


async def _lists(states: AsyncGenerator[Any], items: Callable[[Any], Sequence[Any]]) -> Lists:
    async with contextlib.aclosing(states):
        async for state in states:
            yield items(state)


def _time(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_WIDTH]}{'…' * (len(line) > _WIDTH)}"
