"""`mastra-convex init`: reports what the scaffold did, and what is left to the user."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from mastra_convex.deploy.convex_schema import DEFAULT_PATH
from mastra_convex.deploy.scaffold import Scaffold, ScaffoldedFile, scaffold, storage_function
from mastra_convex.registry import declared_tables

_LINES_OF_DIFFERENCE = 6
"""Lines of the difference of a file that are shown."""


def run(
    directory: Path,
    *,
    path: str | None,
    vector_dimensions: Sequence[int] | None,
    vector_filter_fields: Sequence[str] | None,
    force: bool,
) -> int:
    """Scaffolds and reports; 1 when an edited file was kept."""
    result = scaffold(
        directory,
        declared_tables(),
        path=path,
        vector_dimensions=vector_dimensions,
        vector_filter_fields=vector_filter_fields,
        force=force,
    )
    unchanged = [file for file in result.files if file.state == "unchanged"]
    if unchanged:
        files = "1 file" if len(unchanged) == 1 else f"{len(unchanged)} files"
        typer.echo(f"unchanged   {files} in {directory / 'convex' / result.path}")
    for file in result.files:
        if file.state not in ("unchanged", "kept"):
            typer.echo(f"{file.state:<11} {file.path}")
    _print_schema(result)
    if result.kept:
        _print_kept(result, directory)
        return 1
    _print_next_steps(result)
    return 0


def _print_schema(result: Scaffold) -> None:
    if any(file.path == result.schema for file in result.files):
        return
    if result.schema_lines is None:
        typer.echo(f"unchanged   {result.schema}  (it has our tables)")
        return
    typer.echo(f"\n{result.schema} exists and was not changed. Add to it:")
    if result.shares_stock_tables:
        typer.echo("(It takes tables from @mastra/convex/schema: these lines add our indexes to those definitions.)")
    typer.echo(f"\n{result.schema_lines.rstrip()}")


def _print_kept(result: Scaffold, directory: Path) -> None:
    """Prints how the files that were kept differ, and the command that overwrites them."""
    for file in result.kept:
        typer.echo(f"\nkept        {file.path}")
        _print_difference(file)
    again = ["mastra-convex", "init", str(directory), "--path", result.path, "--force"]
    count = "1 file was" if len(result.kept) == 1 else f"{len(result.kept)} files were"
    typer.echo(
        f"\n{count} edited and kept. Do not deploy before they are as this version needs them. To overwrite them:"
    )
    typer.echo(f"  {shlex.join(again)}")


def _print_difference(file: ScaffoldedFile) -> None:
    added = sum(line.startswith("+") for line in file.difference)
    removed = len(file.difference) - added
    typer.echo(f"            +{added} -{removed} lines, compared with ours:")
    for line in file.difference[:_LINES_OF_DIFFERENCE]:
        typer.echo(f"              {line}")
    if len(file.difference) > _LINES_OF_DIFFERENCE:
        typer.echo("              ...")


def _print_next_steps(result: Scaffold) -> None:
    typer.echo("\nNext:")
    if result.schema_lines is not None:
        typer.echo(f"  add the lines above to {result.schema}")
    typer.echo("  npx convex deploy          (npx convex dev while you develop)")
    typer.echo("  export CONVEX_URL=https://<name>.convex.cloud")
    typer.echo("  export CONVEX_ADMIN_KEY=<deploy key from the dashboard, Settings>")
    if result.path != DEFAULT_PATH:
        typer.echo(f"  export CONVEX_STORAGE_FUNCTION={storage_function(result.path)}")
    typer.echo("  store = ConvexStore.from_env()")
