"""Options that several commands have, and the store that they name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from mastra_convex.remote.config import STORAGE_FUNCTION_VARIABLE
from mastra_convex.store import ConvexStore

T = TypeVar("T")

FileOrDeployment = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="SQLite file; without it, the deployment of CONVEX_URL.",
    ),
]
StorageFunction = Annotated[
    str,
    typer.Option(
        envvar=STORAGE_FUNCTION_VARIABLE, help="Path of the deployed commit function, where it is another one."
    ),
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Permit plain http to another machine, where others can read the key.")
]


def store_of(file: Path | None, storage_function: str, *, allow_http: bool, read_only: bool = False) -> ConvexStore:
    """Returns the store of a file, which `read_only` leaves as it is, or of the deployment of the environment."""
    if file is not None:
        return ConvexStore.local(file, read_only=read_only)
    return ConvexStore.from_env(storage_function=storage_function, allow_http=allow_http)


def run_with(store: ConvexStore, work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that uses a store, and closes the store."""

    async def run() -> T:
        async with store:
            return await work

    return asyncio.run(run())


def json_object(text: str | None, option: str) -> dict[str, Any] | None:
    """Returns the JSON object of an option; BadParameter for other text."""
    if text is None:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"{option} takes a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f'{option} takes a JSON object, as in {{"topic": "tea"}}')
    return value


def refuse_filters_of_one(id: str | None, filters: Mapping[str, object]) -> None:
    """Raises BadParameter when one thing is named, and also options that choose among all: they would do nothing."""
    given = [f"--{name}" for name, value in filters.items() if value is not None]
    if id is not None and given:
        raise typer.BadParameter(f"{', '.join(given)} chooses among all; leave it out for one")
