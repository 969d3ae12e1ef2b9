"""A process that works on a file: `worker.py <path> <count> [forever]` adds to the counter and tells of each commit."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from mastra_convex.engine.protocol import Commit, KeyGuard, Put
from mastra_convex.local.engine import LocalEngine
from tests.local.tables import COUNTER, NOTES, add_one


async def main(path: str, times: int | None) -> None:
    engine = LocalEngine(path, [NOTES])
    missing = KeyGuard(guard="missing", table="notes", key=["counter"])
    await engine.commit(Commit(id="", guards=[missing], ops=[Put(table="notes", rows=[COUNTER])]))
    for n in count() if times is None else range(times):
        await engine.commit(add_one())
        print(n + 1, flush=True)
    await engine.aclose()


asyncio.run(main(sys.argv[1], None if sys.argv[2] == "forever" else int(sys.argv[2])))
