"""Scans of an index: bounds, prefixes, pages, totals, conditions, budgets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mastra_convex.engine.protocol import Bound, Delete, Engine, Scan
from mastra_convex.errors import SchemaMismatchError, ValidationError
from tests.effort import some_backends
from tests.engine.rows import (
    BIG,
    MESSAGES,
    THREADS,
    commit,
    everything,
    ids,
    message,
    put,
    scan,
    thread,
    when,
)


def by_time(**members: Any) -> Scan:
    return Scan(**{"table": MESSAGES, "index": "by_thread_created", "prefixes": [["t1"]], **members})


@pytest.fixture
async def ten(engine: Engine) -> Engine:
    """Ten messages of thread t1, put in another order than that of their times, and one of t2."""
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    rows = [message(f"m{n}", createdAt=f"2024-{n}", role="user" if n % 3 else "system") for n in order]
    await put(engine, MESSAGES, *rows, message("other", thread_id="t2"))
    return engine


async def test_rows_come_in_index_order(ten: Engine) -> None:
    result = await scan(ten, by_time())
    assert ids(result.rows) == [f"m{n}" for n in range(10)]
    assert (result.matched, result.skipped, result.done) == (10, 0, True)


async def test_descending_is_the_exact_reverse(ten: Engine) -> None:
    assert ids((await scan(ten, by_time(order="desc"))).rows) == [f"m{n}" for n in reversed(range(10))]


async def test_an_empty_prefix_scans_the_whole_index(ten: Engine) -> None:
    result = await scan(ten, by_time(prefixes=[[]]))
    assert ids(result.rows) == [*(f"m{n}" for n in range(10)), "other"]


async def test_no_prefix_at_all_matches_nothing(ten: Engine) -> None:
    result = await scan(ten, by_time(prefixes=[], total=True))
    assert (result.rows, result.matched, result.done) == ([], 0, True)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"limit": 3}, [0, 1, 2]),
        ({"limit": 3, "order": "desc"}, [9, 8, 7]),
        ({"limit": 3, "offset": 2}, [2, 3, 4]),
        ({"limit": 3, "offset": 9}, [9]),
        ({"limit": 3, "offset": 10}, []),
        ({"limit": 3, "offset": 50}, []),
        ({"offset": 7}, [7, 8, 9]),
        ({"lower": Bound(value="2024-3"), "upper": Bound(value="2024-5")}, [3, 4, 5]),
        ({"lower": Bound(value="2024-3", inclusive=False), "upper": Bound(value="2024-5", inclusive=False)}, [4]),
        ({"lower": Bound(value="2024-7")}, [7, 8, 9]),
        ({"upper": Bound(value="2024-1"), "order": "desc"}, [1, 0]),
        ({"lower": Bound(value="2024-5"), "upper": Bound(value="2024-3")}, []),
        ({"where": [when("role", "eq", "system")]}, [0, 3, 6, 9]),
        ({"where": [when("role", "eq", "system")], "offset": 1, "limit": 2}, [3, 6]),
        ({"where": [when("role", "eq", "system")], "order": "desc", "limit": 1}, [9]),
        ({"where": [when("role", "eq", "none")]}, []),
        ({"limit": 0}, []),
    ],
)
async def test_pages(ten: Engine, members: dict[str, Any], expected: list[int]) -> None:
    wanted = [f"m{n}" for n in expected]
    result = await scan(ten, by_time(**members))
    assert ids(result.rows) == wanted
    assert result.matched - result.skipped == len(expected)
    with_total = await scan(ten, by_time(**members, total=True))
    assert ids(with_total.rows) == wanted
    whole = await scan(ten, by_time(**{name: members[name] for name in members if name not in ("limit", "offset")}))
    assert with_total.matched == len(whole.rows)
    assert with_total.skipped == min(members.get("offset", 0), len(whole.rows))
    assert with_total.done


async def test_a_count_returns_no_rows(ten: Engine) -> None:
    result = await scan(ten, by_time(limit=0, total=True))
    assert (result.rows, result.matched, result.done) == ([], 10, True)
    result = await scan(ten, by_time(limit=0, total=True, where=[when("role", "eq", "system")]))
    assert (result.rows, result.matched, result.done) == ([], 4, True)


async def test_a_cursor_goes_on_after_the_last_row(ten: Engine) -> None:
    first = await scan(ten, by_time(limit=4))
    second = await scan(ten, by_time(limit=4, cursor=first.cursor))
    third = await scan(ten, by_time(limit=4, cursor=second.cursor))
    assert [ids(page.rows) for page in (first, second, third)] == [
        ["m0", "m1", "m2", "m3"],
        ["m4", "m5", "m6", "m7"],
        ["m8", "m9"],
    ]
    assert third.done


async def test_a_cursor_with_conditions_and_bounds(ten: Engine) -> None:
    where = [when("role", "eq", "user")]
    first = await scan(ten, by_time(limit=3, order="desc", where=where, upper=Bound(value="2024-8")))
    assert ids(first.rows) == ["m8", "m7", "m5"]
    second = await scan(ten, by_time(cursor=first.cursor, order="desc", where=where, lower=Bound(value="2024-2")))
    assert ids(second.rows) == ["m4", "m2"]


async def test_a_cursor_counts_what_is_left(ten: Engine) -> None:
    first = await scan(ten, by_time(limit=4))
    rest = await scan(ten, by_time(limit=0, total=True, cursor=first.cursor))
    assert rest.matched == 6


async def test_several_prefixes_are_merged_by_the_rest_of_the_index(engine: Engine) -> None:
    times = {"a": [1, 4, 7], "b": [2, 4, 8], "c": [3, 5]}
    rows = [message(f"{name}{n}", thread_id=name, createdAt=str(n)) for name in times for n in times[name]]
    await put(engine, MESSAGES, *rows)
    merged = by_time(prefixes=[["b"], ["a"], ["none"]])
    result = await scan(engine, merged)
    assert ids(result.rows) == ["a1", "b2", "a4", "b4", "a7", "b8"]
    result = await scan(engine, replace(merged, order="desc", limit=2, offset=1, total=True))
    assert ids(result.rows) == ["a7", "b4"]
    assert (result.matched, result.skipped) == (6, 1)
    first = await scan(engine, replace(merged, limit=3))
    rest = await scan(engine, replace(merged, cursor=first.cursor))
    assert ids(first.rows) + ids(rest.rows) == ["a1", "b2", "a4", "b4", "a7", "b8"]
    some = replace(merged, where=[when("id", "ne", "a4")], lower=Bound(value="2"), upper=Bound(value="7"))
    assert ids((await scan(engine, some)).rows) == ["b2", "b4", "a7"]


async def test_a_prefix_given_twice_counts_once(ten: Engine) -> None:
    result = await scan(ten, by_time(prefixes=[["t1"], ["t2"], ["t1"]], total=True, limit=2))
    assert result.matched == 11
    assert len((await scan(ten, by_time(prefixes=[["t1"], ["t1"]]))).rows) == 10


async def test_whole_keys_as_prefixes(ten: Engine) -> None:
    result = await scan(ten, by_time(prefixes=[["t1", "2024-7"], ["t1", "2024-2"]]))
    assert ids(result.rows) == ["m2", "m7"]  # merged by creation time: nothing is left of the index


async def test_equal_keys_come_by_creation(engine: Engine) -> None:
    for n in (3, 1, 2):
        await put(engine, MESSAGES, message(f"m{n}"))
    assert ids((await scan(engine, by_time())).rows) == ["m3", "m1", "m2"]
    assert ids((await scan(engine, by_time(order="desc"))).rows) == ["m2", "m1", "m3"]


async def test_chosen_paths_instead_of_rows(ten: Engine) -> None:
    result = await scan(ten, by_time(limit=2, paths=[["id"], ["content"], ["resourceId"]]))
    assert result.rows == []
    assert result.values is not None
    assert [[value and json.loads(value) for value in row] for row in result.values] == [
        ["m0", "hi", None],
        ["m1", "hi", None],
    ]
    rest = await scan(ten, by_time(limit=1, paths=[["id"]], cursor=result.cursor))
    assert rest.values == [['"m2"']]


async def test_conditions_see_metadata(engine: Engine) -> None:
    rows = [thread(str(n), metadata={"n": n, "tags": ["even"] if n % 2 == 0 else []}) for n in range(6)]
    await put(engine, THREADS, *rows)
    where = [when("metadata.n", "gte", 2), when("metadata.tags", "eq", ["even"])]
    result = await scan(engine, Scan(table=THREADS, index="by_resource", prefixes=[["r1"]], where=where, total=True))
    assert ids(result.rows) == ["2", "4"]
    assert result.matched == 2


@pytest.fixture
async def big(engine: Engine) -> Engine:
    """Twelve rows that no budget takes at once."""
    for start in (0, 6):
        rows = [message(f"m{n:02}", createdAt=f"{n:02}", content="x" * BIG) for n in range(start, start + 6)]
        await put(engine, MESSAGES, *rows)
    return engine


@some_backends("sqlite", "convex-test")
async def test_a_budget_cuts_a_scan_and_its_cursor_goes_on(big: Engine) -> None:
    every = [f"m{n:02}" for n in range(12)]
    first = await scan(big, by_time())
    assert not first.done
    assert 0 < len(first.rows) < 12
    assert ids(await everything(big, by_time())) == every
    assert ids(await everything(big, by_time(order="desc", offset=3))) == every[8::-1]
    assert ids(await everything(big, by_time(prefixes=[["t1"], ["t2"]], offset=1))) == every[1:]


@some_backends("sqlite", "convex-test")
async def test_rows_that_are_filtered_out_are_charged(big: Engine) -> None:
    op = by_time(where=[when("createdAt", "gte", "11")])
    first = await scan(big, op)
    assert (first.rows, first.done) == ([], False)
    assert ids(await everything(big, op)) == ["m11"]


@some_backends("sqlite", "convex-test")
async def test_a_total_is_exact_over_several_steps(big: Engine) -> None:
    for where in ([], [when("role", "eq", "user")]):
        op, matched, rows = by_time(limit=2, total=True, where=where), 0, 0
        while True:
            result = await scan(big, op)
            matched += result.matched
            rows += len(result.rows)
            if result.done:
                break
            op = replace(op, cursor=result.cursor or op.cursor, limit=2 - rows)
        assert (matched, rows) == (12, 2)


@some_backends("sqlite", "convex-test")
async def test_a_later_operation_finds_the_budget_used_up(big: Engine) -> None:
    first, second = await big.read([by_time(), by_time(where=[when("role", "eq", "user")])])
    assert not first.done
    assert (second.rows, second.matched, second.cursor, second.done) == ([], 0, None, False)


async def test_a_cursor_survives_the_rows_around_it(ten: Engine) -> None:
    first = await scan(ten, by_time(limit=4))
    await commit(ten, Delete(table=MESSAGES, keys=[["m3"], ["m5"], ["m0"]]))
    await put(ten, MESSAGES, message("before", createdAt="2024-2"), message("after", createdAt="2024-3"))
    rest = await scan(ten, by_time(cursor=first.cursor))
    assert ids(rest.rows) == ["after", "m4", "m6", "m7", "m8", "m9"]


@pytest.mark.parametrize(
    "members",
    [
        {"prefixes": [["t1"], ["t1", "2024"]]},
        {"prefixes": [["t1", "2024", "more"]]},
        {"prefixes": [["t1", "2024"]], "lower": Bound(value="2024")},
        {"cursor": "no cursor"},
        {"limit": -1},
        {"offset": -1},
        {"where": [when("nothing", "eq", 1)]},
        {"paths": [["nothing"]]},
    ],
)
async def test_wrong_arguments_are_refused(ten: Engine, members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await scan(ten, by_time(**members))


async def test_the_cursor_of_another_index_is_refused(ten: Engine) -> None:
    result = await scan(ten, by_time(limit=1))
    with pytest.raises(ValidationError):
        await scan(ten, by_time(prefixes=[[]], cursor=result.cursor))


async def test_an_unknown_index_or_table_is_named(engine: Engine) -> None:
    with pytest.raises(SchemaMismatchError) as caught:
        await scan(engine, by_time(index="by_nothing"))
    assert caught.value.code == "UnknownIndex"
    with pytest.raises(SchemaMismatchError) as caught:
        await scan(engine, by_time(table="mastra_nothing"))
    assert caught.value.code == "UnknownTable"
