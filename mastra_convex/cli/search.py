"""`mastra-convex search`: the vectors that are nearest to a text."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mastra_convex.cli.options import AllowHttp, FileOrDeployment, StorageFunction, json_object, run_with, store_of
from mastra_convex.cli.show import views
from mastra_convex.cli.terminal import print_found
from mastra_convex.domain import Embedder, Get, HashingEmbedder, from_json
from mastra_convex.errors import ConfigurationError
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION
from mastra_convex.store import ConvexStore

_INDEXES: Final = "mastra_vector_indexes"

app: typer.Typer = typer.Typer()


@app.command()
def search(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name of the index.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for.")],
    *,
    embedder: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME", help="What made the vectors, or a class or function of no arguments that gives it."
        ),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Vectors to find.")] = 10,
    filter: Annotated[
        str | None, typer.Option(metavar="JSON", help='Only those whose metadata match, as in {"topic": "tea"}.')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for machines.")] = False,
    file: FileOrDeployment = None,
    storage_function: StorageFunction = DEFAULT_STORAGE_FUNCTION,
    allow_http: AllowHttp = False,
) -> None:
    """Find the vectors that are nearest to a text, with their scores and metadata.

    Without --embedder the text is hashed, which finds vectors that HashingEmbedder made. Vectors of a model are found
    with the same model only: MODULE is imported as by a program in this folder.
    """
    wanted = json_object(filter, "--filter")
    named = None if embedder is None else _embedder(embedder)
    store = store_of(file, storage_function, allow_http=allow_http, read_only=True)
    hits = run_with(store, _nearest(store, index, text, named, top_k=top_k, filter=wanted))
    print_found({"hits": hits}, views.vectors(hits, has_more=False, with_score=True), as_json=as_json)


async def _nearest(store: ConvexStore, index: str, text: str, embedder: Embedder | None, **options: Any) -> list[Any]:
    found = await store.records.read(Get(table=_INDEXES, keys=[[index]], paths=[["dimension"]]))
    stored = found.values[0] if found.values else None
    dimension: int | None = None if stored is None or stored[0] is None else from_json(stored[0])
    if embedder is None:
        embedder = HashingEmbedder() if dimension is None else HashingEmbedder(dimension)
    if dimension not in (None, embedder.dimension):
        raise ConfigurationError(
            f"index {index!r} has vectors of {dimension} numbers, the embedder gives {embedder.dimension}: "
            "--embedder must name the one that made them"
        )
    [vector] = await embedder.embed([text])
    return list(await store.vector.query(index, query_vector=vector, **options))


def _embedder(name: str) -> Embedder:
    """Imports an embedder; raises BadParameter for a name of another form, ConfigurationError where there is none."""
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise typer.BadParameter(f"--embedder looks like module:name, not {name!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        value: Any = importlib.import_module(module_name)
        for part in path.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"--embedder {name}: {error}") from error
    if isinstance(value, type) or not hasattr(value, "embed"):
        value = value() if callable(value) else value
    if not hasattr(value, "embed") or not isinstance(getattr(value, "dimension", None), int):
        raise ConfigurationError(f"--embedder {name} must have `dimension`, a number, and `async def embed(texts)`")
    embedder: Embedder = value
    return embedder
