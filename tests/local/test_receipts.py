"""Receipts, which the local engine leaves when a server asks for them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mastra_convex.engine.protocol import Commit, DeleteRange, Get, IndexRange, KeyGuard, Put
from mastra_convex.engine.wire import to_bytes
from mastra_convex.errors import ValidationError
from mastra_convex.local.engine import LocalEngine
from tests.local.tables import COUNTER, NOTES, add_one, counted, get, put


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "file.db", [NOTES], receipts=True)
    yield engine
    await engine.aclose()


async def test_a_repeated_commit_is_applied_once(served: LocalEngine) -> None:
    await put(served, COUNTER)
    first = await served.commit(add_one("1"))
    again = await served.commit(add_one("1"))
    assert (first.status, first.outcomes) == (again.status, again.outcomes)
    assert await counted(served) == 1
    await served.commit(add_one("2"))
    assert await counted(served) == 2


async def test_returned_rows_are_read_anew(served: LocalEngine) -> None:
    await put(served, COUNTER)
    commit = replace(add_one("1"), returning=[Get(table="notes", keys=[["counter"]])])
    await served.commit(commit)
    await served.commit(add_one("2"))
    (row,) = (await served.commit(commit)).returned[0].rows
    assert row is not None
    assert row["info"] == {"n": 2}


async def test_a_conflict_stays_one(served: LocalEngine) -> None:
    guard = KeyGuard(guard="exists", table="notes", key=["counter"])
    commit = Commit(id="1", guards=[guard], ops=[Put(table="notes", rows=[{"id": "a"}])])
    assert (await served.commit(commit)).status == "conflict"
    await put(served, COUNTER)
    again = await served.commit(commit)
    assert (again.status, again.guard) == ("conflict", 0)
    assert await get(served, "a") == [None]


async def test_a_step_that_is_repeated_says_where_to_go_on(served: LocalEngine) -> None:
    for start in (0, 1500):
        await put(served, *({"id": f"{n:04}"} for n in range(start, start + 1500)))
    everything = IndexRange(table="notes", index="by_record_id")
    step = Commit(id="1", mode="resumable", ops=[DeleteRange(range=everything)])
    first = await served.commit(step)
    assert first.status == "more"
    again = await served.commit(step)
    assert to_bytes(again) == to_bytes(first)
    last = await served.commit(replace(step, id="2", resume=first.resume))
    assert (last.status, last.outcomes[0].changed) == ("done", 1000)


async def test_a_commit_that_failed_left_no_receipt(served: LocalEngine) -> None:
    bad = Commit(id="1", ops=[Put(table="notes", rows=[{"nothing": 1}])])
    with pytest.raises(ValidationError):
        await served.commit(bad)
    assert (await served.commit(add_one("1"))).status == "done"


async def test_without_receipts_none_are_left(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "file.db", [NOTES])
    await put(engine, COUNTER)
    await engine.commit(add_one("1"))
    await engine.commit(add_one("1"))
    assert await counted(engine) == 2
    assert await get(engine, "1", table="mastra_receipts") == [None]
    await engine.aclose()


async def test_old_receipts_are_swept(served: LocalEngine, tmp_path: Path) -> None:
    await put(served, COUNTER)
    for n in range(1200):
        await served.commit(add_one(f"old{n}"))
    hour = 3_600_001
    with sqlite3.connect(tmp_path / "file.db") as file:
        file.execute("UPDATE mastra_receipts SET _seq = _seq - ?", (2 * hour,))
    file.close()
    await served.commit(add_one("new"))
    assert await served.sweep() == (1000, False)
    assert (await served.sweep())[1]
    assert await served.sweep() == (0, True)
    assert await get(served, "old0", "old1199", table="mastra_receipts") == [None, None]
    await served.commit(add_one("new"))  # still known
    assert await counted(served) == 1201
