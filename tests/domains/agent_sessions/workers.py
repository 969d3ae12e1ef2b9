"""What other processes do in the tests of transcripts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore

BATCH = 5


def number(before: int | None, fresh: list[Mapping[str, Any]]) -> int:
    """Summarizes entries by their number."""
    return (before or 0) + len(fresh)


def append_until_killed(path: Path, writer: str, told: Connection) -> None:
    """Appends batches to one transcript, and tells the number of each that was appended."""

    async def append() -> None:
        async with ConvexStore.local(path) as store:
            for batch in count():
                entries = [{"uuid": f"{writer}-{batch}-{n}"} for n in range(BATCH)]
                await store.agent_sessions.append_entries("app", session_id="s1", entries=entries, summarize=number)
                told.send(batch)

    asyncio.run(append())
