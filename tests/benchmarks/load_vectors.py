"""A process that makes one query of the vectors in a file and prints its peak of memory above its start, in MB.

`load_vectors.py <path> <dimension>`, on Linux.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy  # noqa: F401  # part of the bare process

from mastra_convex import ConvexStore
from mastra_convex_domains import VectorStore


def peak() -> float:
    """In bytes. Not by `resource.getrusage`: there a new process begins with the peak of the one that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


async def main(path: str, dimension: int) -> None:
    store = ConvexStore.local(path, domains=[VectorStore])
    await store.vector.list_indexes()
    bare = peak()
    hits = await store.vector.query("bench", query_vector=[1.0] * dimension, filter={"group": {"$in": [1, 2]}})
    assert len(hits) == 10
    print((peak() - bare) / 1e6)
    await store.aclose()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
