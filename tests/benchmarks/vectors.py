"""Vectors in a store; the raw alternative is the bare product of a float32 matrix with the vector, by numpy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mastra_convex import ConvexStore
from mastra_convex_domains import VectorStore

from .groups import Group, Make
from .operations import VECTOR_SIZES, raw_name

Floats = NDArray[np.float32]

DIMENSION = 384
FILTERED = 7
BATCH = 1_000
_GROUPS = 100


def floats(count: int) -> Floats:
    return np.random.default_rng(count).standard_normal((count, DIMENSION)).astype(np.float32)


def query(vectors: Floats) -> Floats:
    """Makes a vector that is near to one that is stored."""
    near: Floats = vectors[5] + np.float32(0.1)
    return near


def payloads(first: int, count: int) -> list[dict[str, Any]]:
    """Makes the metadata of vectors; a filter on `group` leaves one in a hundred."""
    return [{"group": n % _GROUPS, "n": n} for n in range(first, first + count)]


def opened(path: Path) -> ConvexStore:
    return ConvexStore.local(path, domains=[VectorStore])


async def fill(vector: VectorStore, index: str, vectors: Floats) -> None:
    await vector.create_index(index, dimension=DIMENSION)
    for first in range(0, len(vectors), BATCH):
        part = vectors[first : first + BATCH]
        ids = [str(n) for n in range(first, first + len(part))]
        await vector.upsert(index, vectors=part, metadata=payloads(first, len(part)), ids=ids)


@asynccontextmanager
async def searches(size: int, directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    path, vectors = directory / f"vectors{size}.db", floats(size)
    file, wanted = directory / f"vectors{size}.npy", query(vectors)
    np.save(file, vectors)

    async def reopen() -> None:
        async with opened(path) as store:
            await store.vector.query("bench", query_vector=wanted)

    def product() -> Floats:
        found: Floats = vectors @ wanted
        return found

    def reload() -> Floats:
        found: Floats = np.load(file) @ wanted
        return found

    async with opened(path) as store:
        await fill(store.vector, "bench", vectors)
        search = partial(store.vector.query, "bench", query_vector=wanted)
        yield {
            f"vector_query_{size}": lambda _: search,
            f"vector_filter_{size}": lambda _: partial(search, filter={"group": FILTERED}),
            f"vector_reopen_{size}": lambda _: reopen,
            raw_name(f"vector_query_{size}"): lambda _: product,
            raw_name(f"vector_filter_{size}"): lambda _: product,
            raw_name(f"vector_reopen_{size}"): lambda _: reload,
        }


@asynccontextmanager
async def upserts(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    async with opened(directory / "upserts.db") as store:
        vectors = floats(BATCH)
        yield {"vector_upsert": lambda n: partial(fill, store.vector, f"index{n}", vectors)}


GROUPS: Mapping[str, Group] = {
    **{f"vectors_{size}": partial(searches, size) for size in VECTOR_SIZES},
    "upserts": upserts,
}
