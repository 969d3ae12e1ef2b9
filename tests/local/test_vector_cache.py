"""The vectors in memory stay those of the file, whoever writes; without numpy the answers are the same."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process

from mastra_convex import ConfigurationError, ConvexStore
from mastra_convex.engine.protocol import (
    Bound,
    Commit,
    Delete,
    IndexRange,
    Patch,
    PatchRange,
    Scan,
    ScanResult,
    Search,
    WriteOp,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.values import Row
from tests.effort import some
from tests.local.vectors import METRICS, POINTS, fill, nearest, point, points, ranked, search, searches

ROOT = Path(__file__).parent.parent.parent
QUERY = [0.3, -1.0, 0.5, 0.0, 2.0, 1.0]


async def start(program: str, *arguments: str) -> Process:
    command = [sys.executable, str(Path(__file__).parent / program), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "domains")])}
    return await anyio.open_process(command, cwd=ROOT, env=environment, stderr=None)


async def stored(engine: LocalEngine, place: str = "here") -> list[Row]:
    (result,) = await engine.read([Scan(table="points", index="by_place", prefixes=[[place]])])
    assert isinstance(result, ScanResult)
    assert result.done
    return list(result.rows)


async def check(engine: LocalEngine) -> None:
    """Searches give what a plain look at the rows gives."""
    for place in ("here", "there"):
        rows = await stored(engine, place)
        for metric in METRICS:
            expected = [id for _, id in ranked(rows, metric, QUERY)]
            assert await nearest(engine, *QUERY, place=place, metric=metric, limit=20) == expected[:20]
            assert await nearest(engine, *QUERY, place=place, metric=metric, limit=10_000) == expected


async def test_after_every_kind_of_write_of_this_and_of_another_engine(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    engines = [LocalEngine(path, [POINTS]) for _ in range(2)]
    dice = random.Random(1)

    def vector() -> list[float]:
        return [dice.gauss(0, 1) for _ in range(6)]

    await fill(engines[0], [point(str(n), *vector()) for n in range(60)])
    place = IndexRange(table="points", index="by_place", prefix=["here"])
    for n in range(40):
        for engine in engines:
            await check(engine)
        ids = [[str(dice.randrange(80))] for _ in range(3)]
        anew = [point(id, *vector()) for (id,) in ids]
        ops: list[WriteOp] = [
            Patch(table="points", keys=ids, change=Change(set={"at": anew[0]["at"]})),
            Patch(table="points", keys=ids, change=Change(set={"place": "there"})),
            Patch(table="points", keys=ids, change=Change(unset=["at"])),
            Patch(table="points", keys=ids, change=Change(set={"at": [1.0, 2.0]})),
            Patch(table="points", keys=ids, change=Change(edits=[Edit(path=["at", "0"], reducer="set", value="9")])),
            Delete(table="points", keys=ids),
            PatchRange(range=place, change=Change(set={"info": {"n": n}})),
        ]
        writer = engines[n % 2]
        if n % 3 == 0:
            await fill(writer, anew)
        else:
            await writer.commit(Commit(id=uuid.uuid4().hex, ops=[ops[n % len(ops)]]))
    for engine in engines:
        await check(engine)
        await engine.aclose()


@pytest.mark.long
async def test_while_other_processes_write(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    engine = LocalEngine(path, [POINTS])
    await fill(engine, points(300, 6))
    workers = [await start("vector_worker.py", str(path), f"w{n}", "150") for n in range(2)]

    async def search_all_the_time() -> None:
        while any(worker.returncode is None for worker in workers):
            result = await engine.search(search(*QUERY, limit=50, include_vector=True))
            found = [hit.row for hit in result.hits]
            assert [id for _, id in ranked(found, "cosine", QUERY)] == [row["id"] for row in found]
            assert len(found) == 50

    async with asyncio.TaskGroup() as group:
        group.create_task(search_all_the_time())
        for worker in workers:
            assert await worker.wait() == 0
    await check(engine)
    await engine.aclose()
    for worker in workers:
        await worker.aclose()


@pytest.mark.long
async def test_more_changes_than_the_log_keeps(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    reader, writer = LocalEngine(path, [POINTS]), LocalEngine(path, [POINTS])
    await fill(writer, points(200, 6))
    await check(reader)
    for seed in range(1, 7):
        await fill(writer, points(2_000, 6, seed=seed))
    await fill(writer, points(200, 6, place="there"))
    rows = ranked(
        [*points(200, 6), *(row for seed in range(1, 7) for row in points(2_000, 6, seed=seed))], "cosine", QUERY
    )
    assert await nearest(reader, *QUERY, limit=100) == [id for _, id in rows[:100]]
    await reader.aclose()
    await writer.aclose()


async def test_ranges_that_differ_by_little_are_kept_apart() -> None:
    engine = LocalEngine(":memory:", [POINTS])
    await fill(engine, [*(point(str(n), 1, 0, kind=n, n=n) for n in range(4)), point("true", 1, 0, kind=True)])
    ranges: list[tuple[IndexRange, list[str]]] = [
        (IndexRange(table="points", index="by_kind", prefix=["here", 1]), ["1"]),
        (IndexRange(table="points", index="by_kind", prefix=["here", True]), ["true"]),
        (IndexRange(table="points", index="by_n", lower=Bound(value=1)), ["1", "2", "3"]),
        (IndexRange(table="points", index="by_n", lower=Bound(value=1, inclusive=False)), ["2", "3"]),
        (IndexRange(table="points", index="by_n", lower=Bound(value=2)), ["2", "3"]),
        (IndexRange(table="points", index="by_n", lower=Bound(value=0), upper=Bound(value=1)), ["0", "1"]),
        (IndexRange(table="points", index="by_kind", prefix=["here"], lower=Bound(value=2)), ["2", "3", "true"]),
    ]
    for _ in range(2):
        for target, expected in ranges:
            result = await engine.search(Search(range=target, field="at", vector=[1.0, 0.0], limit=9))
            assert [hit.row["id"] for hit in result.hits] == expected, target
    await engine.aclose()


async def test_several_loops_share_the_vectors(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "file.db", [POINTS])
    await fill(engine, points(500, 6))
    expected = await nearest(engine, *QUERY)

    def other_loop() -> list[list[str]]:
        async def several() -> list[list[str]]:
            return await asyncio.gather(*(nearest(engine, *QUERY) for _ in range(10)))

        return asyncio.run(several())

    found = await asyncio.gather(*(asyncio.to_thread(other_loop) for _ in range(4)))
    assert [ids for each in found for ids in each] == [expected] * 40
    await engine.aclose()


async def test_without_numpy_the_answers_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    engine = LocalEngine(path, [POINTS])
    await fill(engine, [*points(400, 12), *points(20, 3, seed=1)])
    async with await start("plain_search.py", str(path)) as process:
        assert process.stdout is not None
        lines = b"".join([chunk async for chunk in process.stdout]).splitlines()
        assert await process.wait() == 0
    for given, line in zip(searches(), lines, strict=True):
        hits = (await engine.search(given)).hits
        plain = json.loads(line)
        assert [hit.row["id"] for hit in hits] == [id for id, _ in plain]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in plain], abs=1e-6)
    await engine.aclose()


async def remember(store: ConvexStore, index: str, count: int, *, seed: int) -> None:
    """Stores vectors of 256 numbers."""
    dice = random.Random(seed)
    given = [[dice.gauss(0, 1) for _ in range(256)] for _ in range(count)]
    await store.vector.create_index(index, dimension=256)
    await store.vector.upsert(index, vectors=given, ids=[f"{seed}-{n}" for n in range(count)])


@pytest.mark.parametrize("room", some([0, 100_000, 1_500_000], [100_000]), ids=str)
async def test_a_small_cache_changes_no_answer(tmp_path: Path, room: int) -> None:
    path = tmp_path / "file.db"
    query = [1.0, -1.0] * 128
    async with ConvexStore.local(path) as large, ConvexStore.local(path, vector_cache_bytes=room) as small:
        for seed in range(3):
            for index in ("a", "b"):
                await remember(large, index, 300, seed=seed)
                expected = await large.vector.query(index, query_vector=query)
                for _ in range(2):
                    assert await small.vector.query(index, query_vector=query) == expected


async def kept(room: int, *searched: str) -> int:
    """Bytes that stay in memory after searches of indexes with 600 vectors of 1 KiB each, with room for 256 more and a
    quarter.
    """
    async with ConvexStore.local(":memory:", vector_cache_bytes=room) as store:
        for seed, index in enumerate(["first", "second"]):
            await remember(store, index, 600, seed=seed)
        await remember(store, "other", 1, seed=3)
        await store.vector.query("other", query_vector=[1.0] * 256)  # imports what searches need
        tracemalloc.start()
        try:
            for index in searched:
                await store.vector.query(index, query_vector=[1.0] * 256)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()


@pytest.mark.long
async def test_vectors_stay_in_memory_up_to_the_given_size() -> None:
    size = (600 + 150 + 256) << 10
    assert await kept(10 * size, "first", "second") >= 2 * size
    assert size <= await kept(2 * size - 1, "first", "second", "first") < 1.5 * size
    assert size <= await kept(size, "first") < 1.5 * size
    assert await kept(size - 1, "first") < 0.5 * size
    assert await kept(0, "first") < 0.5 * size


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1 GiB", None])
def test_a_wrong_size_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="vector_cache_bytes"):
        ConvexStore.local(":memory:", vector_cache_bytes=wrong)
