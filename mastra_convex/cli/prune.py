"""`mastra-convex prune`: deletes, or counts, what is older than the policies allow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mastra_convex.cli.options import store_of
from mastra_convex.errors import ValidationError
from mastra_convex.retention import PruneResult
from mastra_convex.store import ConvexStore

Policies = dict[str, dict[str, dict[str, Any]]]


def parse_policies(texts: Sequence[str], batch_size: int) -> Policies:
    """Policies of texts such as `memory.messages=30d`; ValidationError for one of another form, or a second one."""
    policies: Policies = {}
    for text in texts:
        name, _, age = text.partition("=")
        domain, _, table = name.partition(".")
        if not (domain and table and age):
            raise ValidationError(f'a policy looks like "memory.messages=30d", not {text!r}', operation="PRUNE")
        tables = policies.setdefault(domain, {})
        if table in tables:
            raise ValidationError(f"{name!r} has two policies", operation="PRUNE")
        tables[table] = {"max_age": age, "batch_size": batch_size}
    return policies


def run(
    policies: Policies, *, file: Path | None, storage_function: str, allow_http: bool, dry_run: bool, **bounds: Any
) -> None:
    """Prunes the file, or the deployment of the environment, and prints a line for each table."""
    store = store_of(file, storage_function, allow_http=allow_http)
    results = asyncio.run(_prune(store, policies, dry_run=dry_run, **bounds))
    for result in results:
        rows = f"{result.deleted} row{'' if result.deleted == 1 else 's'}"
        typer.echo(f"{result.domain}: {result.table}: {rows} {'to delete' if dry_run else 'deleted'}")
    if not dry_run and not all(result.done for result in results):
        typer.echo("More are old enough; run the command again.")


async def _prune(store: ConvexStore, policies: Policies, **options: Any) -> list[PruneResult]:
    async with store:
        results = await store.prune(policies, **options)
        if not options["dry_run"]:
            await store.sweep()
        return results
