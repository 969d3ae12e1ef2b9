"""Serves pages of all that the demo has stored, which lies in two files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mastra_convex.cli import view
from mastra_convex.store import ConvexStore


async def serve(files: Iterable[Path]) -> None:
    """Serves pages of copies of the files in one store, on a free port, until SIGINT or SIGTERM."""
    async with ConvexStore.local(":memory:") as shown:
        for file in files:
            async with ConvexStore.local(file, read_only=True) as store:
                await store.copy_to(shown)
        await view.serve(shown, "the data of the demo", host="127.0.0.1", port=0)
