"""The functions of the server: arguments, answers, and the errors of the engine on their way to the client."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import aiohttp
import pytest

from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Get,
    IndexRange,
    Outcome,
    Put,
    Read,
    Search,
    SearchResult,
)
from mastra_convex.errors import (
    ClosedError,
    FunctionError,
    MastraConvexError,
    SchemaMismatchError,
    ServerError,
    TooLargeError,
    UnavailableError,
    ValidationError,
)
from mastra_convex.local.watching import Watcher
from mastra_convex.remote.config import RemoteConfig
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.remote.transport import Transport
from mastra_convex.server import LocalServer
from tests.server.conftest import ADMIN, KEY, Post, call

NOTE = {"id": "a", "group": "g", "extra": {"nothing": None, "list": [1, 2.5]}}


SEARCH = {"range": {"table": "notes", "index": "by_group"}, "field": "v", "vector": [1], "limit": 1}


def put(row: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": "c1", "mode": "whole", "ops": [{"op": "put", "table": "notes", "rows": [row]}], **members}


async def test_a_row_there_and_back(post: Post) -> None:
    get = {"op": "get", "table": "notes", "keys": [["a"], ["b"]]}
    _, answer = await post("mutation", call("handle", commit=put(NOTE, returning=[get])))
    result = answer["value"]["result"]
    assert result["status"] == "done"
    assert result["outcomes"] == [{"changed": 1, "missing": [0]}]
    row = result["returned"][0]["rows"][0]
    assert {name: row[name] for name in NOTE} == NOTE
    _, answer = await post("query", call("read", ops=[get]))
    assert answer["value"]["results"] == [{"rows": [row, None]}]


async def test_a_repeated_commit_is_applied_once(post: Post) -> None:
    commit = put(NOTE)
    first = await post("mutation", call("handle", commit=commit))
    assert await post("mutation", call("handle", commit=commit)) == first


async def test_members_may_be_null_where_they_may_be_missing(post: Post) -> None:
    commit = put(NOTE, guards=None, returning=None, resume=None)
    commit["ops"][0]["keep"] = None
    _, answer = await post("mutation", call("handle", commit=commit))
    assert answer["status"] == "success"
    scan = {
        "op": "scan",
        "table": "notes",
        "index": "by_group",
        "prefixes": None,
        "lower": {"value": None, "inclusive": None},
        "upper": None,
        "where": [{"path": ["extra", "nothing"], "operator": "eq", "value": "null"}],
        "limit": None,
        "total": None,
        "paths": None,
    }
    _, answer = await post("query", call("read", ops=[scan]))
    assert [row["id"] for row in answer["value"]["results"][0]["rows"]] == ["a"]


async def test_sweep(post: Post) -> None:
    _, answer = await post("mutation", call("sweep"))
    assert answer["value"] == {"protocol": "mastra_convex/1", "deleted": 0, "done": True}


@pytest.mark.parametrize("protocol", [None, "mastra_convex/0", 1])
async def test_another_protocol(post: Post, protocol: Any) -> None:
    _, answer = await post("query", {"path": "mastra/storage:read", "args": {"protocol": protocol, "ops": []}})
    assert answer["errorData"]["code"] == "ProtocolMismatch"
    assert answer["errorData"]["expected"] == "mastra_convex/1"


@pytest.mark.parametrize(
    ("kind", "name", "args"),
    [
        ("query", "read", {}),
        ("query", "read", {"ops": None}),
        ("query", "read", {"ops": {}}),
        ("query", "read", {"ops": [1]}),
        ("query", "read", {"ops": [{"op": "drop"}]}),
        ("query", "read", {"ops": [{"op": "get", "table": "notes"}]}),
        ("query", "read", {"ops": [{"op": "get", "table": "notes", "keys": [["a"]], "more": 1}]}),
        ("query", "read", {"ops": [{"op": "get", "table": "notes", "keys": [["a", "b"]]}]}),
        ("query", "read", {"ops": [{"op": "scan", "table": "notes", "index": "by_group", "limit": -1}]}),
        ("query", "read", {"ops": [{"op": "scan", "table": "notes", "index": "by_group", "cursor": "x"}]}),
        ("query", "read", {"ops": [], "more": 1}),
        ("query", "read", {"ops": [], "needs": {"notes": {"key": "by_record_id"}}}),
        ("query", "read", {"ops": [], "needs": ["notes"]}),
        ("mutation", "handle", {}),
        ("mutation", "handle", {"commit": []}),
        ("mutation", "handle", {"commit": {"ops": []}}),
        ("mutation", "handle", {"commit": put({"id": "a", "group": "g", "colour": "red"})}),
        ("mutation", "sweep", {"everything": True}),
        ("action", "search", {}),
        ("action", "search", {"search": {"range": {"table": "notes", "index": "by_group"}, "field": "v", "limit": 1}}),
        ("action", "search", {"search": {**SEARCH, "colour": "red"}}),
    ],
)
async def test_requests_that_make_no_sense(post: Post, kind: str, name: str, args: dict[str, Any]) -> None:
    status, answer = await post(kind, call(name, **args))
    assert (status, answer["status"]) == (200, "error")
    assert answer["errorData"]["code"] == "BadRequest"
    assert answer["errorData"]["message"]


async def test_what_the_engine_refuses(post: Post) -> None:
    _, answer = await post("query", call("read", ops=[{"op": "get", "table": "nowhere", "keys": [["a"]]}]))
    assert (answer["errorData"]["code"], answer["errorData"]["table"]) == ("UnknownTable", "nowhere")
    _, answer = await post("query", call("read", ops=[{"op": "scan", "table": "notes", "index": "by_moon"}]))
    assert (answer["errorData"]["code"], answer["errorData"]["table"]) == ("UnknownIndex", "notes")
    _, answer = await post("mutation", call("handle", commit=put({"id": "a", "group": "g" * (1 << 20)})))
    assert answer["errorData"]["code"] == "TooLarge"
    assert isinstance(answer["errorData"]["limit"], int)
    _, answer = await post("mutation", call("handle", commit=put({"id": "a"})))
    assert answer["errorData"]["code"] == "Rejected"


T = TypeVar("T")


class FailingEngine:
    """An engine whose calls end with one error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        raise self.error

    async def commit(self, commit: Commit, /) -> CommitResult:
        raise self.error

    async def search(self, search: Search, /) -> SearchResult:
        raise self.error

    async def sweep(self) -> tuple[int, bool]:
        raise self.error

    def watcher(self) -> Watcher:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (ValidationError("a bad key"), ValidationError, "BadRequest"),
        (TooLargeError("too many", details={"limit": 7}), TooLargeError, "TooLarge"),
        (SchemaMismatchError("no t", code="UnknownTable", details={"table": "t"}), SchemaMismatchError, "UnknownTable"),
        (SchemaMismatchError("no i", code="UnknownIndex", details={"index": "i"}), SchemaMismatchError, "UnknownIndex"),
        (SchemaMismatchError("none"), SchemaMismatchError, "UnknownTable"),
        (FunctionError("refused", code="Rejected"), FunctionError, "Rejected"),
        (UnavailableError("locked"), UnavailableError, "WorkerOverloaded"),
        (ClosedError("closed"), UnavailableError, "WorkerOverloaded"),
        (MastraConvexError("odd", details={"path": [1]}), FunctionError, "Rejected"),
        (RuntimeError("a secret of the server"), ServerError, "InternalServerError"),
        (RecursionError("a secret of the server"), ServerError, "InternalServerError"),
    ],
)
async def test_errors_of_the_engine_as_they_arrive(
    error: Exception, expected: type[MastraConvexError], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalServer(FailingEngine(error), admin_key=KEY) as server:
        config = RemoteConfig(
            deployment_url=server.url,
            admin_auth_token=Secret(KEY),
            retry=RetryPolicy(base=1e6, cap=1e6),  # the wait before a repeat goes beyond the deadline
        )
        engine = RemoteEngine(Transport(config), [])
        search = Search(range=IndexRange(table="notes", index="by_group"), field="v", vector=[1], limit=1)
        read: Awaitable[list[Any]] = engine.read([])
        for run in (read, engine.commit(Commit(id="one")), engine.search(search)):
            with pytest.raises(MastraConvexError) as caught:
                await run
            assert type(caught.value) is expected
            assert caught.value.details["code"] == code
            if isinstance(error, MastraConvexError):
                assert str(error) in str(caught.value)
                assert caught.value.details.items() >= {k: v for k, v in error.details.items() if k != "path"}.items()
        await engine.aclose()
    assert (type(error).__name__ in caplog.text) is not isinstance(error, MastraConvexError)
    assert "a secret" not in caplog.text


async def test_no_traceback_reaches_the_client(http: aiohttp.ClientSession) -> None:
    body = call("read", ops=[])
    async with (
        LocalServer(FailingEngine(RuntimeError("a secret")), admin_key=KEY) as server,
        http.post(f"{server.url}/api/query", json=body, headers=ADMIN) as response,
    ):
        text = await response.text()
        assert response.status == 500
    assert "secret" not in text
    assert "Traceback" not in text
    assert ".py" not in text


async def test_the_remote_engine_over_the_server(server: LocalServer) -> None:
    engine = RemoteEngine(Transport(RemoteConfig(deployment_url=server.url, admin_auth_token=Secret(KEY))), [])
    get = Get(table="notes", keys=[("a",)], fingerprints=True)
    result = await engine.commit(Commit(id="one", ops=[Put(table="notes", rows=[NOTE])], returning=[get]))
    assert result.outcomes == [Outcome(changed=1, missing=[0])]
    assert (await engine.read([get]))[0] == result.returned[0]
    await engine.aclose()
