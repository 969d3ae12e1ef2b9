"""Vectors on the local engine beside `qdrant-client` in its local mode and a bare product of numpy, in turn.

    pip install qdrant-client && pytest tests/benchmarks/test_vectors.py --override-ini addopts=--import-mode=importlib

The bare product with `argpartition` is what the machine can do: it stores nothing, filters nothing and returns numbers
of rows. After reopening it reads its matrix from a file. The run takes some minutes, nearly all of them in qdrant's
upserts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import VectorStore

qdrant = pytest.importorskip("qdrant_client", reason="pip install qdrant-client")

SIZES = (1_000, 10_000, 100_000)
DIMENSION = 384
GROUPS = 100
FILTERED = 7
BATCH = 1_000
UPSERTED = 10_000


class Ours:
    """`search` of each kind gives the numbers of the ten nearest rows, of all or of those in one group of a hundred."""

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner()
        self.store = ConvexStore.local(path / "store.db", domains=[VectorStore])

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def upsert(self, vectors: Any, first: int) -> None:
        numbers = range(first, first + len(vectors))
        metadata = [{"group": n % GROUPS, "n": n} for n in numbers]
        vector = self.store.vector
        if first == 0:
            self.run(vector.create_index("bench", dimension=DIMENSION))
        self.run(vector.upsert("bench", vectors=vectors, metadata=metadata, ids=[str(n) for n in numbers]))

    def search(self, vector: Any, filtered: bool) -> list[int]:
        filter = {"group": FILTERED} if filtered else None
        return [int(hit.id) for hit in self.run(self.store.vector.query("bench", query_vector=vector, filter=filter))]

    def close(self) -> None:
        self.run(self.store.aclose())
        self._runner.close()


class Qdrant:
    def __init__(self, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the size of its local mode
            self._client = qdrant.QdrantClient(path=str(path / "qdrant"))

    def upsert(self, vectors: Any, first: int) -> None:
        models = qdrant.models
        if first == 0:
            parameters = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
            self._client.create_collection("bench", vectors_config=parameters)
        numbers = list(range(first, first + len(vectors)))
        payloads = [{"group": n % GROUPS, "n": n} for n in numbers]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = models.Batch(ids=numbers, vectors=vectors.tolist(), payloads=payloads)
            self._client.upsert("bench", points=batch)

    def search(self, vector: Any, filtered: bool) -> list[int]:
        models = qdrant.models
        group = models.FieldCondition(key="group", match=models.MatchValue(value=FILTERED))
        chosen = models.Filter(must=[group]) if filtered else None
        answer = self._client.query_points("bench", query=vector.tolist(), limit=10, query_filter=chosen)
        return [point.id for point in answer.points]

    def close(self) -> None:
        self._client.close()


class Bare:
    def __init__(self, path: Path) -> None:
        self._file = path / "matrix.npy"
        self._matrix = np.load(self._file) if self._file.exists() else np.empty((0, DIMENSION), np.float32)

    def upsert(self, vectors: Any, first: int) -> None:
        """The matrix, all at once."""
        self._matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(self._file, self._matrix)

    def search(self, vector: Any, filtered: bool) -> list[int]:
        products = self._matrix @ vector
        best = np.argpartition(products, -10)[-10:]
        return [int(n) for n in best[np.argsort(-products[best])]]

    def close(self) -> None:
        pass


KINDS: dict[str, Callable[[Path], Any]] = {"ours": Ours, "qdrant local": Qdrant, "bare product": Bare}


def vectors(count: int) -> Any:
    return np.random.default_rng(count).standard_normal((count, DIMENSION)).astype(np.float32)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A directory where each kind has stored so many vectors."""
    made: dict[int, Path] = {}

    def filled(size: int) -> Path:
        if size not in made:
            made[size] = tmp_path_factory.mktemp(f"vectors{size}")
            for kind in KINDS.values():
                contender, rows = kind(made[size]), vectors(size)
                batch = size if kind is Bare else BATCH
                for first in range(0, size, batch):
                    contender.upsert(rows[first : first + batch], first)
                contender.close()
        return made[size]

    return filled


