"""Guards, operations and returned rows that name one row see it as the operations before them left it."""

from __future__ import annotations

import json
from typing import Any

from mastra_convex.engine.protocol import (
    Delete,
    DeleteRange,
    Engine,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Patch,
    PatchRange,
    Put,
    WriteOp,
)
from mastra_convex.rows.changes import Change, Edit
from tests.engine.rows import MESSAGES, THREADS, columns, commit, message, put, thread, when

EXISTS = KeyGuard(guard="exists", table=THREADS, key=["a"])
HOLDS = HoldsGuard(table=THREADS, key=["a"], where=[when("metadata.n", "eq", 1)])
OF_R1 = IndexRange(table=THREADS, index="by_resource", prefix=["r1"])
ADD = Change(edits=[Edit(path=["metadata", "n"], reducer="add", value="1")])


def patch(change: Change, *ids: str) -> Patch:
    return Patch(table=THREADS, keys=[[id] for id in ids], change=change)


async def returned(engine: Engine, *ops: WriteOp, guards: list[Guard] | None = None, id: str = "a") -> Any:
    """The row and its `metadata.n`, as a commit returns them."""
    gets = [Get(table=THREADS, keys=[[id]]), Get(table=THREADS, keys=[[id]], paths=[["metadata", "n"]])]
    result = await commit(engine, *ops, guards=guards or [EXISTS, HOLDS], returning=gets)
    assert result.status == "done"
    (row,), (texts,) = result.returned[0].rows, result.returned[1].values or ()
    n = None if texts is None or texts[0] is None else json.loads(texts[0])
    assert n == (None if row is None else row.get("metadata", {}).get("n"))
    stored = (await engine.read([gets[0]]))[0].rows[0]
    assert (row and columns(row)) == (stored and columns(stored))
    return n if row is not None else "no row"


async def test_a_row_that_is_patched_several_times(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    whole = patch(Change(set={"metadata": {"n": 5}}), "a")
    assert await returned(engine, patch(ADD, "a", "a"), patch(ADD, "a")) == 3
    assert await returned(engine, whole, patch(ADD, "a"), guards=[EXISTS]) == 6
    assert await returned(engine, patch(ADD, "a"), patch(Change(unset=["metadata"]), "a"), guards=[EXISTS]) is None


async def test_a_row_that_is_replaced(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    replaced = Put(table=THREADS, rows=[thread("a", metadata={"n": 7})])
    assert await returned(engine, patch(ADD, "a"), replaced, patch(ADD, "a")) == 8


async def test_a_row_that_was_missing(engine: Engine) -> None:
    missing = KeyGuard(guard="missing", table=THREADS, key=["a"])
    new = Put(table=THREADS, rows=[thread("a", metadata={"n": 1})])
    assert await returned(engine, patch(ADD, "a"), new, patch(ADD, "a"), guards=[missing]) == 2


async def test_a_row_that_is_deleted(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    delete = Delete(table=THREADS, keys=[["a"]])
    new = Put(table=THREADS, rows=[thread("a", metadata={"n": 3})])
    assert await returned(engine, delete, new, patch(ADD, "a")) == 4
    assert await returned(engine, patch(ADD, "a"), delete, patch(ADD, "a"), guards=[EXISTS]) == "no row"


async def test_a_row_in_a_range(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}), thread("b", metadata={"n": 1}))
    assert await returned(engine, PatchRange(range=OF_R1, change=ADD), patch(ADD, "a")) == 3
    assert await returned(engine, PatchRange(range=OF_R1, change=ADD), guards=[EXISTS], id="b") == 3
    assert await returned(engine, DeleteRange(range=OF_R1), patch(ADD, "a"), guards=[EXISTS]) == "no row"


async def test_a_row_whose_key_changes(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    renamed = patch(Change(set={"id": "b"}), "a")
    missing = KeyGuard(guard="missing", table=THREADS, key=["b"])
    assert await returned(engine, renamed, patch(ADD, "a", "b"), guards=[EXISTS, missing], id="b") == 2
    holds = HoldsGuard(table=THREADS, key=["b"], where=[when("metadata.n", "eq", 2)])
    back = PatchRange(range=OF_R1, change=Change(set={"id": "a"}))
    assert await returned(engine, patch(ADD, "b"), back, patch(ADD, "a", "b"), guards=[holds]) == 4


async def test_a_json_text_is_returned_as_it_was_written(engine: Engine) -> None:
    await put(engine, MESSAGES, message("m", content='{"a": 1.0, "b": {"c": "d"}}'))
    paths = [["content"], ["content", "b", "c"], ["role"]]
    edits = [
        Edit(path=["content", "a"], reducer="add", value="1"),
        Edit(path=["content", "e"], reducer="set", value="2"),
    ]
    change = Change(set={"role": "tool"}, edits=edits)
    get = Get(table=MESSAGES, keys=[["m"]], paths=paths)
    for ops, content in (((), {"a": 1, "b": {"c": "d"}}), ((change,), {"a": 2, "b": {"c": "d"}, "e": 2})):
        patches = [Patch(table=MESSAGES, keys=[["m"]], change=op) for op in ops]
        guard = HoldsGuard(table=MESSAGES, key=["m"], where=[when("content.b.c", "eq", "d")])
        result = await commit(engine, *patches, guards=[guard], returning=[get, get])
        for answer in result.returned:
            (texts,) = answer.values or ()
            assert [json.loads(text or "") for text in texts or ()] == [content, "d", "tool" if ops else "user"]
