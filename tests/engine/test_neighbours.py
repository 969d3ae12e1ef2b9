"""A window around a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mastra_convex.engine.protocol import Engine, Neighbours, Scan
from mastra_convex.errors import SchemaMismatchError, ValidationError
from mastra_convex.rows.values import Row
from tests.engine.rows import BIG, MESSAGES, columns, ids, message, neighbours, put, scan, when


def around(id: str, before: int, after: int, **members: Any) -> Neighbours:
    wanted = {"table": MESSAGES, "index": "by_thread_created", "key": [id], "before": before, "after": after}
    return Neighbours(**{**wanted, **members})


@pytest.fixture
async def talks(engine: Engine) -> Engine:
    """Two threads of six messages each; m2, m3 and m4 of the first have one time."""
    times = {0: "0", 1: "1", 2: "2", 3: "2", 4: "2", 5: "5"}
    rows = [
        message(f"{name}{n}", thread_id=name, createdAt=time, role="user" if n % 2 else "system")
        for n, time in times.items()
        for name in ("m", "z")
    ]
    await put(engine, MESSAGES, *rows)
    return engine


async def window(engine: Engine, op: Neighbours) -> tuple[list[str], Row | None, list[str]]:
    result = await neighbours(engine, op)
    assert result.before.done
    assert result.after.done
    return ids(result.before.rows), result.target, ids(result.after.rows)


@pytest.mark.parametrize(
    ("id", "before", "after", "expected"),
    [
        ("m3", 2, 2, (["m1", "m2"], ["m4", "m5"])),
        ("m3", 1, 1, (["m2"], ["m4"])),
        ("m3", 0, 0, ([], [])),
        ("m3", 0, 1, ([], ["m4"])),
        ("m3", 9, 9, (["m0", "m1", "m2"], ["m4", "m5"])),
        ("m0", 2, 1, ([], ["m1"])),
        ("m5", 1, 2, (["m4"], [])),
    ],
)
async def test_rows_around_a_row(
    talks: Engine, id: str, before: int, after: int, expected: tuple[list[str], list[str]]
) -> None:
    earlier, target, later = await window(talks, around(id, before, after))
    assert target is not None
    assert columns(target)["id"] == id
    assert (earlier, later) == expected


async def test_conditions_choose_the_rows(talks: Engine) -> None:
    earlier, target, later = await window(talks, around("m3", 2, 2, where=[when("role", "eq", "user")]))
    assert target is not None
    assert (earlier, later) == (["m1"], ["m5"])


async def test_a_target_that_fails_the_conditions_is_none(talks: Engine) -> None:
    assert await window(talks, around("m2", 2, 2, where=[when("role", "eq", "user")])) == ([], None, [])


async def test_a_missing_target_is_none(talks: Engine) -> None:
    assert await window(talks, around("none", 2, 2)) == ([], None, [])


async def test_an_index_of_one_field_goes_over_all_rows(talks: Engine) -> None:
    op = around("m5", 1, 1, index="by_record_id")
    earlier, target, later = await window(talks, op)
    assert target is not None
    assert (earlier, later) == (["m4"], ["z0"])


async def test_a_budget_cuts_a_window_and_scans_go_on(engine: Engine) -> None:
    for start in (0, 6):
        rows = [message(f"m{n:02}", createdAt=f"{n:02}", content="x" * BIG) for n in range(start, start + 6)]
        await put(engine, MESSAGES, *rows)
    result = await neighbours(engine, around("m06", 6, 5))
    assert result.target is not None
    assert not (result.before.done and result.after.done)
    earlier, later = ids(result.before.rows), ids(result.after.rows)
    if not result.before.done:
        op = Scan(table=MESSAGES, index="by_thread_created", prefixes=[["t1"]], order="desc")
        more = await scan(engine, replace(op, cursor=result.before.cursor, limit=6 - len(earlier)))
        earlier = [*reversed(ids(more.rows)), *earlier]
    op = Scan(table=MESSAGES, index="by_thread_created", prefixes=[["t1"]])
    more = await scan(engine, replace(op, cursor=result.after.cursor, limit=5 - len(later)))
    later += ids(more.rows)
    assert earlier == [f"m{n:02}" for n in range(6)]
    assert later == [f"m{n:02}" for n in range(7, 12)]


async def test_wrong_arguments_are_refused(talks: Engine) -> None:
    with pytest.raises(ValidationError):
        await neighbours(talks, around("m3", -1, 0))
    with pytest.raises(ValidationError):
        await neighbours(talks, around("m3", 1, 1, key=["m3", "more"]))
    with pytest.raises(SchemaMismatchError):
        await neighbours(talks, around("m3", 1, 1, index="by_nothing"))
