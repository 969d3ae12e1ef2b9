"""The vector operations on `qdrant-client` in its local mode, where that is installed."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from .groups import Group, Make
from .operations import VECTOR_SIZES
from .vectors import BATCH, DIMENSION, FILTERED, Floats, floats, payloads, query

qdrant_client: Any = importlib.import_module("qdrant_client")
models = qdrant_client.models

warnings.simplefilter("ignore")  # of the size of its local mode


class Qdrant:
    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._client = qdrant_client.QdrantClient(path=self._path)
        self.close = self._client.close

    def fill(self, collection: str, vectors: Floats) -> None:
        parameters = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
        self._client.create_collection(collection, vectors_config=parameters)
        for first in range(0, len(vectors), BATCH):
            part = vectors[first : first + BATCH]
            ids = list(range(first, first + len(part)))
            points = models.Batch(ids=ids, vectors=part.tolist(), payloads=payloads(first, len(part)))
            self._client.upsert(collection, points=points)

    def search(self, vector: list[float], *, filtered: bool = False) -> Any:
        group = models.FieldCondition(key="group", match=models.MatchValue(value=FILTERED))
        chosen = models.Filter(must=[group]) if filtered else None
        return self._client.query_points("bench", query=vector, limit=10, query_filter=chosen)

    def reopen(self, vector: list[float]) -> Any:
        """Closes the file first: qdrant locks it."""
        self._client.close()
        self._client = qdrant_client.QdrantClient(path=self._path)
        self.close = self._client.close
        return self.search(vector)


@asynccontextmanager
async def searches(size: int, directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    client, wanted = Qdrant(directory / f"qdrant{size}"), query(floats(size)).tolist()
    client.fill("bench", floats(size))
    yield {
        f"vector_query_{size}": lambda _: partial(client.search, wanted),
        f"vector_filter_{size}": lambda _: partial(client.search, wanted, filtered=True),
        f"vector_reopen_{size}": lambda _: partial(client.reopen, wanted),
    }
    client.close()


@asynccontextmanager
async def upserts(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    client, vectors = Qdrant(directory / "qdrant-upserts"), floats(BATCH)
    yield {"vector_upsert": lambda n: partial(client.fill, f"index{n}", vectors)}
    client.close()


GROUPS: Mapping[str, Group] = {
    **{f"vectors_{size}": partial(searches, size) for size in VECTOR_SIZES},
    "upserts": upserts,
}
