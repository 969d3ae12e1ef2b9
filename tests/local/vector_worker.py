"""A process that writes: `vector_worker.py <path> <name> <count>` puts, moves and deletes points, one in a commit."""

from __future__ import annotations

import asyncio
import random
import sys
import uuid

from mastra_convex.engine.protocol import Commit, Delete
from mastra_convex.local.engine import LocalEngine
from tests.local.vectors import POINTS, fill, point


async def main(path: str, name: str, count: int) -> None:
    engine = LocalEngine(path, [POINTS])
    dice = random.Random(name)
    for n in range(count):
        id = f"{name}-{dice.randrange(count // 2)}"
        if n % 5 == 4:
            await engine.commit(Commit(id=uuid.uuid4().hex, ops=[Delete(table="points", keys=[[id]])]))
        else:
            place = "there" if n % 7 == 6 else "here"
            await fill(engine, [point(id, *(dice.gauss(0, 1) for _ in range(6)), place=place, kind=n % 3)])
    await engine.aclose()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
