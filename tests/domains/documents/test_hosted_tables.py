"""A table that is stored in another answers as one of its own does: each operation runs on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest

from mastra_convex import ConfigurationError, TooLargeError, ValidationError
from mastra_convex.engine.client import Records
from mastra_convex.engine.hosted_tables import with_hosted_tables
from mastra_convex.engine.protocol import (
    Bound,
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    EmptyGuard,
    Engine,
    Get,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Neighbours,
    NeighboursResult,
    Patch,
    PatchRange,
    Put,
    Scan,
    Search,
    UnchangedGuard,
)
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.values import Row
from mastra_convex.tables import Field, Index, VectorIndex
from mastra_convex_domains import DOCUMENTS
from mastra_convex_domains.memory.tables import MESSAGES, THREADS

HOSTED = replace(THREADS, name="hosted_threads", stored_in=DOCUMENTS, shared=False)
TABLES = (THREADS.name, HOSTED.name)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    return with_hosted_tables(engine, [THREADS, DOCUMENTS, HOSTED])


def row(n: int, **columns: Any) -> Row:
    return {
        "id": f"r{n}",
        "resourceId": f"u{n % 3}",
        "title": f"title {n // 2}",
        "metadata": {"n": n, "even": n % 2 == 0, "__mastra_json": '{"$key":[1]}'},
        "createdAt": f"2026-01-{n + 1:02}",
        "updatedAt": f"2026-02-{28 - n:02}",
        **columns,
    }


def condition(path: Sequence[str], operator: Any, value: str) -> Condition:
    return Condition(path=path, operator=operator, value=value)


async def commit(engine: Engine, *ops: Any, **members: Any) -> CommitResult:
    return await Records(engine, {}).commit(ops, **members)


@pytest.fixture
async def filled(engine: Engine) -> Engine:
    """Nine rows in each of the two tables, out of order, one without metadata; and rows of a third."""
    rows = [row(n) for n in (4, 0, 7, 2, 8, 6, 1, 3)] + [{k: v for k, v in row(5).items() if k != "metadata"}]
    for table in TABLES:
        await commit(engine, Put(table=table, rows=rows))
    other = {"table": "others", "primaryKey": "r1", "record": row(1)}
    await commit(engine, Put(table=DOCUMENTS.name, rows=[other]))
    return engine


def plain(rows: Sequence[Row | None]) -> list[Row | None]:
    """Rows without their creation time, which differs between the tables."""
    return [None if row is None else {k: v for k, v in row.items() if k != "_creationTime"} for row in rows]


async def both(engine: Engine, op: Any) -> tuple[Any, Any]:
    """The results of an operation of reading on the table and on the hosted one."""
    assert op.table == THREADS.name
    on_table, on_hosted = await Records(engine, {THREADS.name: THREADS, HOSTED.name: HOSTED}).read(
        op, replace(op, table=HOSTED.name)
    )
    return on_table, on_hosted


async def rows_of(engine: Engine, table: str) -> list[Row | None]:
    return plain((await Records(engine, {}).read(Scan(table=table, index="by_record_id"))).rows)


EVEN = condition(["metadata", "even"], "eq", "true")
SCANS: list[dict[str, Any]] = [
    {},
    {"order": "desc"},
    {"index": "by_created"},
    {"index": "by_updated", "order": "desc", "limit": 4, "offset": 2},
    {"index": "by_resource", "prefixes": [["u1"]]},
    {"index": "by_resource_created", "prefixes": [["u2"]], "order": "desc", "limit": 2},
    {"index": "by_resource_created", "prefixes": [["u2"], ["u0"], ["nobody"]], "total": True, "limit": 3},
    {"index": "by_resource_created", "prefixes": [["u0", "2026-01-04"]]},
    {"index": "by_resource_created", "prefixes": []},
    {"index": "by_created", "lower": Bound(value="2026-01-03"), "upper": Bound(value="2026-01-06", inclusive=False)},
    {"index": "by_created", "upper": Bound(value="2026-01-03")},
    {"index": "by_created", "lower": Bound(value=7)},
    {"where": [EVEN], "limit": 0, "total": True},
    {"where": [EVEN], "limit": 0},
    {"where": [EVEN], "limit": 2, "total": True},
    {"where": [condition(["metadata", "even"], "ne", "true")], "offset": 1},
    {"where": [condition(["metadata"], "exists", "false")]},
    {"where": [condition(["metadata", "$key", "0"], "in", "[1, 2]")]},
    {"where": [condition(["metadata", "n"], "gte", "4"), condition(["title"], "lt", '"title 4"')]},
    {"paths": [["id"], ["metadata", "$key"], ["title"], ["metadata", "x"]], "limit": 3},
    {"offset": 100},
]


@pytest.mark.parametrize("options", SCANS, ids=str)
async def test_scans(filled: Engine, options: dict[str, Any]) -> None:
    on_table, on_hosted = await both(filled, Scan(table=THREADS.name, **{"index": "by_record_id", **options}))
    assert plain(on_hosted.rows) == plain(on_table.rows)
    assert on_hosted.values == on_table.values
    if options.get("total") or options.get("limit") != 0:
        assert (on_hosted.matched, on_hosted.skipped) == (on_table.matched, on_table.skipped)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_scan_goes_on_whatever_comes_and_goes(filled: Engine, order: Any) -> None:
    scan = Scan(table=HOSTED.name, index="by_resource_created", prefixes=[["u0"], ["u1"]], order=order)
    expected = [r["id"] for r in sorted(map(row, [0, 1, 3, 4, 6, 7]), key=lambda r: r["createdAt"])]
    seen: list[str] = []
    async for each in Records(filled, {}).iterate(scan, batch_size=2):
        seen.append(each["id"])
        await commit(filled, Delete(table=HOSTED.name, keys=[[each["id"]]]))
    assert seen == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize(
    "options",
    [
        {"keys": [["r5"], ["nothing"], ["r1"], ["r5"]]},
        {"keys": [["r1"], ["nothing"]], "paths": [["title"], ["metadata", "$key"], ["metadata", "x"]]},
        {"keys": []},
    ],
)
async def test_gets(filled: Engine, options: dict[str, Any]) -> None:
    on_table, on_hosted = await both(filled, Get(table=THREADS.name, **options))
    assert plain(on_hosted.rows) == plain(on_table.rows)
    assert on_hosted.values == on_table.values


@pytest.mark.parametrize(
    "options",
    [
        {"key": ["r4"], "index": "by_created", "before": 2, "after": 3},
        {"key": ["r0"], "index": "by_created", "before": 2, "after": 100},
        {"key": ["r4"], "index": "by_resource_created", "before": 5, "after": 1},
        {"key": ["r4"], "index": "by_created", "before": 2, "after": 2, "where": [EVEN]},
        {"key": ["r3"], "index": "by_created", "before": 2, "after": 2, "where": [EVEN]},
        {"key": ["nothing"], "index": "by_created", "before": 2},
    ],
    ids=str,
)
async def test_neighbours(filled: Engine, options: dict[str, Any]) -> None:
    answers = await both(filled, Neighbours(table=THREADS.name, **options))
    on_table, on_hosted = (cast(NeighboursResult, answer) for answer in answers)
    assert plain([on_hosted.target]) == plain([on_table.target])
    assert plain(on_hosted.before.rows) == plain(on_table.before.rows)
    assert plain(on_hosted.after.rows) == plain(on_table.after.rows)


def in_range(table: str, **options: Any) -> IndexRange:
    return IndexRange(table=table, **{"index": "by_resource_created", **options})


CHANGE = Change(
    set={"title": "new", "metadata": {"k": 1, "__mastra_json": '{"$k":2}'}},
    edits=[
        Edit(path=["metadata", "$k"], reducer="add", value="1"),
        Edit(path=["metadata"], reducer="merge", value='{"я":1}'),
    ],
)
WRITES: list[Any] = [
    lambda table: Put(table=table, rows=[row(1, title="again"), row(9), row(9, title="last")]),
    lambda table: Patch(table=table, keys=[["r1"], ["nothing"], ["r5"]], change=CHANGE),
    lambda table: Delete(table=table, keys=[["r1"], ["nothing"], ["r1"]]),
    lambda table: DeleteRange(range=in_range(table)),
    lambda table: DeleteRange(range=in_range(table, prefix=["u1"])),
    lambda table: DeleteRange(range=in_range(table, prefix=["u1"], lower=Bound(value="2026-01-03"), where=[EVEN])),
    lambda table: DeleteRange(range=in_range(table, prefix=["u1"], upper=Bound(value="2026-01-05", inclusive=False))),
    lambda table: DeleteRange(range=in_range(table, prefix=["u1", "2026-01-05"])),
    lambda table: PatchRange(range=in_range(table, prefix=["u2"]), change=CHANGE),
]


@pytest.mark.parametrize("write", WRITES)
async def test_writes(filled: Engine, write: Any) -> None:
    before = await rows_of(filled, HOSTED.name)
    results = [
        await commit(filled, write(table), returning=[Get(table=table, keys=[["r1"], ["r9"]])]) for table in TABLES
    ]
    on_table, on_hosted = results
    assert on_hosted.outcomes == on_table.outcomes
    assert plain(on_hosted.returned[0].rows) == plain(on_table.returned[0].rows)
    after = await rows_of(filled, HOSTED.name)
    assert after == await rows_of(filled, THREADS.name)
    assert after != before
    assert (
        len((await Records(filled, {}).read(Scan(table=DOCUMENTS.name, index="by_table", prefixes=[["others"]]))).rows)
        == 1
    )


GUARDS: list[Any] = [
    lambda table: KeyGuard(guard="exists", table=table, key=["r1"]),
    lambda table: KeyGuard(guard="missing", table=table, key=["r1"]),
    lambda table: HoldsGuard(table=table, key=["r1"], where=[EVEN]),
    lambda table: HoldsGuard(table=table, key=["r2"], where=[EVEN]),
    lambda table: EmptyGuard(range=in_range(table, prefix=["u1"])),
    lambda table: EmptyGuard(range=in_range(table, prefix=["nobody"])),
    lambda table: UnchangedGuard(table=table, key=["r1"], fingerprint="another"),
]


@pytest.mark.parametrize("guard", GUARDS)
async def test_guards(filled: Engine, guard: Any) -> None:
    results = [await commit(filled, Delete(table=table, keys=[["r0"]]), guards=[guard(table)]) for table in TABLES]
    assert results[0].status == results[1].status
    assert await rows_of(filled, HOSTED.name) == await rows_of(filled, THREADS.name)


async def test_a_row_is_unchanged_until_it_is_changed(filled: Engine) -> None:
    read = (await filled.read([Get(table=HOSTED.name, keys=[["r1"]], fingerprints=True)]))[0]
    [fingerprint] = read.fingerprints or [None]
    assert fingerprint is not None
    guard = UnchangedGuard(table=HOSTED.name, key=["r1"], fingerprint=fingerprint)
    patch = Patch(table=HOSTED.name, keys=[["r1"]], change=Change(set={"title": "changed"}))
    assert (await commit(filled, patch, guards=[guard])).status == "done"
    assert (await commit(filled, patch, guards=[guard])).status == "conflict"


async def test_a_range_beyond_one_transaction_goes_in_steps(engine: Engine) -> None:
    for start in (0, 85):
        rows = [row(0, id=f"r{n}", title="x" * 50_000) for n in range(start, start + 85)]
        await commit(engine, Put(table=HOSTED.name, rows=rows))
    delete = DeleteRange(range=in_range(HOSTED.name, prefix=["u0"]))
    with pytest.raises(TooLargeError):
        await commit(engine, delete)
    last = Put(table=MESSAGES.name, rows=[])
    result = await commit(engine, delete, last, mode="resumable")
    assert [outcome.changed for outcome in result.outcomes] == [170, 0]
    assert await rows_of(engine, HOSTED.name) == []


async def test_a_scan_beyond_one_budget_is_complete(engine: Engine) -> None:
    large = [row(0, id=f"r{n}", title="x" * 500_000) for n in range(20)]
    for start in range(0, 20, 10):
        await commit(engine, Put(table=HOSTED.name, rows=large[start : start + 10]))
    [found] = await engine.read([Scan(table=HOSTED.name, index="by_created", limit=0, total=True)])
    assert found.matched == 20


MAYBE = replace(
    HOSTED,
    name="hosted_maybe",
    resource=None,
    fields=(Field("id"), Field("at", optional=True), Field("n", "number"), Field("flag", "boolean")),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_at", ("at",)),
        Index("by_n", ("n",)),
        Index("by_flag", ("flag",)),
    ),
)


@pytest.mark.parametrize(
    ("op", "problem"),
    [
        (Put(table=HOSTED.name, rows=[row(0)], keep=["createdAt"]), "keep"),
        (Patch(table=HOSTED.name, keys=[["r0"]], change=Change(unset=["metadata"])), "removed"),
        (DeleteRange(range=IndexRange(table="hosted_maybe", index="by_at", upper=Bound(value="x"))), "lower bound"),
        (DeleteRange(range=IndexRange(table="hosted_maybe", index="by_n", lower=Bound(value="x"))), "bounded"),
        (DeleteRange(range=IndexRange(table="hosted_maybe", index="by_n", lower=Bound(value=True))), "bounded"),
        (DeleteRange(range=IndexRange(table="hosted_maybe", index="by_flag", lower=Bound(value=True))), "bounded"),
        (DeleteRange(range=IndexRange(table=HOSTED.name, index="by_nothing")), "no index"),
    ],
)
async def test_what_a_host_cannot_do_is_said(engine: Engine, op: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        await commit(with_hosted_tables(engine, [MAYBE]), op)


@pytest.mark.parametrize(
    "op",
    [
        Get(table=HOSTED.name, keys=[["r0", "r1"]]),
        Scan(table=HOSTED.name, index="by_created", prefixes=[["a", "b"]]),
        Scan(table=HOSTED.name, index="by_created", prefixes=[["a"], []]),
        Scan(table=HOSTED.name, index="by_created", where=[condition(["nonsense"], "eq", "1")]),
        Scan(table=HOSTED.name, index="by_created", cursor="?"),
        Scan(table=HOSTED.name, index="by_created", limit=-1),
    ],
)
async def test_requests_that_make_no_sense_are_refused(filled: Engine, op: Any) -> None:
    with pytest.raises(ValidationError):
        await filled.read([op])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stored_in": THREADS}, "does not hold"),
        ({"key": "by_created"}, "text column 'id'"),
        (
            {"fields": (*HOSTED.fields, Field("v", "floats")), "vector_indexes": (VectorIndex("by_v", "v", 3),)},
            "no vector indexes",
        ),
        (
            {"fields": (Field("id", "number"), Field("resourceId")), "indexes": (Index("by_record_id", ("id",)),)},
            "'id'",
        ),
        (
            {"fields": (Field("id"), Field("text", json=True)), "indexes": (Index("by_record_id", ("id",)),)},
            "JSON text",
        ),
    ],
)
def test_what_cannot_be_a_hosted_is_refused_when_declared(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        replace(HOSTED, **changes)


async def test_vectors_of_a_hosted_cannot_be_searched(engine: Engine) -> None:
    search = Search(range=IndexRange(table=HOSTED.name, index="by_record_id"), field="title", vector=[1.0], limit=1)
    with pytest.raises(ConfigurationError, match="searched"):
        await engine.search(search)


async def test_no_layer_where_no_table_is_hosted(engine: Engine) -> None:
    assert with_hosted_tables(engine, [THREADS, DOCUMENTS]) is engine
    result = await engine.commit(Commit(id=uuid4().hex, ops=[Put(table=THREADS.name, rows=[row(0)])]))
    assert result.status == "done"


async def test_columns_with_as_many_levels_or_elements_as_convex_takes(engine: Engine) -> None:
    """A change of their row makes them a level deeper than a raw column may be; then they are stored as JSON text."""
    deep: Any = []
    for _ in range(13):
        deep = [deep]
    for table in TABLES:
        await commit(engine, Put(table=table, rows=[row(1, metadata=deep), row(2, metadata=[{"n": 1}] * 8_192)]))
        keys = [["r1"], ["r2"]]
        await commit(engine, Patch(table=table, keys=keys, change=Change(set={"title": "changed"})))
    assert await rows_of(engine, HOSTED.name) == await rows_of(engine, THREADS.name)
    more = Edit(path=["metadata"], reducer="append", value="[1]")
    await commit(engine, Patch(table=HOSTED.name, keys=[["r2"]], change=Change(edits=[more])))
    [found] = (await Records(engine, {}).read(Get(table=HOSTED.name, keys=[["r2"]]))).rows
    assert found is not None
    assert len(found["metadata"]) == 8_193
    where = [condition(["metadata", "8192"], "eq", "1")]
    scan = Scan(table=HOSTED.name, index="by_record_id", where=where, paths=[["id"], ["metadata", "0", "n"]])
    assert (await Records(engine, {}).read(scan)).values == [['"r2"', "1"]]
