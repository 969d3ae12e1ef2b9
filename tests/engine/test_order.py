"""The order of indexes, against a sorted list: any scan of random rows, whole or in pages."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Bound, Delete, Engine, Scan
from mastra_convex.rows.values import Row
from tests.engine.rows import MESSAGES, commit, everything, ids, message, put, scan, when

IN_ORDER = [
    "",
    "\u0000",
    "\u0001a",
    "1",
    "10",
    "2",
    "A",
    "Z",
    "Z\u0000",
    "ZA",
    "a",
    "aa",
    "b",
    "\u00e9",
    "\u4e2d",
    "\ud7ff",
    "\ue000",
    "\ufffd",
    "\uffff",
    "\U00010000",
    "\U0001f600",
    "\U0010ffff",
]
"""By code points, which is the order of UTF-8 bytes, but not of UTF-16 units."""


async def test_strings_are_ordered_by_code_points(engine: Engine) -> None:
    shuffled = IN_ORDER[::-2] + IN_ORDER[-2::-2]
    await put(engine, MESSAGES, *(message(f"m{IN_ORDER.index(text)}", createdAt=text) for text in shuffled))
    result = await scan(engine, Scan(table=MESSAGES, index="by_thread_created", prefixes=[["t1"]]))
    assert [row["createdAt"] for row in result.rows] == IN_ORDER


async def test_a_missing_field_comes_first(engine: Engine) -> None:
    rows = [
        message("b", resourceId="b"),
        message("none"),
        message("empty", resourceId=""),
        message("a", resourceId="a"),
    ]
    await put(engine, MESSAGES, *rows)
    op = Scan(table=MESSAGES, index="by_resource")
    assert ids((await scan(engine, op)).rows) == ["none", "empty", "a", "b"]
    assert ids((await scan(engine, replace(op, order="desc"))).rows) == ["b", "a", "empty", "none"]


async def test_bounds_and_missing_fields(engine: Engine) -> None:
    await put(engine, MESSAGES, message("a", resourceId="a"), message("none"), message("c", resourceId="c"))
    op = Scan(table=MESSAGES, index="by_resource")

    async def found(lower: Bound | None = None, upper: Bound | None = None) -> list[str]:
        return ids((await scan(engine, replace(op, lower=lower, upper=upper))).rows)

    assert await found(lower=Bound(value="")) == ["a", "c"]
    assert await found(upper=Bound(value="b")) == ["none", "a"]
    assert await found(lower=Bound(value=None)) == ["a", "c"]
    assert await found(lower=Bound(value=None, inclusive=False), upper=Bound(value="a")) == ["a"]
    assert await found(lower=Bound(value=0), upper=Bound(value=True)) == []


async def test_null_is_not_missing_in_a_prefix(engine: Engine) -> None:
    await put(engine, MESSAGES, message("none"))
    op = Scan(table=MESSAGES, index="by_resource", prefixes=[[None]])
    assert (await scan(engine, op)).rows == []


async def test_cursors_go_past_missing_fields(engine: Engine) -> None:
    await put(engine, MESSAGES, *(message(f"m{n}") for n in range(3)), message("r", resourceId="r"))
    for index in ("by_resource", "by_resource_created"):
        found: list[str] = []
        op = Scan(table=MESSAGES, index=index, limit=1)
        for _ in range(4):
            result = await scan(engine, op)
            found += ids(result.rows)
            op = replace(op, cursor=result.cursor)
        assert found == ["m0", "m1", "m2", "r"]


TIMES = st.sampled_from(["", "1", "2", "2\u0000", "3", "\ufffd", "\U0001f600"])
RESOURCES = st.none() | st.sampled_from(["", "r", "s"])
ROWS = st.lists(st.tuples(st.sampled_from("abc"), TIMES, RESOURCES), max_size=12)
BOUNDS = st.none() | st.builds(Bound, value=TIMES, inclusive=st.booleans())
SCANS = st.fixed_dictionaries(
    {
        "threads": st.lists(st.sampled_from("abcd"), min_size=1, max_size=3),
        "lower": BOUNDS,
        "upper": BOUNDS,
        "order": st.sampled_from(["asc", "desc"]),
        "offset": st.integers(0, 4),
        "limit": st.none() | st.integers(0, 5),
        "total": st.booleans(),
        "where": st.booleans(),
        "page": st.integers(1, 4),
    }
)


def expected(rows: list[Row], choice: dict[str, Any], run: str) -> list[Row]:
    """All rows of the scan by the rule: filtered, then sorted by time and creation."""
    threads = {f"{run}{name}" for name in choice["threads"]}

    def chosen(row: Row) -> bool:
        time, lower, upper = row["createdAt"], choice["lower"], choice["upper"]
        above = lower is None or time > lower.value or (lower.inclusive and time == lower.value)
        below = upper is None or time < upper.value or (upper.inclusive and time == upper.value)
        fits = not choice["where"] or row.get("resourceId") == "r"
        return row["thread_id"] in threads and above and below and fits

    found = sorted(filter(chosen, rows), key=lambda row: (row["createdAt"], row["_creationTime"]))
    return found[::-1] if choice["order"] == "desc" else found


def scan_of(choice: dict[str, Any], run: str, **members: Any) -> Scan:
    return Scan(
        table=MESSAGES,
        index="by_thread_created",
        prefixes=[[f"{run}{name}"] for name in choice["threads"]],
        lower=choice["lower"],
        upper=choice["upper"],
        order=choice["order"],
        where=[when("resourceId", "eq", "r")] if choice["where"] else [],
        **members,
    )


@given(ROWS, st.lists(SCANS, min_size=1, max_size=4))
@settings(max_examples=15)
async def test_any_scan_equals_a_sorted_list(
    engine: Engine, made: list[tuple[str, str, str | None]], choices: list[dict[str, Any]]
) -> None:
    run = uuid.uuid4().hex
    rows = [
        message(
            f"{run}{n}", thread_id=f"{run}{name}", createdAt=time, **({} if owner is None else {"resourceId": owner})
        )
        for n, (name, time, owner) in enumerate(made)
    ]
    await put(engine, MESSAGES, *rows)
    mine = Scan(table=MESSAGES, index="by_thread", lower=Bound(value=run), upper=Bound(value=run + "~"))
    stored = await everything(engine, mine)
    assert len(stored) == len(rows)
    for choice in choices:
        model = expected(stored, choice, run)
        offset, limit = choice["offset"], choice["limit"]
        op = scan_of(choice, run, offset=offset, limit=limit, total=choice["total"])
        result = await scan(engine, op)
        assert ids(result.rows) == ids(model[offset:][:limit])
        if choice["total"]:
            assert (result.matched, result.done) == (len(model), True)
        assert await in_pages(engine, scan_of(choice, run, limit=choice["page"])) == ids(model)


async def in_pages(engine: Engine, op: Scan) -> list[str]:
    found: list[str] = []
    while True:
        result = await scan(engine, op)
        found += ids(result.rows)
        if result.done and len(result.rows) < (op.limit or 0):
            return found
        op = replace(op, cursor=result.cursor)


@given(
    st.lists(st.tuples(TIMES, st.booleans()), min_size=1, max_size=8),
    st.lists(TIMES, max_size=4),
    st.integers(1, 3),
    st.sampled_from(["asc", "desc"]),
)
@settings(max_examples=10)
async def test_a_cursor_is_a_place_not_a_row(
    engine: Engine, made: list[tuple[str, bool]], added: list[str], page: int, order: Any
) -> None:
    """After deletes and inserts, a cursor goes on with exactly the rows that now lie behind its place."""
    run = uuid.uuid4().hex
    await put(
        engine, MESSAGES, *(message(f"{run}{n}", thread_id=run, createdAt=time) for n, (time, _) in enumerate(made))
    )
    whole = Scan(table=MESSAGES, index="by_thread_created", prefixes=[[run]], order=order)
    first = await scan(engine, replace(whole, limit=page))
    last = first.rows[-1]
    gone = [[f"{run}{n}"] for n, (_, stays) in enumerate(made) if not stays]
    await commit(engine, Delete(table=MESSAGES, keys=gone))
    await put(engine, MESSAGES, *(message(f"{run}+{n}", thread_id=run, createdAt=time) for n, time in enumerate(added)))

    def place(row: Row) -> tuple[str, float]:
        return row["createdAt"], row["_creationTime"]

    after = [
        row
        for row in (await scan(engine, whole)).rows
        if (place(row) > place(last) if order == "asc" else place(row) < place(last))
    ]
    assert ids((await scan(engine, replace(whole, cursor=first.cursor))).rows) == ids(after)
