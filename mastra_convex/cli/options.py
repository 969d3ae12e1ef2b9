"""Options that several commands have, and the store that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mastra_convex.remote.config import STORAGE_FUNCTION_VARIABLE
from mastra_convex.store import ConvexStore

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
