"""What other processes do in the tests of adapters."""

from __future__ import annotations

import asyncio
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from mastra_convex.adapters.openai_agents import StoreSession

BATCH = 5


def add_until_killed(path: Path, writer: str, told: Connection) -> None:
    """Adds batches to one session, and tells the number of each that was added."""

    async def add() -> None:
        async with StoreSession("s1", path) as session:
            for batch in count():
                items = [{"writer": writer, "batch": batch, "n": n} for n in range(BATCH)]
                await session.add_items(items)
                told.send(batch)

    asyncio.run(add())
