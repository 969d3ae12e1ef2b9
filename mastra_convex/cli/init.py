"""`mastra-convex init`: reports what the scaffold did, and what is left to the user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from mastra_convex.deploy.scaffold import Scaffold, scaffold
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION
from mastra_convex.tables import Table


def run(directory: Path, tables: Iterable[Table], *, path: str, force: bool) -> int:
    """Scaffolds and reports; 1 when an edited file was kept."""
    result = scaffold(directory, tables, path=path, force=force)
    for file in result.files:
        reason = "  (differs from ours; --force overwrites it)" if file.state == "kept" else ""
        typer.echo(f"{file.state:<11} {file.path}{reason}")
    _print_schema(result)
    _print_next_steps(result)
    return 1 if result.kept else 0


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


def _print_next_steps(result: Scaffold) -> None:
    typer.echo("\nNext:")
    typer.echo("  npx convex deploy          (npx convex dev while you develop)")
    typer.echo("  export CONVEX_URL=https://<name>.convex.cloud")
    typer.echo("  export CONVEX_ADMIN_KEY=<deploy key from the dashboard, Settings>")
    if result.storage_function == DEFAULT_STORAGE_FUNCTION:
        typer.echo("  store = ConvexStore.from_env()")
        return
    typer.echo("  store = ConvexStore(")
    typer.echo('      id="agent", deployment_url=os.environ["CONVEX_URL"],')
    typer.echo('      admin_auth_token=os.environ["CONVEX_ADMIN_KEY"],')
    typer.echo(f'      storage_function="{result.storage_function}",')
    typer.echo("  )")
