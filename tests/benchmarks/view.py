"""How long pages and Studio's routes take over a large store, on a SQLite file: `python -m tests.benchmarks.view`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from mastra_convex import ConvexStore
from mastra_convex.view.studio import add_routes
from tests.view.browsing import Visitor, visiting
from tests.view.large import SMALL_OBJECTS, TEXTS, fill

ROUNDS = 7
THREADS, RUNS = 100_000, 10_000
PAGES = (
    "/",
    "/threads",
    "/threads?resource=r1",
    "/threads?q=none",
    f"/thread?id={TEXTS}",
    f"/thread?id={SMALL_OBJECTS}",
    "/runs",
    "/runs?status=success",
    "/run?workflow=w&run=large+0",
    "/scores",
    "/scores?scorer=s",
    "/api/agents",
    "/api/memory/threads?resourceId=all-threads",
    f"/api/memory/threads/{TEXTS}/messages?perPage=40",
    "/api/workflows",
    "/api/workflows/run-counts",
    "/api/workflows/w/runs?limit=20",
    "/api/scores/scorers",
    "/api/scores/scorer/s",
)


async def measured(visitor: Visitor, path: str) -> tuple[float, float]:
    """The milliseconds of the fastest round, and the longest for which the event loop was held in the best one."""
    took: list[float] = []
    held: list[float] = []
    for _ in range(ROUNDS):
        ticking = asyncio.create_task(_longest_gap(held))
        await asyncio.sleep(0)
        began = time.perf_counter()
        await visitor.html(path)
        took.append(time.perf_counter() - began)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
    return min(took) * 1_000, min(held) * 1_000


async def _longest_gap(held: list[float]) -> None:
    """Adds how long the event loop did not come back, at the most, until it is cancelled."""
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    finally:
        held.append(longest)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.db"
        async with ConvexStore.local(file) as store:
            await store.init()
            await fill(store, threads=THREADS, runs=RUNS)
        async with (
            ConvexStore.local(file, read_only=True) as store,
            visiting(store, extensions=[add_routes]) as visitor,
        ):
            print(f"{'':50} {'ms':>8} {'loop held, ms':>14}")
            for path in PAGES:
                took, held = await measured(visitor, path)
                print(f"{path:50} {took:8.1f} {held:14.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
