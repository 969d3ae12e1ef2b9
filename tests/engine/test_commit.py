"""Commits: upserts, patches, deletes, what they answer, and what is refused whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mastra_convex.engine.protocol import Delete, Engine, Get, Patch, Put, Scan, WriteOp
from mastra_convex.errors import (
    FunctionError,
    MastraConvexError,
    SchemaMismatchError,
    TooLargeError,
    ValidationError,
)
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.values import Row
from tests.effort import some_backends
from tests.engine.rows import (
    BIG,
    MESSAGES,
    RESOURCES,
    THREADS,
    columns,
    commit,
    get,
    ids,
    message,
    one,
    put,
    resource,
    scan,
    thread,
)


def patch(id: str, edits: list[tuple[str, Any, Any]] | None = None, **members: Any) -> Patch:
    applied = [Edit(path=path.split("."), reducer=name, value=json.dumps(v)) for path, name, v in edits or []]
    return Patch(table=THREADS, keys=[[id]], change=Change(edits=applied, **members))


async def test_a_put_inserts_and_replaces(engine: Engine) -> None:
    result = await commit(engine, Put(table=THREADS, rows=[thread("a", metadata={"x": 1}), thread("b")]))
    assert result.status == "done"
    assert (result.outcomes[0].changed, list(result.outcomes[0].missing)) == (2, [0, 1])
    result = await commit(engine, Put(table=THREADS, rows=[thread("c"), thread("a", title="new")]))
    assert (result.outcomes[0].changed, list(result.outcomes[0].missing)) == (2, [0])
    assert await get(engine, THREADS, "a", "b", "c") == [thread("a", title="new"), thread("b"), thread("c")]


async def test_a_put_keeps_named_columns_of_an_existing_row(engine: Engine) -> None:
    old = thread("a", createdAt="old", metadata={"x": 1})
    await put(engine, THREADS, old)
    rows = [thread("a", createdAt="new", title="new"), thread("b", createdAt="new")]
    await commit(engine, Put(table=THREADS, rows=rows, keep=["createdAt", "metadata"]))
    assert await get(engine, THREADS, "a", "b") == [
        thread("a", createdAt="old", title="new", metadata={"x": 1}),
        thread("b", createdAt="new"),
    ]


async def test_a_kept_column_that_is_not_there_is_set(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"))
    await commit(engine, Put(table=THREADS, rows=[thread("a", metadata={"x": 1})], keep=["metadata"]))
    assert await one(engine, THREADS, "a") == thread("a", metadata={"x": 1})


async def test_of_rows_with_one_key_the_last_wins(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", title="first"), thread("b"), thread("a", title="last"))
    assert (await one(engine, THREADS, "a"))["title"] == "last"
    assert len((await scan(engine, Scan(table=THREADS, index="by_record_id"))).rows) == 2


async def test_a_moved_row_is_found_under_its_new_values_only(engine: Engine) -> None:
    await put(engine, MESSAGES, message("m", thread_id="old", resourceId="r"))
    await put(engine, MESSAGES, message("m", thread_id="new"))
    for index, value, expected in (
        ("by_thread", "old", []),
        ("by_thread", "new", ["m"]),
        ("by_resource", "r", []),
    ):
        assert ids((await scan(engine, Scan(table=MESSAGES, index=index, prefixes=[[value]]))).rows) == expected


async def test_a_patch_sets_unsets_and_edits(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}), thread("b", metadata={"n": 5}))
    change = Change(set={"title": "new"}, edits=[Edit(path=["metadata", "n"], reducer="add", value="2")])
    result = await commit(engine, Patch(table=THREADS, keys=[["a"], ["none"], ["b"]], change=change))
    assert (result.outcomes[0].changed, list(result.outcomes[0].missing)) == (2, [1])
    assert await get(engine, THREADS, "a", "b") == [
        thread("a", title="new", metadata={"n": 3}),
        thread("b", title="new", metadata={"n": 7}),
    ]
    await commit(engine, patch("a", unset=["metadata"]))
    assert await one(engine, THREADS, "a") == thread("a", title="new")


async def test_edits_come_after_set_and_unset(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    await commit(engine, patch("a", [("metadata.n", "add", 1)], set={"metadata": {"n": 10}}))
    assert (await one(engine, THREADS, "a"))["metadata"] == {"n": 11}
    await commit(engine, patch("a", [("metadata.m", "set", 1)], unset=["metadata"]))
    assert (await one(engine, THREADS, "a"))["metadata"] == {"m": 1}


async def test_a_patch_that_changes_nothing_counts_its_row(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"))
    result = await commit(engine, patch("a", set={"title": ""}))
    assert (result.outcomes[0].changed, list(result.outcomes[0].missing)) == (1, [])


async def test_a_delete_tells_what_was_missing(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"), thread("b"), thread("c"))
    result = await commit(engine, Delete(table=THREADS, keys=[["none"], ["a"], ["c"]]))
    assert (result.outcomes[0].changed, list(result.outcomes[0].missing)) == (2, [0])
    assert await get(engine, THREADS, "a", "b", "c") == [None, thread("b"), None]


async def test_operations_see_those_before_them(engine: Engine) -> None:
    result = await commit(
        engine,
        Put(table=THREADS, rows=[thread("a", metadata={"n": 1}), thread("b")]),
        patch("a", [("metadata.n", "add", 1)]),
        patch("a", [("metadata.n", "add", 1)]),
        Delete(table=THREADS, keys=[["b"]]),
        patch("b", set={"title": "gone"}),
        Put(table=THREADS, rows=[thread("b", title="again")]),
        returning=[Get(table=THREADS, keys=[["a"], ["b"]])],
    )
    assert [outcome.changed for outcome in result.outcomes] == [2, 1, 1, 1, 0, 1]
    rows = [row and columns(row) for row in result.returned[0].rows]
    assert rows == [thread("a", metadata={"n": 3}), thread("b", title="again")]


async def test_a_commit_can_return_values_at_paths(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": 1}))
    returning = [Get(table=THREADS, keys=[["a"], ["none"]], paths=[["metadata", "n"]])]
    result = await commit(engine, patch("a", [("metadata.n", "max", 9)]), returning=returning)
    assert result.returned[0].values is not None
    (values, nothing) = result.returned[0].values
    assert (json.loads((values or [""])[0] or ""), nothing) == (9, None)


async def test_an_empty_commit_is_done(engine: Engine) -> None:
    result = await commit(engine)
    assert (result.status, list(result.outcomes), list(result.returned)) == ("done", [], [])


async def test_a_hundred_rows_in_one_commit(engine: Engine) -> None:
    rows = [message(f"m{n:03}", createdAt=f"{n:03}") for n in range(100)]
    result = await commit(engine, Put(table=MESSAGES, rows=rows), Put(table=THREADS, rows=[thread("t1")]))
    assert result.outcomes[0].changed == 100
    found = await scan(engine, Scan(table=MESSAGES, index="by_thread_created", prefixes=[["t1"]]))
    assert [columns(row) for row in found.rows] == rows


async def test_json_text_columns_keep_their_text(engine: Engine) -> None:
    text = '{"b":1.0,"a":  [1e3],"__proto__":{"$x":"\\u0041"}}'
    await put(engine, MESSAGES, message("m", content=text))
    assert (await one(engine, MESSAGES, "m"))["content"] == text


REFUSED: list[tuple[str, WriteOp, type[MastraConvexError]]] = [
    ("a column of the wrong type", Put(table=THREADS, rows=[thread("x", title=1)]), FunctionError),
    ("null in a column that does not take it", Put(table=THREADS, rows=[thread("x", title=None)]), FunctionError),
    ("a missing required column", Put(table=RESOURCES, rows=[{"id": "x", "createdAt": "1"}]), FunctionError),
    ("an unknown column", Put(table=THREADS, rows=[thread("x", nothing=1)]), ValidationError),
    ("an unknown kept column", Put(table=THREADS, rows=[thread("x")], keep=["nothing"]), ValidationError),
    ("a system column", Put(table=THREADS, rows=[thread("x", _creationTime=1)]), ValidationError),
    ("a patch with an unknown column", patch("a", set={"nothing": 1}), ValidationError),
    ("a patch that removes an unknown column", patch("a", unset=["nothing"]), ValidationError),
    ("a patch that removes a required column", patch("a", unset=["title"]), FunctionError),
    ("a patch of the wrong type", patch("a", set={"title": {}}), FunctionError),
    ("an edit that gives the wrong type", patch("a", [("title", "set", 1)]), FunctionError),
    ("an edit that does not fit", patch("a", [("title", "add", 1)]), ValidationError),
    ("a key of the wrong length", Delete(table=THREADS, keys=[["a", "b"]]), ValidationError),
    ("a document of more than 1 MiB", Put(table=THREADS, rows=[thread("x", title="x" * 1_048_600)]), TooLargeError),
    ("an unknown table", Put(table="mastra_nothing", rows=[thread("x")]), SchemaMismatchError),
]


@pytest.mark.parametrize(("op", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_what_is_refused_leaves_nothing_behind(
    engine: Engine, op: WriteOp, error: type[MastraConvexError]
) -> None:
    await put(engine, THREADS, thread("a"))
    with pytest.raises(error) as caught:
        await commit(engine, Put(table=THREADS, rows=[thread("a", title="changed"), thread("b")]), op)
    if isinstance(caught.value, FunctionError):
        assert caught.value.code == "Rejected"
    assert await get(engine, THREADS, "a", "b") == [thread("a"), None]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [{"$key": 1}, {"a": [{"标": 1}]}, {"k" * 1025: 1}, {"a\nb": 1}, list(range(8193)), nested(17)],
    ids=["dollar", "non-ASCII", "long key", "control character", "long array", "deep"],
)
async def test_what_convex_refuses_in_a_raw_column_is_refused(engine: Engine, metadata: Any) -> None:
    with pytest.raises(MastraConvexError):
        await put(engine, THREADS, thread("a", metadata=metadata))
    assert await get(engine, THREADS, "a") == [None]


@pytest.mark.parametrize(
    "metadata", [list(range(8192)), nested(15), {f"k{n}": n for n in range(1024)}, {"_a": {"": 1}}]
)
async def test_what_convex_just_takes_is_taken(engine: Engine, metadata: Any) -> None:
    await put(engine, THREADS, thread("a", metadata=metadata))
    assert (await one(engine, THREADS, "a"))["metadata"] == metadata


async def test_too_many_keys_are_refused(engine: Engine) -> None:
    rows: list[Row] = [resource(f"r{n:04}") for n in range(2001)]
    with pytest.raises(TooLargeError):
        await commit(engine, Put(table=RESOURCES, rows=rows))
    assert await get(engine, RESOURCES, "r0000") == [None]


@some_backends("sqlite", "convex-test")
@pytest.mark.parametrize("kind", ["put", "patch", "delete"])
async def test_a_commit_that_reads_more_than_a_transaction_may_is_refused_whole(engine: Engine, kind: str) -> None:
    """A row that is written by its key is read twice: to find it, and to change it."""
    names = [f"m{n:02}" for n in range(10)]
    for half in (names[:5], names[5:]):
        await put(engine, MESSAGES, *(message(name, content=json.dumps("x" * BIG)) for name in half))
    keys = [[name] for name in names]
    write: WriteOp = Delete(table=MESSAGES, keys=keys)
    if kind == "put":
        write = Put(table=MESSAGES, rows=[message(name) for name in names])
    elif kind == "patch":
        write = Patch(table=MESSAGES, keys=keys, change=Change(set={"role": "assistant"}))
    with pytest.raises(TooLargeError):
        await commit(engine, write)
    for name in (names[0], names[-1]):
        kept = await one(engine, MESSAGES, name)
        assert (kept["role"], len(kept["content"])) == ("user", BIG + 2)
