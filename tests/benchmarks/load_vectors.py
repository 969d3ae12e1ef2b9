"""A process that opens a file, makes one query of its vectors and prints the peak of its memory above its start, in MB.

`load_vectors.py <path> <dimension>`
"""

from __future__ import annotations

import asyncio
import resource
import sys

import numpy  # noqa: F401  # part of the bare process

from mastra_convex import ConvexStore
from mastra_convex_domains import VectorStore


def peak() -> float:
    """In bytes; Linux counts in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


async def main(path: str, dimension: int) -> None:
    store = ConvexStore.local(path, domains=[VectorStore])
    await store.vector.list_indexes()
    bare = peak()
    hits = await store.vector.query("bench", query_vector=[1.0] * dimension, filter={"group": {"$in": [1, 2]}})
    assert len(hits) == 10
    print((peak() - bare) / 1e6)
    await store.aclose()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
