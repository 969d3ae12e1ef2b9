"""Guards: checked before the first write, answered as a conflict."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mastra_convex.engine.protocol import (
    Bound,
    EmptyGuard,
    Engine,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Patch,
    Put,
    UnchangedGuard,
)
from mastra_convex.errors import SchemaMismatchError, ValidationError
from mastra_convex.rows.changes import Change, Edit
from tests.engine.rows import MESSAGES, THREADS, commit, get, message, one, put, thread, when


def in_thread(id: str) -> IndexRange:
    return IndexRange(table=MESSAGES, index="by_thread_created", prefix=[id])


GUARDS: list[tuple[str, Guard, bool]] = [
    ("exists, and does", KeyGuard(guard="exists", table=THREADS, key=["a"]), True),
    ("exists, but does not", KeyGuard(guard="exists", table=THREADS, key=["b"]), False),
    ("missing, and is", KeyGuard(guard="missing", table=THREADS, key=["b"]), True),
    ("missing, but is not", KeyGuard(guard="missing", table=THREADS, key=["a"]), False),
    ("empty, and is", EmptyGuard(range=in_thread("t2")), True),
    ("empty, but is not", EmptyGuard(range=in_thread("t1")), False),
    ("empty above a bound", EmptyGuard(range=replace(in_thread("t1"), lower=Bound(value="3"))), True),
    (
        "not empty above a bound",
        EmptyGuard(range=replace(in_thread("t1"), lower=Bound(value="1"))),
        False,
    ),
    (
        "empty of what holds",
        EmptyGuard(range=replace(in_thread("t1"), where=[when("role", "eq", "x")])),
        True,
    ),
    (
        "not empty of it",
        EmptyGuard(range=replace(in_thread("t1"), where=[when("role", "eq", "user")])),
        False,
    ),
    ("holds", HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.status", "in", ["x", "y"])]), True),
    ("does not hold", HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.status", "eq", "z")]), False),
    ("holds nothing of a missing row", HoldsGuard(table=THREADS, key=["b"], where=[]), False),
    ("holds without conditions", HoldsGuard(table=THREADS, key=["a"], where=[]), True),
    ("unchanged of a missing row", UnchangedGuard(table=THREADS, key=["b"], fingerprint="x"), False),
    ("unchanged with another fingerprint", UnchangedGuard(table=THREADS, key=["a"], fingerprint="x"), False),
]


@pytest.mark.parametrize(("guard", "passes"), [case[1:] for case in GUARDS], ids=[case[0] for case in GUARDS])
async def test_a_guard(engine: Engine, guard: Guard, passes: bool) -> None:
    await put(engine, THREADS, thread("a", metadata={"status": "x"}))
    await put(engine, MESSAGES, message("m1", createdAt="1"), message("m2", createdAt="2"))
    result = await commit(engine, Put(table=THREADS, rows=[thread("new")]), guards=[guard])
    assert (result.status, result.guard) == (("done", None) if passes else ("conflict", 0))
    assert await get(engine, THREADS, "new") == [thread("new") if passes else None]


async def test_the_first_guard_that_fails_is_named(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"))
    exists, missing = (KeyGuard(guard=kind, table=THREADS, key=["a"]) for kind in ("exists", "missing"))
    result = await commit(engine, guards=[exists, missing, exists, missing])
    assert (result.status, result.guard) == ("conflict", 1)


async def test_guards_do_not_see_the_writes_of_their_commit(engine: Engine) -> None:
    missing = KeyGuard(guard="missing", table=THREADS, key=["a"])
    result = await commit(engine, Put(table=THREADS, rows=[thread("a")]), guards=[missing, missing])
    assert result.status == "done"


async def test_a_conflict_returns_no_rows(engine: Engine) -> None:
    result = await commit(
        engine,
        guards=[KeyGuard(guard="exists", table=THREADS, key=["a"])],
        returning=[Get(table=THREADS, keys=[["a"]])],
    )
    assert (result.status, list(result.returned)) == ("conflict", [])


async def fingerprint(engine: Engine, id: str) -> str:
    (result,) = await engine.read([Get(table=THREADS, keys=[[id]], fingerprints=True)])
    (text,) = result.fingerprints or ()
    assert text is not None
    return text


async def test_unchanged_fails_once_the_row_changed(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"))
    guard = UnchangedGuard(table=THREADS, key=["a"], fingerprint=await fingerprint(engine, "a"))
    change = Patch(table=THREADS, keys=[["a"]], change=Change(set={"title": "mine"}))
    assert (await commit(engine, change, guards=[guard])).status == "done"
    assert (await commit(engine, change, guards=[guard])).status == "conflict"
    fresh = UnchangedGuard(table=THREADS, key=["a"], fingerprint=await fingerprint(engine, "a"))
    assert (await commit(engine, change, guards=[fresh])).status == "done"


async def test_one_of_many_claims_wins(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"status": "suspended"}))
    claim = HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.status", "eq", "suspended")])
    change = Change(edits=[Edit(path=["metadata", "status"], reducer="set", value='"running"')])
    take = Patch(table=THREADS, keys=[["a"]], change=change)
    results = await asyncio.gather(*(commit(engine, take, guards=[claim]) for _ in range(10)))
    assert sorted(result.status for result in results) == ["conflict"] * 9 + ["done"]


async def test_no_update_of_many_writers_is_lost(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 0}))
    change = Change(edits=[Edit(path=["metadata", "n"], reducer="add", value="1")])
    await asyncio.gather(*(commit(engine, Patch(table=THREADS, keys=[["a"]], change=change)) for _ in range(20)))
    assert (await one(engine, THREADS, "a"))["metadata"] == {"n": 20}


async def test_wrong_guards_are_refused(engine: Engine) -> None:
    with pytest.raises(ValidationError):
        await commit(engine, guards=[KeyGuard(guard="exists", table=THREADS, key=["a", "b"])])
    with pytest.raises(ValidationError):
        await commit(engine, guards=[HoldsGuard(table=THREADS, key=["a"], where=[when("nothing", "eq", 1)])])
    with pytest.raises(SchemaMismatchError):
        await commit(engine, guards=[EmptyGuard(range=IndexRange(table=THREADS, index="by_nothing"))])
