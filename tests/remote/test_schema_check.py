"""The handshake: the first call says what it needs, and a deployment that lacks some of it is named at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore, SchemaMismatchError
from mastra_convex.deploy.convex_schema import index_lines_ts
from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
    Engine,
    Get,
    GetResult,
    IndexRange,
    Put,
    Search,
)
from mastra_convex.engine.wire import to_bytes
from mastra_convex.errors import FunctionError
from mastra_convex.remote.config import RemoteConfig
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.schema_check import needs_of
from mastra_convex.remote.secret import Secret
from mastra_convex.remote.transport import Transport
from mastra_convex.tables import CORE_TABLES, RECEIPTS, Field, Index, Table
from mastra_convex.version import VERSION
from mastra_convex_domains import WorkflowsStore
from mastra_convex_domains.memory.tables import MESSAGES, THREADS
from mastra_convex_domains.vector.tables import VECTORS
from tests.backends import KEY, Backend, ConvexHost, convex_host, open_backend, remote_store
from tests.conftest import StartHost
from tests.remote.conftest import MakeTransport
from tests.remote.programmable import Answer, ProgrammableServer, function_error, redacted, success
from tests.summary import Figure

ROW = {"id": "a", "outcome": "{}"}
PUT = Commit(id="one", ops=[Put(table=RECEIPTS.name, rows=[ROW])])
GET = Get(table=RECEIPTS.name, keys=[("a",)])
SEARCH = Search(range=IndexRange(table=VECTORS.name, index="by_index"), field="embedding", vector=[1.0], limit=1)

NOTES = Table("notes", (Field("id"),), (Index("by_record_id", ("id",)),))
LATER = replace(
    MESSAGES,
    fields=(*MESSAGES.fields, Field("mood")),
    indexes=(
        *(index for index in MESSAGES.indexes if index.name != "by_thread"),
        Index("by_thread", ("thread_id", "mood")),
        Index("by_mood", ("mood",)),
        Index("by_role", ("role",)),
    ),
    key="by_resource",
)
"""The messages of a later version."""


async def call(engine: Engine, name: str) -> None:
    """One call of each kind; all of them would succeed, and the commit would write."""
    if name == "read":
        await engine.read([GET])
    elif name == "commit":
        await engine.commit(PUT)
    else:
        await engine.search(SEARCH)


@pytest.fixture(params=["server", "convex-test"])
async def remote(request: pytest.FixtureRequest, tmp_path: Any, start_host: StartHost) -> AsyncIterator[Backend]:
    host = await start_host() if request.param == "convex-test" else None
    async with open_backend(request.param, tmp_path, host) as backend:
        yield backend


def engine_of(store: ConvexStore, tables: list[Table]) -> RemoteEngine:
    """Another engine to the deployment of a store."""
    config = RemoteConfig(deployment_url=store._location, admin_auth_token=Secret(KEY))
    return RemoteEngine(Transport(config), tables)


@pytest.mark.parametrize("name", ["read", "commit", "search"])
async def test_all_that_is_missing_is_named_before_anything_happens(remote: Backend, name: str) -> None:
    engine = engine_of(remote.store(), [THREADS, LATER, NOTES, VECTORS])
    with pytest.raises(SchemaMismatchError) as caught:
        await call(engine, name)
    await engine.aclose()

    error = caught.value
    assert error.code == "SchemaMismatch"
    assert error.details["tables"] == ["notes"]
    assert error.details["columns"] == ["mastra_messages.mood"]
    assert sorted(error.details["indexes"]) == [
        f"mastra_messages.{name}" for name in ("by_mood", "by_resource", "by_role", "by_thread")
    ]
    assert error.details["version"] == VERSION
    remedy = "where `mastra-convex dev` runs" if remote.name == "server" else "`mastra-convex init`, then deploy with"
    for words in ("notes", "mastra_messages.mood", "by_role", VERSION, remedy):
        assert words in str(error)
    assert await remote.engine().read([GET]) == [GetResult(rows=[None])]


@pytest.mark.parametrize("name", ["read", "commit", "search"])
async def test_the_first_call_of_any_kind_learns_the_version(remote: Backend, name: str) -> None:
    engine = engine_of(remote.store(), [THREADS, VECTORS])
    assert engine.version is None
    await call(engine, name)
    assert engine.version == VERSION
    await engine.aclose()


def answer(**members: Any) -> Answer:
    return success({"protocol": PROTOCOL, "results": [], "result": {"status": "done", "hits": []}, **members})


def mismatch() -> Answer:
    data = {"code": "SchemaMismatch", "message": "", "version": "9.9.9", "tables": ["notes"]}
    return function_error("Uncaught ConvexError", data)


@pytest.fixture
async def engine(make_transport: MakeTransport) -> RemoteEngine:
    return RemoteEngine(make_transport(), [NOTES])


async def test_needs_are_sent_until_a_call_has_succeeded(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.queue(mismatch(), mismatch(), answer(version="9.9.9"))
    server.usual = answer()
    for _ in range(2):  # the deployment may be mended meanwhile
        with pytest.raises(SchemaMismatchError, match=r"9\.9\.9.*tables: notes"):
            await engine.read([])
    await engine.read([])
    await engine.read([])
    await engine.commit(Commit(id="one"))
    await engine.search(SEARCH)

    assert ["needs" in seen.json["args"] for seen in server.seen] == [True] * 3 + [False] * 3
    assert server.seen[0].json["args"]["needs"] == {
        "notes": {"key": "by_record_id", "fields": ["id"], "indexes": {"by_record_id": ["id"]}},
        **{name: orjson.loads(to_bytes(needs)) for name, needs in needs_of(CORE_TABLES).items()},
    }
    assert server.seen[3].json["args"] == {"protocol": PROTOCOL, "ops": []}  # as the cache of queries wants it
    assert engine.version == "9.9.9"


async def test_it_takes_no_call_of_its_own_and_few_bytes(host: ConvexHost, figure: Figure) -> None:
    await host.reset()
    async with remote_store(host.url, None) as store:
        await store.memory.get_thread_by_id("none")
    totals = (await host.stats())["totals"]
    assert totals["calls"] == 1
    assert totals["requestBytes"] <= 12_000
    figure("handshake: bytes of the first call of a store with all domains", int(totals["requestBytes"]))


@pytest.mark.parametrize(
    "refusal", [function_error("ArgumentValidationError: Object contains extra field"), redacted()]
)
@pytest.mark.parametrize("name", ["read", "commit", "search"])
async def test_functions_of_an_earlier_version(
    server: ProgrammableServer, engine: RemoteEngine, name: str, refusal: Answer
) -> None:
    server.usual = refusal
    with pytest.raises(SchemaMismatchError, match="mastra-convex init"):
        await call(engine, name)


@pytest.fixture(scope="module")
async def forgetful() -> AsyncIterator[ConvexHost]:
    """A deployment whose schema.ts lacks our lines."""
    async with convex_host("stock") as host:
        yield host


FORGOTTEN = [
    f"{table.name}.{index.name}" for table in (THREADS, MESSAGES, VECTORS) for index in table.indexes if index.extra
]


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store._engine.read([GET]),
        lambda store: store._engine.commit(PUT),
        lambda store: store._engine.search(SEARCH),
        lambda store: store.init(),
        lambda store: store.memory.get_thread_by_id("t"),
        lambda store: store.memory.save_thread({"id": "t", "resource_id": "r"}),
        lambda store: store.workflows.list_workflow_runs(),
    ],
    ids=["read", "commit", "search", "init", "get", "save", "another domain"],
)
async def test_every_index_that_the_database_lacks_is_named(
    forgetful: ConvexHost, call: Callable[[ConvexStore], Awaitable[object]]
) -> None:
    await forgetful.reset()
    async with remote_store(forgetful.url, None) as store:
        for _ in range(2):  # the deployment may be mended meanwhile
            with pytest.raises(SchemaMismatchError) as caught:
                await call(store)
            assert caught.value.code == "SchemaMismatch"
            assert sorted(caught.value.details["indexes"]) == sorted(FORGOTTEN)
            assert not caught.value.details["tables"]
            assert all(name in str(caught.value) for name in FORGOTTEN)
    assert (await forgetful.stats())["totals"]["calls"] == 2
    assert await forgetful.rows("mastra_threads") == []
    assert await forgetful.rows(RECEIPTS.name) == []


def test_the_lines_that_were_forgotten_are_those_that_init_prints() -> None:
    lines = index_lines_ts([THREADS, MESSAGES, VECTORS])
    assert FORGOTTEN
    assert all(f'"{name.partition(".")[2]}"' in lines for name in FORGOTTEN)


async def test_a_store_whose_indexes_are_there_works(forgetful: ConvexHost) -> None:
    async with remote_store(forgetful.url, [WorkflowsStore]) as store:
        await store.init()
        assert (await store.workflows.list_workflow_runs()).runs == []


async def test_needs_are_sent_again_after_the_database_rejected_a_call(
    server: ProgrammableServer, engine: RemoteEngine
) -> None:
    rejected = function_error("Uncaught ConvexError", {"code": "Rejected", "message": "Index notes.x not found."})
    server.queue(answer(), rejected, mismatch(), answer())
    server.usual = answer()
    await engine.commit(PUT)
    with pytest.raises(FunctionError, match="not found"):
        await engine.commit(PUT)
    with pytest.raises(SchemaMismatchError, match="tables: notes"):
        await engine.commit(PUT)
    await engine.commit(PUT)
    await engine.commit(PUT)
    assert ["needs" in seen.json["args"] for seen in server.seen] == [True, False, True, True, False]


async def test_a_sweep_says_no_needs_and_meets_none(server: ProgrammableServer, engine: RemoteEngine) -> None:
    server.queue(success({"protocol": PROTOCOL, "deleted": 0.0, "done": True}), answer())
    await engine.sweep()
    await engine.read([])
    assert ["needs" in seen.json["args"] for seen in server.seen] == [False, True]
