"""How long a page takes over 100,000 threads, 10,000 runs and messages of 1 MB: `python -m tests.benchmarks.pages`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from mastra_convex import ConvexStore
from mastra_convex.view.studio import add_routes
from tests.view.browsing import visiting
from tests.view.many import LISTS_OF_STUDIO, PAGES, fill

ROUNDS = 15


async def measure(path: Path) -> None:
    async with ConvexStore.local(path) as store:
        await fill(store, threads=100_000, runs=10_000)
    async with (
        ConvexStore.local(path, read_only=True) as store,
        visiting(store, is_live=False, extensions=[add_routes]) as visitor,
    ):
        print(f"{'page':44} median ms  best ms      kB")
        for page in (*PAGES, *LISTS_OF_STUDIO):
            times: list[float] = []
            size = 0
            for _ in range(ROUNDS):
                began = time.perf_counter()
                size = len(await visitor.html(page))
                times.append((time.perf_counter() - began) * 1000)
            print(f"{page:44} {median(times):9.1f} {min(times):8.1f} {size / 1000:7.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder) / "agent.db"))
