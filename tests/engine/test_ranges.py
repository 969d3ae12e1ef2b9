"""Deletes and patches of index ranges: at once or in resumed steps."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from mastra_convex.engine.protocol import (
    Bound,
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    Engine,
    Get,
    IndexRange,
    KeyGuard,
    PatchRange,
    Put,
    Scan,
    WriteOp,
)
from mastra_convex.errors import SchemaMismatchError, TooLargeError, ValidationError
from mastra_convex.rows.changes import Change, Edit
from tests.engine.rows import BIG, MESSAGES, THREADS, commit, everything, get, ids, message, put, scan, thread, when


def in_thread(**members: Any) -> IndexRange:
    return IndexRange(**{"table": MESSAGES, "index": "by_thread_created", "prefix": ["t1"], **members})


def add(amount: int) -> Change:
    return Change(edits=[Edit(path=["content", "n"], reducer="add", value=str(amount))])


async def left(engine: Engine) -> list[str]:
    return ids(await everything(engine, Scan(table=MESSAGES, index="by_record_id")))


async def resumed(engine: Engine, *ops: WriteOp, **members: Any) -> list[CommitResult]:
    """The answers of all steps of a resumable commit."""
    step = Commit(id=uuid.uuid4().hex, mode="resumable", ops=ops, **members)
    results = [await engine.commit(step)]
    while results[-1].status == "more":
        assert results[-1].resume is not None
        step = replace(step, id=uuid.uuid4().hex, resume=results[-1].resume)
        results.append(await engine.commit(step))
    return results


@pytest.fixture
async def five(engine: Engine) -> Engine:
    rows = [message(f"m{n}", createdAt=str(n), content='{"n":0}') for n in range(5)]
    await put(engine, MESSAGES, *rows, message("other", thread_id="t2", content='{"n":0}'))
    return engine


@pytest.mark.parametrize(
    ("members", "gone"),
    [
        ({}, "01234"),
        ({"prefix": ["none"]}, ""),
        ({"prefix": ["t1", "3"]}, "3"),
        ({"lower": Bound(value="2")}, "234"),
        ({"lower": Bound(value="1", inclusive=False), "upper": Bound(value="3", inclusive=False)}, "2"),
        ({"upper": Bound(value="1")}, "01"),
        ({"where": [when("createdAt", "in", ["0", "4"])]}, "04"),
    ],
)
@pytest.mark.parametrize("mode", ["whole", "resumable"])
async def test_a_range_is_deleted(five: Engine, members: dict[str, Any], gone: str, mode: str) -> None:
    result = await commit(five, DeleteRange(range=in_thread(**members)), mode=mode)
    assert (result.status, result.outcomes[0].changed) == ("done", len(gone))
    assert await left(five) == [*(f"m{n}" for n in "01234" if n not in gone), "other"]


async def test_a_whole_table_is_deleted(five: Engine) -> None:
    await commit(five, DeleteRange(range=IndexRange(table=MESSAGES, index="by_record_id")))
    assert await left(five) == []


async def test_a_range_is_patched(five: Engine) -> None:
    result = await commit(five, PatchRange(range=in_thread(lower=Bound(value="3")), change=add(2)))
    assert result.outcomes[0].changed == 2
    rows = await get(five, MESSAGES, "m2", "m3", "m4", "other")
    assert [row and row["content"] for row in rows] == ['{"n":0}', '{"n":2}', '{"n":2}', '{"n":0}']


async def test_a_patch_that_moves_rows_meets_each_once(five: Engine) -> None:
    change = Change(set={"createdAt": "9"}, edits=add(1).edits)
    result = await commit(five, PatchRange(range=in_thread(), change=change))
    assert result.outcomes[0].changed == 5
    rows = await get(five, MESSAGES, *(f"m{n}" for n in range(5)))
    assert [row and row["content"] for row in rows] == ['{"n":1}'] * 5


async def test_operations_see_those_before_them(five: Engine) -> None:
    result = await commit(
        five,
        Put(table=MESSAGES, rows=[message("new", createdAt="7")]),
        PatchRange(range=in_thread(lower=Bound(value="4")), change=Change(set={"createdAt": "8"})),
        DeleteRange(range=in_thread(lower=Bound(value="8"))),
        Put(table=MESSAGES, rows=[message("last", createdAt="9")]),
    )
    assert [outcome.changed for outcome in result.outcomes] == [1, 2, 2, 1]
    assert await left(five) == ["last", "m0", "m1", "m2", "m3", "other"]


@pytest.fixture
async def big(engine: Engine) -> Engine:
    """Ten rows that no step takes at once."""
    for start in (0, 5):
        content = f'{{"n":0,"x":"{"x" * BIG}"}}'
        rows = [message(f"m{n}", createdAt=str(n), content=content) for n in range(start, start + 5)]
        await put(engine, MESSAGES, *rows)
    return engine


async def test_a_whole_commit_that_does_not_fit_writes_nothing(big: Engine) -> None:
    with pytest.raises(TooLargeError):
        await commit(big, Put(table=THREADS, rows=[thread("a")]), DeleteRange(range=in_thread()))
    assert await get(big, THREADS, "a") == [None]
    assert len(await left(big)) == 10


async def test_a_whole_commit_may_look_through_more_than_it_changes(big: Engine) -> None:
    """Nine million bytes of rows are consumed; only those that change are read again."""
    some = in_thread(where=[when("id", "in", ["m2", "m7"])])
    await commit(big, PatchRange(range=some, change=Change(set={"type": "v3"})), Put(table=THREADS, rows=[thread("a")]))
    result = await commit(big, DeleteRange(range=some))
    assert [outcome.changed for outcome in result.outcomes] == [2]
    assert await left(big) == [f"m{n}" for n in (0, 1, 3, 4, 5, 6, 8, 9)]


async def test_what_follows_a_range_happens_with_the_last_of_its_rows(big: Engine) -> None:
    await put(big, THREADS, thread("t1"))
    step = Commit(
        id="1",
        mode="resumable",
        guards=[KeyGuard(guard="exists", table=THREADS, key=["t1"])],
        ops=[
            Put(table=THREADS, rows=[thread("before")]),
            DeleteRange(range=in_thread()),
            Delete(table=THREADS, keys=[["t1"], ["before"]]),
        ],
    )
    first = await big.commit(step)
    assert first.status == "more"
    assert [outcome.changed > 0 for outcome in first.outcomes] == [True, True, False]
    assert await get(big, THREADS, "t1", "before") == [thread("t1"), thread("before")]
    assert len(await left(big)) == 10 - first.outcomes[1].changed
    last = await big.commit(replace(step, id="2", resume=first.resume))
    assert last.status == "done"
    assert [outcome.changed for outcome in last.outcomes] == [0, 10 - first.outcomes[1].changed, 2]
    assert await get(big, THREADS, "t1", "before") == [None, None]
    assert await left(big) == []


async def test_guards_are_not_checked_again(big: Engine) -> None:
    guard = KeyGuard(guard="exists", table=MESSAGES, key=["m0"])
    results = await resumed(big, DeleteRange(range=in_thread()), guards=[guard])
    assert [result.status for result in results] == ["more", "done"]


async def test_rows_that_stay_are_not_looked_at_again(big: Engine) -> None:
    op = DeleteRange(range=in_thread(where=[when("createdAt", "in", ["0", "9"])]))
    results = await resumed(big, op)
    assert [result.status for result in results] == ["more", "done"]
    assert sum(result.outcomes[0].changed for result in results) == 2
    assert await left(big) == [f"m{n}" for n in range(1, 9)]


async def test_a_resumed_patch_meets_each_row_once(big: Engine) -> None:
    results = await resumed(big, PatchRange(range=in_thread(), change=add(1)))
    assert sum(result.outcomes[0].changed for result in results) == 10
    again = Scan(table=MESSAGES, index="by_record_id", paths=[["content", "n"]])
    values: list[Any] = []
    while True:
        result = await scan(big, again)
        values += [row[0] for row in result.values or ()]
        if result.done:
            break
        again = replace(again, cursor=result.cursor)
    assert [float(value) for value in values] == [1.0] * 10


async def test_a_step_takes_two_thousand_rows(engine: Engine) -> None:
    for start in (0, 1005):
        rows = [message(f"m{n:04}", createdAt=f"{n:04}") for n in range(start, start + 1005)]
        await put(engine, MESSAGES, *rows)
    results = await resumed(engine, DeleteRange(range=in_thread()), returning=[Get(table=MESSAGES, keys=[["m2009"]])])
    assert [result.status for result in results] == ["more", "done"]
    assert [result.outcomes[0].changed for result in results] == [2000, 10]
    assert [result.returned[0].rows[0] is None for result in results] == [False, True]


async def test_a_malformed_resume_is_refused(five: Engine) -> None:
    for resume in ("", "x", "[]", "[7,null]", "9"):
        with pytest.raises(ValidationError):
            await commit(five, DeleteRange(range=in_thread()), mode="resumable", resume=resume)
    assert len(await left(five)) == 6


async def test_wrong_ranges_are_refused(five: Engine) -> None:
    with pytest.raises(ValidationError):
        await commit(five, DeleteRange(range=in_thread(prefix=["t1", "1", "more"])))
    with pytest.raises(ValidationError):
        await commit(five, PatchRange(range=in_thread(prefix=["none"]), change=Change(set={"nothing": 1})))
    with pytest.raises(SchemaMismatchError):
        await commit(five, DeleteRange(range=in_thread(index="by_nothing")))
