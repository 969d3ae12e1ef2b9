"""The handshake: the first call says what it needs, and a deployment that lacks some of it is named at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore, SchemaMismatchError
from mastra_convex.deploy.convex_schema import index_lines_ts
from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
    EmptyGuard,
    Engine,
    Get,
    GetResult,
    IndexRange,
    Put,
    Scan,
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
    for words in ("notes", "mastra_messages.mood", "by_role", VERSION, "mastra-convex init", "npx convex deploy"):
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
    assert totals["requestBytes"] <= 4_000
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


FORGOTTEN = [f"{table.name}.{index.name}" for table in (THREADS, VECTORS) for index in table.indexes if index.extra]


UNINDEXED = IndexRange(table=VECTORS.name, index="by_record_id")


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.read([Scan(table=UNINDEXED.table, index=UNINDEXED.index)]),
        lambda engine: engine.commit(Commit(id="one", guards=[EmptyGuard(range=UNINDEXED)])),
        lambda engine: engine.search(replace(SEARCH, range=UNINDEXED)),
    ],
    ids=["read", "commit", "search"],
)
async def test_every_index_that_the_database_lacks_is_named(
    forgetful: ConvexHost, call: Callable[[Engine], Awaitable[object]]
) -> None:
    async with remote_store(forgetful.url, None) as store:
        with pytest.raises(SchemaMismatchError) as caught:
            await call(store._engine)
    assert sorted(caught.value.details["indexes"]) == sorted(FORGOTTEN)
    assert not caught.value.details["tables"]
    assert all(name in str(caught.value) for name in FORGOTTEN)
    assert isinstance(caught.value.__cause__, FunctionError)


def test_the_lines_that_were_forgotten_are_those_that_init_prints() -> None:
    lines = index_lines_ts([THREADS, VECTORS])
    assert FORGOTTEN
    assert all(f'"{name.partition(".")[2]}"' in lines for name in FORGOTTEN)


async def test_what_is_there_still_works(forgetful: ConvexHost) -> None:
    async with remote_store(forgetful.url, None) as store:
        await store.memory.save_thread({"id": "t", "resource_id": "r"})
        found = await store.memory.get_thread_by_id("t")
    assert found is not None


def described(table: Table, **members: Any) -> dict[str, Any]:
    (needs,) = needs_of([table]).values()
    return {"deployed": True, "native": [], "missing": [], **asdict(needs), **members}


async def test_the_database_is_looked_at_until_all_is_there(server: ProgrammableServer, engine: RemoteEngine) -> None:
    whole = answer(results=[described(NOTES), *map(described, CORE_TABLES)])
    lacking = answer(results=[described(NOTES, missing=["by_record_id"]), *map(described, CORE_TABLES)])
    rejected = function_error("Uncaught ConvexError", {"code": "Rejected", "message": "Index notes.x not found."})
    server.queue(rejected, lacking, rejected, whole, rejected, rejected)
    with pytest.raises(SchemaMismatchError, match=r"indexes: notes\.by_record_id"):
        await engine.commit(PUT)
    for _ in range(3):  # a look for the first of them only
        with pytest.raises(FunctionError, match="not found"):
            await engine.commit(PUT)
    probes = [seen.json["args"]["ops"] for seen in server.seen if seen.target == "/api/query"]
    wanted = [
        {"op": "describe", "table": name, "probe": True} for name in ("notes", *(table.name for table in CORE_TABLES))
    ]
    assert probes == [wanted, wanted]
