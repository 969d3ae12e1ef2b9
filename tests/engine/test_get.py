"""Looking rows up by key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mastra_convex.engine.protocol import Engine, Get, GetResult, Patch
from mastra_convex.errors import SchemaMismatchError, ValidationError
from mastra_convex.rows.changes import Change
from tests.engine.rows import BIG, MESSAGES, THREADS, columns, commit, get, message, put, thread


async def read(engine: Engine, **members: Any) -> GetResult:
    return (await engine.read([Get(**members)]))[0]


async def test_rows_come_in_the_order_of_the_keys(engine: Engine) -> None:
    a, b = thread("a", title="A"), thread("b", title="B")
    await put(engine, THREADS, a, b)
    assert await get(engine, THREADS, "b", "none", "a", "b") == [b, None, a, b]


async def test_no_keys_no_rows(engine: Engine) -> None:
    assert await get(engine, THREADS) == []


async def test_many_keys(engine: Engine) -> None:
    rows = [thread(f"{n:03}", title=str(n)) for n in range(300)]
    await put(engine, THREADS, *rows)
    wanted = [f"{n:03}" for n in range(310)]
    assert await get(engine, THREADS, *wanted) == [*rows, *[None] * 10]


async def test_columns_come_back_as_they_were_put(engine: Engine) -> None:
    metadata = {"": 0, "a b": [1, 2.5, None, True, {"x": {}}], "nested": {"deep": ["é", "\U0001f600", "\u0000"]}}
    row = thread("a", title="\ufffd\U0001f600 é\n", metadata=metadata)
    await put(engine, THREADS, row)
    assert await get(engine, THREADS, "a") == [row]


async def test_a_missing_column_is_not_null(engine: Engine) -> None:
    await put(engine, THREADS, thread("missing"), thread("null", metadata=None))
    assert await get(engine, THREADS, "missing", "null") == [thread("missing"), thread("null", metadata=None)]


async def test_creation_times_grow_and_stay(engine: Engine) -> None:
    await put(engine, THREADS, thread("b"))
    await put(engine, THREADS, thread("a"), thread("c"))
    keys = [["b"], ["a"], ["c"]]
    times = [row["_creationTime"] for row in (await read(engine, table=THREADS, keys=keys)).rows if row is not None]
    assert times == sorted(set(times))
    await put(engine, THREADS, thread("b", title="again"))
    again = (await read(engine, table=THREADS, keys=keys)).rows
    assert [row and row["_creationTime"] for row in again] == times


async def test_reads_have_no_other_system_columns(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"))
    (row,) = (await read(engine, table=THREADS, keys=[["a"]])).rows
    assert row is not None
    assert {name for name in row if name.startswith("_")} == {"_creationTime"}


async def test_chosen_paths_come_as_json_text(engine: Engine) -> None:
    metadata = {"a": {"b": [1, 2]}, "__mastra_json": json.dumps({"$c": "x", "标": {"__proto__": 1}})}
    await put(engine, THREADS, thread("a", title="T", metadata=metadata))
    paths = [["title"], ["metadata", "a", "b", "1"], ["metadata", "$c"], ["metadata", "none"], ["metadata"]]
    result = await read(engine, table=THREADS, keys=[["a"], ["none"]], paths=paths)
    assert result.rows == []
    assert result.values is not None
    values, nothing = result.values
    assert nothing is None
    assert [value and json.loads(value) for value in values or ()] == [
        "T",
        2,
        "x",
        None,
        {"a": {"b": [1, 2]}, "$c": "x", "标": {"__proto__": 1}},
    ]


async def test_chosen_paths_go_through_json_text(engine: Engine) -> None:
    await put(engine, MESSAGES, message("m", content='{"format":2,"parts":[{"text":"hi"}]}'))
    paths = [["content", "parts", "0", "text"], ["content"], ["resourceId"]]
    result = await read(engine, table=MESSAGES, keys=[["m"]], paths=paths)
    assert result.values is not None
    texts = [value and json.loads(value) for value in result.values[0] or ()]
    assert texts == ["hi", {"format": 2, "parts": [{"text": "hi"}]}, None]


async def test_null_at_a_path_is_text_and_missing_is_not(engine: Engine) -> None:
    await put(engine, THREADS, thread("a", metadata={"n": None}))
    result = await read(engine, table=THREADS, keys=[["a"]], paths=[["metadata", "n"], ["metadata", "m"]])
    assert result.values == [["null", None]]


async def test_a_fingerprint_changes_with_its_row(engine: Engine) -> None:
    await put(engine, THREADS, thread("a"), thread("b"))

    async def fingerprints() -> list[str | None]:
        result = await read(engine, table=THREADS, keys=[["a"], ["b"], ["none"]], fingerprints=True)
        return list(result.fingerprints or ())

    first = await fingerprints()
    assert first[2] is None
    assert first[0] != first[1]
    assert await fingerprints() == first
    await commit(engine, Patch(table=THREADS, keys=[["a"]], change=Change(set={"title": "other"})))
    second = await fingerprints()
    assert second[0] != first[0]
    assert second[1] == first[1]


async def test_a_budget_leaves_keys_to_the_next_call(engine: Engine) -> None:
    for start in (0, 6):
        await put(engine, MESSAGES, *(message(f"{n:02}", content="x" * BIG) for n in range(start, start + 6)))
    keys = [[f"{n:02}"] for n in range(12)]
    found: list[str] = []
    steps = 0
    while keys:
        result = await read(engine, table=MESSAGES, keys=keys)
        found += [columns(row)["id"] for row in result.rows if row is not None]
        assert result.rows
        steps += 1
        keys = [] if result.next is None else keys[result.next :]
        assert result.next is None or result.next == len(result.rows)
    assert found == [f"{n:02}" for n in range(12)]
    assert steps > 1


async def test_operations_of_one_call_share_the_budget(engine: Engine) -> None:
    for start in (0, 6):
        await put(engine, MESSAGES, *(message(f"{n:02}", content="x" * BIG) for n in range(start, start + 6)))
    keys = [[f"{n:02}"] for n in range(12)]
    first, second = await engine.read([Get(table=MESSAGES, keys=keys), Get(table=MESSAGES, keys=keys)])
    assert first.next is not None
    assert second.next == 0
    assert second.rows == []


async def test_wrong_arguments_are_refused(engine: Engine) -> None:
    with pytest.raises(ValidationError):
        await read(engine, table=THREADS, keys=[["a", "b"]])
    with pytest.raises(ValidationError):
        await read(engine, table=THREADS, keys=[["a"]], paths=[["nothing"]])
    with pytest.raises(ValidationError):
        await read(engine, table=THREADS, keys=[["a"]], paths=[[]])
    with pytest.raises(SchemaMismatchError) as caught:
        await read(engine, table="mastra_nothing", keys=[["a"]])
    assert caught.value.code == "UnknownTable"