@pytest.fixture(scope="module")
def opened(directory: Callable[[int], Path]) -> Iterator[Callable[[int], dict[str, Any]]]:
    made: dict[int, dict[str, Any]] = {}

    def contenders(size: int) -> dict[str, Any]:
        if size not in made:
            close(made)
            made[size] = {name: kind(directory(size)) for name, kind in KINDS.items()}
        return made[size]

    yield contenders
    close(made)


def close(made: dict[int, dict[str, Any]]) -> None:
    """One may not open what is open: qdrant locks its files."""
    for contenders in made.values():
        for contender in contenders.values():
            contender.close()
    made.clear()


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(benchmark: Any, works: Mapping[str, Callable[[], Any]], rounds: int, *, hot: bool = False) -> None:
    """Times ours by the benchmark and the others just before, round by round.

    `hot`: each right after a call of its own, so that none pays for what another left in the processor's caches.
    """
    others: dict[str, list[float]] = {name: [] for name in works if name != "ours"}

    def beside() -> None:
        for name, times in others.items():
            if hot:
                works[name]()
            times.append(timed(works[name]))
        if hot:
            works["ours"]()

    benchmark.pedantic(works["ours"], setup=beside, rounds=rounds)
    benchmark.extra_info["beside"] = {name: median(times) for name, times in others.items()}


@pytest.mark.parametrize(
    "workload", [f"query {size} {kind}" for size in SIZES for kind in ("hot", "hot filtered", "reopened")]
)
def test_query(
    benchmark: Any, directory: Callable[[int], Path], opened: Callable[[int], dict[str, Any]], workload: str
) -> None:
    _, size, how, *rest = workload.split()
    filtered = bool(rest)
    query = vectors(int(size))[5] + 0.1
    contenders = opened(int(size))
    expected = contenders["qdrant local"].search(query, filtered)
    assert contenders["ours"].search(query, filtered) == expected
    if how == "hot":
        for contender in contenders.values():
            contender.search(query, filtered)
        works = {name: partial(each.search, query, filtered) for name, each in contenders.items()}
        compare(benchmark, works, 30 if int(size) < SIZES[-1] else 15, hot=True)
        return
    for contender in contenders.values():
        contender.close()
    contenders.clear()

    def reopened(kind: Callable[[Path], Any]) -> None:
        contender = kind(directory(int(size)))
        assert contender.search(query, False)[:10] == expected
        contender.close()

    compare(benchmark, {name: partial(reopened, kind) for name, kind in KINDS.items()}, 3)


@pytest.mark.parametrize("workload", [f"upsert {UPSERTED}"])
def test_upsert(benchmark: Any, tmp_path: Path, workload: str) -> None:
    rows = vectors(UPSERTED)
    rounds = iter(range(1_000))

    def store(kind: Callable[[Path], Any]) -> None:
        path = tmp_path / str(next(rounds))
        path.mkdir()
        contender = kind(path)
        for first in range(0, UPSERTED, BATCH):
            contender.upsert(rows[first : first + BATCH], first)
        contender.close()

    compare(benchmark, {name: partial(store, KINDS[name]) for name in ("ours", "qdrant local")}, 2)


def test_memory_of_a_load(directory: Callable[[int], Path], request: pytest.FixtureRequest) -> None:
    """A query of 100,000 under a filter, in a process of its own: at most 1.5 times the size of the vectors."""
    size = SIZES[-1]
    file = directory(size) / "store.db"
    program = Path(__file__).parent / "load_vectors.py"
    answer = subprocess.run([sys.executable, program, file, str(DIMENSION)], check=True, capture_output=True, text=True)
    peak, limit = float(answer.stdout), 1.5 * size * DIMENSION * 4 / 1e6
    lines = request.config.__dict__.setdefault("measured", [])
    lines.append(f"memory of a load of {size}: {peak:.0f} MB, of {limit:.0f} MB")
    assert peak < limit
