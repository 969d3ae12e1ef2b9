"""The remote engine: what it sends, how it reads answers, which functions it found, the sweep of receipts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from mastra_convex.engine.protocol import (
    PROTOCOL,
    Bound,
    Commit,
    DeleteRange,
    Describe,
    DescribeResult,
    Get,
    GetResult,
    Hit,
    HoldsGuard,
    IndexRange,
    NativeIndex,
    Neighbours,
    NeighboursResult,
    Outcome,
    Patch,
    Put,
    Scan,
    ScanResult,
    Search,
    SearchResult,
)
from mastra_convex.engine.wire import decode_request, to_bytes
from mastra_convex.errors import ClosedError, FunctionError, SchemaMismatchError
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.transport import Transport
from mastra_convex.rows.changes import Change
from mastra_convex.rows.conditions import Condition
from tests.remote.programmable import (
    Answer,
    Lost,
    ProgrammableServer,
    function_error,
    redacted,
    success,
    system_error,
)

READ, HANDLE, SWEEP = "mastra/storage:read", "mastra/storage:handle", "mastra/storage:sweep"
SEARCH = "mastra/storage:search"
SCANNED = {"rows": [], "matched": 0.0, "skipped": 0.0, "cursor": None, "done": True}


def reads(*results: Any) -> Answer:
    return success({"protocol": PROTOCOL, "results": list(results)})


def committed(**result: Any) -> Answer:
    return success({"protocol": PROTOCOL, "result": {"status": "done", "outcomes": [], "returned": [], **result}})


def not_found(path: str) -> Answer:
    return function_error(f"Could not find public function for '{path}'.")


@pytest.fixture
async def engine(server: ProgrammableServer, transport: Transport) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(transport, [])
    yield engine
    await engine.aclose()


async def test_a_read_as_it_is_sent(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.queue(reads())
    await engine.read([])
    server.usual = reads({"rows": [None]}, SCANNED)
    await engine.read(
        [
            Get(table="t", keys=[("a", 1, None)]),
            Scan(
                table="t", index="i", lower=Bound(value=None), where=(Condition(path=("a",), operator="eq", value="1"),)
            ),
        ]
    )
    seen = server.seen[-1]
    assert seen.target == "/api/query"
    assert seen.json["path"] == READ
    assert seen.json["args"] == {
        "protocol": PROTOCOL,
        "ops": [
            {"op": "get", "table": "t", "keys": [["a", 1, None]], "fingerprints": False},
            {
                "op": "scan",
                "table": "t",
                "index": "i",
                "prefixes": [[]],
                "lower": {"value": None, "inclusive": True},
                "where": [{"path": ["a"], "operator": "eq", "value": "1"}],
                "order": "asc",
                "offset": 0,
                "total": False,
            },
        ],
    }


async def test_reads_as_they_come_back(server: ProgrammableServer, engine: RemoteEngine) -> None:
    row = {"id": "a", "_creationTime": 17.5, "n": 3.0}
    part = {**SCANNED, "rows": [row], "matched": 5.0, "skipped": 2.0, "cursor": "c", "done": False}
    server.usual = reads(
        {"rows": [row, None], "values": [["1"], None], "fingerprints": ["f", None], "next": 2.0},
        {**part, "values": [["1"]]},
        {"target": row, "before": SCANNED, "after": part},
        {"target": None, "before": SCANNED, "after": SCANNED},
    )
    get, scan, around, missing = await engine.read(
        [
            Get(table="t", keys=[("a",), ("b",), ("c",)]),
            Scan(table="t", index="i"),
            Neighbours(table="t", key=("a",), index="i"),
            Neighbours(table="t", key=("b",), index="i"),
        ]
    )
    assert get == GetResult(rows=[row, None], values=[["1"], None], fingerprints=["f", None], next=2)
    assert scan == ScanResult(rows=[row], values=[["1"]], matched=5, skipped=2, cursor="c", done=False)
    assert isinstance(scan, ScanResult)
    assert type(scan.matched) is int
    empty = ScanResult(rows=[], matched=0, skipped=0, cursor=None, done=True)
    assert around == NeighboursResult(
        target=row, before=empty, after=ScanResult(rows=[row], matched=5, skipped=2, cursor="c", done=False)
    )
    assert missing == NeighboursResult(target=None, before=empty, after=empty)


async def test_a_commit_there_and_back(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.usual = committed(
        status="more",
        outcomes=[{"changed": 2.0, "missing": [1.0]}],
        resume="r",
        returned=[{"rows": [{"id": "a"}]}],
    )
    result = await engine.commit(
        Commit(
            id="one",
            mode="resumable",
            ops=[
                Put(table="t", rows=[{"id": "a", "none": None}]),
                Patch(table="t", keys=[("a",)], change=Change(set={"x": None}, unset=("y",))),
                DeleteRange(range=IndexRange(table="t", index="i", prefix=("a",))),
            ],
            returning=[Get(table="t", keys=[("a",)])],
        )
    )
    assert result.status == "more"
    assert result.outcomes == [Outcome(changed=2, missing=[1])]
    assert result.resume == "r"
    assert result.returned == [GetResult(rows=[{"id": "a"}])]
    (seen,) = server.seen
    assert (seen.target, seen.json["path"]) == ("/api/mutation", HANDLE)
    commit = seen.json["args"]["commit"]
    assert commit["ops"][0]["rows"] == [{"id": "a", "none": None}]  # null in a row means null
    assert commit["ops"][1]["change"] == {"set": {"x": None}, "unset": ["y"], "edits": []}
    assert "resume" not in commit
    assert decode_request(Commit, commit).id == "one"


async def test_a_conflict_is_an_answer(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.usual = committed(status="conflict", guard=1.0, failed=[1.0, 2.0])
    result = await engine.commit(Commit(id="one"))
    assert (result.status, result.guard, result.failed) == ("conflict", 1, [1, 2])
    server.usual = committed(status="conflict", guard=1.0)  # as functions of an earlier version answer
    result = await engine.commit(Commit(id="two"))
    assert (result.guard, result.failed) == (1, [1])


WANTED = Search(
    range=IndexRange(table="t", index="i", prefix=("a",)),
    field="v",
    vector=(0.1, 2),
    limit=3,
    guards=[HoldsGuard(table="t", key=("a",), where=[Condition(path=["n"], operator="eq", value="1")])],
)


async def test_a_search_there_and_back(server: ProgrammableServer, engine: RemoteEngine) -> None:
    row = {"id": "a", "_creationTime": 17.5}
    server.queue(Lost())  # it has no effects, so that a repeat is harmless
    server.usual = committed(hits=[{"row": row, "score": 1.0}])
    assert await engine.search(WANTED) == SearchResult(status="done", hits=[Hit(row=row, score=1.0)])
    seen = server.seen[-1]
    assert (len(server.seen), seen.target, seen.json["path"]) == (2, "/api/action", SEARCH)
    search = seen.json["args"]["search"]
    assert search["vector"] == [0.1, 2]
    assert "min_score" not in search
    assert decode_request(Search, search) == decode_request(Search, orjson.loads(to_bytes(WANTED)))
    server.usual = committed(status="conflict", guard=0.0, hits=[])
    assert await engine.search(WANTED) == SearchResult(status="conflict", guard=0, hits=[])


async def test_what_is_deployed(server: ProgrammableServer, engine: RemoteEngine) -> None:
    native = {"field": "v", "dimensions": 3.0, "filters": ["a"]}
    server.usual = reads(
        {
            "deployed": True,
            "key": "by_a",
            "fields": ["a", "v"],
            "indexes": {"by_a": ["a"], "by_v": ["v"]},
            "native": [native],
        },
        {"deployed": False, "key": "", "fields": [], "indexes": {}, "native": []},
    )
    assert await engine.read([Describe(table="t"), Describe(table="u")]) == [
        DescribeResult(
            deployed=True,
            key="by_a",
            fields=["a", "v"],
            indexes={"by_a": ["a"], "by_v": ["v"]},
            native=[NativeIndex(field="v", dimensions=3, filters=["a"])],
        ),
        DescribeResult(deployed=False, fields=[], native=[]),
    ]


async def test_functions_of_an_older_version_cannot_search(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.usual = committed()
    for missing in (redacted(), not_found(SEARCH)):  # before any call of this engine has succeeded
        server.by_function = {SEARCH: missing}
        with pytest.raises(SchemaMismatchError, match="search"):
            await engine.search(WANTED)


async def test_a_search_that_fails_without_a_reason(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.queue(redacted())
    server.usual = function_error("Uncaught ConvexError", {"code": "BadRequest", "message": "limit"})
    with pytest.raises(FunctionError):
        await engine.search(WANTED)


async def test_a_lost_commit_is_repeated_under_its_id(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.queue(Lost(), system_error(500, "InternalServerError"))
    server.usual = committed()
    await engine.commit(Commit(id="one"))
    assert [seen.json["args"]["commit"]["id"] for seen in server.seen] == ["one"] * 3


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"protocol": "mastra_convex/9", "results": [], "result": {}},
        {"protocol": PROTOCOL},
        {"protocol": PROTOCOL, "results": [1, 2], "result": None},
        {"protocol": PROTOCOL, "results": [None], "result": {"status": "odd"}},
        {"protocol": PROTOCOL, "results": [{"rows": None}], "result": {"status": "done", "outcomes": [1], "hits": [1]}},
    ],
)
async def test_answers_of_other_functions_are_a_mismatch(
    server: ProgrammableServer, engine: RemoteEngine, value: Any
) -> None:
    server.usual = success(value)
    with pytest.raises(SchemaMismatchError, match="mastra-convex init"):
        await engine.read([Get(table="t", keys=[("a",)])])
    with pytest.raises(SchemaMismatchError, match="mastra-convex init"):
        await engine.commit(Commit(id="one"))
    with pytest.raises(SchemaMismatchError, match="mastra-convex init"):
        await engine.search(WANTED)


STOCK = success({"ok": False, "error": "Cannot read properties of undefined (reading 'startsWith')"})


async def test_the_stock_handler_is_recognised(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.usual = STOCK
    with pytest.raises(SchemaMismatchError) as caught:
        await engine.commit(Commit(id="one"))
    for words in (
        "@mastra/convex",
        "mastra-convex init --path mastra_py",
        'storage_function="mastra_py/storage:handle"',
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize("missing", [not_found(READ), redacted()])
async def test_the_stock_handler_is_found_by_a_read(
    server: ProgrammableServer, engine: RemoteEngine, missing: Answer
) -> None:
    server.by_function = {READ: missing, HANDLE: STOCK}
    with pytest.raises(SchemaMismatchError, match="@mastra/convex"):
        await engine.read([Scan(table="t", index="i")])
    probe = next(seen.json["args"]["commit"] for seen in server.seen if seen.json["path"] == HANDLE)
    assert not any(probe[name] for name in ("guards", "ops", "returning"))


@pytest.mark.parametrize(
    "handle", [not_found(HANDLE), committed(), system_error(401, "BadAdminKey"), success({"ok": "yes"})]
)
async def test_a_missing_read_is_named(server: ProgrammableServer, engine: RemoteEngine, handle: Answer) -> None:
    server.by_function = {READ: not_found(READ), HANDLE: handle}
    with pytest.raises(SchemaMismatchError, match=f"'{READ}' is not deployed"):
        await engine.read([])


async def test_a_missing_function_is_found_out_where_reasons_are_hidden(
    server: ProgrammableServer, engine: RemoteEngine
) -> None:
    server.usual = redacted()
    with pytest.raises(SchemaMismatchError, match=f"'{READ}' does not run"):
        await engine.read([Scan(table="t", index="i")])
    with pytest.raises(SchemaMismatchError, match=f"'{HANDLE}' does not run"):
        await engine.commit(Commit(id="one", ops=[Put(table="t", rows=[{}])]))


async def test_a_failing_function_is_no_missing_one_where_reasons_are_hidden(
    server: ProgrammableServer, engine: RemoteEngine
) -> None:
    server.by_function = {READ: reads(), HANDLE: committed()}
    server.queue(redacted())
    with pytest.raises(FunctionError):
        await engine.read([Scan(table="t", index="i")])
    server.queue(redacted())
    with pytest.raises(FunctionError):
        await engine.commit(Commit(id="one", ops=[Put(table="t", rows=[{}])]))


async def test_closing_the_engine_closes_the_transport(engine: RemoteEngine) -> None:
    await engine.aclose()
    await engine.aclose()
    with pytest.raises(ClosedError):
        await engine.read([])
