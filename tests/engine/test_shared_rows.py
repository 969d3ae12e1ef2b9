"""Guards, operations and returned rows of one commit that name the same row: each sees the writes before it."""

from __future__ import annotations

import json
from typing import Any

from mastra_convex.engine.protocol import (
    Delete,
    DeleteRange,
    Engine,
    Get,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Patch,
    PatchRange,
    Put,
    Scan,
)
from mastra_convex.rows.changes import Change, Edit
from tests.engine.rows import MESSAGES, THREADS, commit, get, message, put, scan, thread, when

EXISTS = KeyGuard(guard="exists", table=THREADS, key=["a"])
NUMBER = Get(table=THREADS, keys=[["a"]], paths=[["metadata", "n"]])


def add(amount: int) -> Edit:
    return Edit(path=["metadata", "n"], reducer="add", value=json.dumps(amount))


def adding(amount: int) -> Patch:
    return Patch(table=THREADS, keys=[["a"]], change=Change(edits=[add(amount)]))


def all_rows(**members: Any) -> IndexRange:
    return IndexRange(table=THREADS, index="by_record_id", prefix=["a"], **members)


async def test_a_guarded_row_is_patched_put_and_patched_again(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    holds = HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.n", "eq", 1)])
    fresh = Put(table=THREADS, rows=[thread("a", metadata={"n": 10})])
    result = await commit(engine, adding(1), adding(1), fresh, adding(1), guards=[EXISTS, holds], returning=[NUMBER])
    assert [list(texts or ()) for texts in result.returned[0].values or ()] == [["11"]]


async def test_a_guarded_row_is_deleted_and_put_again(engine: Engine) -> None:
    for delete in (Delete(table=THREADS, keys=[["a"]]), DeleteRange(range=all_rows())):
        await put(engine, THREADS, thread("a", title="old", metadata={"n": 1}))
        fresh = Put(table=THREADS, rows=[thread("a", metadata={"n": 5})])
        result = await commit(engine, adding(1), delete, adding(1), fresh, adding(1), guards=[EXISTS])
        assert [(each.changed, list(each.missing)) for each in result.outcomes] == [
            (1, []),
            (1, []),
            (0, [0]),
            (1, [0]),
            (1, []),
        ]
        assert await get(engine, THREADS, "a") == [thread("a", metadata={"n": 6})]


async def test_a_patched_range_is_seen_under_the_keys_of_its_rows(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    holds = HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.n", "eq", 1)])
    ranged = PatchRange(range=all_rows(where=[when("metadata.n", "eq", 2)]), change=Change(edits=[add(10)]))
    result = await commit(engine, adding(1), ranged, adding(1), guards=[holds], returning=[NUMBER])
    assert [list(texts or ()) for texts in result.returned[0].values or ()] == [["13"]]


async def test_a_row_that_gets_another_key_is_found_under_that_only(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", title="old"))
    missing = KeyGuard(guard="missing", table=THREADS, key=["b"])
    move = Patch(table=THREADS, keys=[["a"]], change=Change(set={"id": "b"}))
    fresh = Put(table=THREADS, rows=[thread("a", title="new"), thread("b", title="moved")])
    result = await commit(engine, move, fresh, guards=[EXISTS, missing])
    assert list(result.outcomes[1].missing) == [0]
    rows = (await scan(engine, Scan(table=THREADS, index="by_record_id"))).rows
    assert [(row["id"], row["title"]) for row in rows] == [("a", "new"), ("b", "moved")]


async def test_json_text_is_edited_put_and_edited_again(engine: Engine) -> None:
    await put(engine, MESSAGES, message("m", content='{"n":1}'))
    edited = Patch(
        table=MESSAGES,
        keys=[["m"]],
        change=Change(edits=[Edit(path=["content", "n"], reducer="add", value="1")]),
    )
    fresh = Put(table=MESSAGES, rows=[message("m", content='{"n": 10}')])
    holds = HoldsGuard(table=MESSAGES, key=["m"], where=[when("content.n", "eq", 1)])
    returning = [Get(table=MESSAGES, keys=[["m"]], paths=[["content"], ["content", "n"]])]
    result = await commit(engine, edited, guards=[holds], returning=returning)
    assert [list(texts or ()) for texts in result.returned[0].values or ()] == [['{"n":2}', "2"]]
    result = await commit(engine, edited, fresh, edited, returning=returning)
    assert [list(texts or ()) for texts in result.returned[0].values or ()] == [['{"n":11}', "11"]]
