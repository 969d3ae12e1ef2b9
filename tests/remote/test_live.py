"""The client of the sync protocol, against a server that says what the test wants."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from mastra_convex.errors import (
    AuthenticationError,
    ConnectionFailedError,
    FunctionError,
    MastraConvexError,
    RequestTimeoutError,
    SchemaMismatchError,
    ServerError,
    TooLargeError,
    TransportError,
)
from mastra_convex.remote import live
from mastra_convex.remote.live import LiveQueries
from mastra_convex.remote.sync_protocol import Query
from mastra_convex.remote.transport import Transport
from tests.remote.conftest import KEY, config_for
from tests.watching import States, other_tasks, watching

A, B = Query("mastra/storage:read", b'{"ops":[]}'), Query("mastra/storage:read", b'{"ops":[1]}')


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(live, "_OVERLOADED_WAIT", 0.001)


class Connection:
    """One connection as the server sees it."""

    def __init__(self, socket: web.WebSocketResponse, headers: Any) -> None:
        self.socket = socket
        self.headers = headers
        self.version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
        self.queries: dict[int, Any] = {}
        self.sent = 0

    async def hear(self) -> Any:
        message = await self.socket.receive(timeout=20)
        return orjson.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def greeted(self) -> list[Any]:
        """Hears the three first messages."""
        heard = [await self.hear() for _ in range(3)]
        self.take(heard[2])
        return heard

    def take(self, message: Any) -> None:
        for each in message["modifications"]:
            if each["type"] == "Add":
                self.queries[each["queryId"]] = each
            else:
                del self.queries[each["queryId"]]
        self.sent = message["newVersion"]

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(orjson.dumps(message).decode())

    async def tell(self, **values: Any) -> None:
        """Tells each query, by its id after a letter, a value or a failure."""
        changes = [{"queryId": int(id[1:]), **_modification(value)} for id, value in values.items()]
        start, ts = self.version, int.from_bytes(base64.b64decode(self.version["ts"]), "little")
        ts_now = base64.b64encode((ts + 1).to_bytes(8, "little")).decode()
        self.version = {"querySet": self.sent, "identity": 1, "ts": ts_now}
        await self.say(type="Transition", startVersion=start, endVersion=self.version, modifications=changes)


def _modification(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and "errorMessage" in value:
        return {"type": "QueryFailed", **value, "logLines": [], "journal": None}
    return {"type": "QueryUpdated", "value": value, "logLines": [], "journal": None}


class SyncServer:
    """Gives the connections that arrive, in order; the test converses on each and ends it."""

    def __init__(self) -> None:
        self.url = ""
        self.refusals: list[web.Response] = []
        self._arrived: asyncio.Queue[tuple[Connection, asyncio.Event]] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusals:
            return self.refusals.pop(0)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        ended = asyncio.Event()
        self._arrived.put_nowait((Connection(socket, request.headers), ended))
        await ended.wait()
        return socket

    @asynccontextmanager
    async def connection(self, *, greets: bool = True) -> AsyncIterator[Connection]:
        async with asyncio.timeout(20):
            connection, ended = await self._arrived.get()
            if greets:
                await connection.greeted()
        try:
            yield connection
        finally:
            ended.set()


@pytest.fixture
async def sync() -> AsyncIterator[SyncServer]:
    server = SyncServer()
    application = web.Application()
    application.router.add_get("/api/sync", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@asynccontextmanager
async def queries(url: str, **options: Any) -> AsyncIterator[LiveQueries]:
    transport = Transport(config_for(url, **options))
    found = LiveQueries(transport)
    try:
        yield found
    finally:
        await found.aclose()
        await transport.aclose()


@asynccontextmanager
async def watched(sync: SyncServer, **options: Any) -> AsyncIterator[tuple[States[Any], asyncio.Task[Any]]]:
    """A watch of A, and the task that waits for its first state."""
    give_up_after = options.pop("give_up_after", None)
    async with queries(sync.url, **options) as found, watching(found.watch(A, give_up_after=give_up_after)) as states:
        first = asyncio.create_task(states.next())
        yield states, first
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_the_first_messages(sync: SyncServer) -> None:
    async with watched(sync) as (states, first):
        async with sync.connection(greets=False) as connection:
            connect, authenticate, modify = await connection.greeted()
            assert connection.headers["Convex-Client"].startswith("mastraconvex-")
            assert "Authorization" not in connection.headers
            assert (connect["type"], connect["connectionCount"], connect["lastCloseReason"]) == ("Connect", 0, None)
            assert authenticate == {"type": "Authenticate", "tokenType": "Admin", "value": KEY, "baseVersion": 0}
            assert (modify["baseVersion"], modify["newVersion"]) == (0, 1)
            query = {"type": "Add", "queryId": 0, "udfPath": A.path, "args": [{"ops": []}]}
            assert modify["modifications"] == [query]
            await connection.tell(q0=1)
            assert await first == 1
        async with sync.connection(greets=False) as connection:
            connect, _, modify = await connection.greeted()
            assert (connect["connectionCount"], connect["maxObservedTimestamp"]) == (1, "AQAAAAAAAAA=")
            assert modify["modifications"] == [query]
            await connection.tell(q0=1)  # as before: no news
            await connection.tell(q0=2)
            assert await states.next() == 2


async def test_equal_watches_share_a_query(sync: SyncServer) -> None:
    async with queries(sync.url) as found, watching(found.watch(A)) as one:
        first = asyncio.create_task(one.next())
        async with sync.connection() as connection:
            await connection.tell(q0="a")
            assert await first == "a"
            async with watching(found.watch(A)) as other:
                assert await other.next() == "a"
                async with watching(found.watch(B)) as third:
                    waiting = asyncio.create_task(third.next())
                    connection.take(await connection.hear())
                    assert list(connection.queries) == [0, 1]
                    await connection.tell(q1="b")
                    assert await waiting == "b"
                connection.take(await connection.hear())
                assert list(connection.queries) == [0]
                await connection.tell(q1="late")  # of a query that is gone
            await connection.tell(q0="c")
            assert await one.next() == "c"


@pytest.mark.parametrize(
    "value",
    [
        None,
        17.0,
        {"a": [1, {"$float": "AAAAAAAAAIA="}]},
        {"n": {"$integer": "AQAAAAAAAAA="}, "b": {"$bytes": "AQI="}, "i": {"$float": "AAAAAAAA8H8="}},
        pytest.param("x" * (16 << 20), id="16 MiB"),
    ],
    ids=["null", "number", "negative zero", "marked", "16 MiB"],
)
async def test_values_as_over_http(sync: SyncServer, value: Any) -> None:
    async with watched(sync) as (_, first), sync.connection() as connection:
        await connection.tell(q0=value)
        expected = {"n": "1", "b": "AQI=", "i": "Infinity"} if isinstance(value, dict) and "n" in value else value
        expected = {"a": [1, -0.0]} if isinstance(value, dict) and "a" in value else expected
        assert await first == expected


async def test_a_transition_is_as_large_as_its_results(sync: SyncServer) -> None:
    """A result has at most 16 MiB, a transition those of all queries."""
    one, other = "x" * (16 << 20), "y" * (16 << 20)
    async with queries(sync.url) as found, watching(found.watch(A)) as a, watching(found.watch(B)) as b:
        waiting = [asyncio.create_task(each.next()) for each in (a, b)]
        async with sync.connection() as connection:
            await connection.tell(q0=one, q1=other)
            assert await asyncio.gather(*waiting) == [one, other]
            await connection.tell(q0=other)
            assert await a.next() == other


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"errorMessage": "[Request ID: 1] Server Error\nUncaught Error: because"}, FunctionError),
        ({"errorMessage": "Could not find public function for 'x'"}, SchemaMismatchError),
        ({"errorMessage": "x", "errorData": {"code": "UnknownTable", "message": "no"}}, SchemaMismatchError),
        ({"errorMessage": "x", "errorData": {"code": "TooLarge", "message": "no"}}, TooLargeError),
        ({"errorMessage": "Function x return value is too large (actual: 16777217 bytes)"}, FunctionError),
    ],
)
async def test_a_failed_query_ends_its_watch_alone(sync: SyncServer, failure: Any, error: type[Exception]) -> None:
    async with queries(sync.url) as found, watching(found.watch(A)) as a, watching(found.watch(B)) as b:
        waiting = [asyncio.create_task(each.next()) for each in (a, b)]
        async with sync.connection() as connection:
            await connection.tell(q0=failure, q1=1)
            with pytest.raises(error):
                await waiting[0]
            assert await waiting[1] == 1
            connection.take(await connection.hear())
            assert list(connection.queries) == [1]
            await connection.tell(q1=2)
            assert await b.next() == 2


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "AuthError", "error": f"no {KEY}", "authUpdateAttempted": True}, AuthenticationError),
        ({"type": "FatalError", "error": "BaseVersionMismatch"}, ServerError),
    ],
)
async def test_refusals_end_all(sync: SyncServer, message: Any, error: type[Exception]) -> None:
    async with watched(sync) as (states, first), sync.connection() as connection:
        await connection.tell(q0=1)
        await first
        await connection.say(**message)
        with pytest.raises(error) as refused:
            await states.next()
        assert not isinstance(refused.value, TransportError)


async def _broken_chain(connection: Connection) -> None:
    connection.version = {**connection.version, "querySet": 9}
    await connection.tell(q0=2)


BREAKS: dict[str, Callable[[Connection], Any]] = {
    "no JSON": lambda connection: connection.socket.send_str("{"),
    "half a message": lambda connection: connection.say(type="Transition"),
    "a list": lambda connection: connection.socket.send_str("[]"),
    "binary": lambda connection: connection.socket.send_bytes(b"x"),
    "broken chain": _broken_chain,
    "1000": lambda connection: connection.socket.close(code=1000),
    "1001": lambda connection: connection.socket.close(code=1001),
    "1011": lambda connection: connection.socket.close(code=1011, message=b"InternalServerError"),
    "1013": lambda connection: connection.socket.close(code=1013, message=b"TooManyConcurrentRequests"),
    "4040": lambda connection: connection.socket.close(code=4040),
    "reset": lambda connection: asyncio.sleep(0),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_broken_connection_is_made_again(sync: SyncServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mastra_convex.live")
    async with watched(sync) as (states, first):
        async with sync.connection() as connection:
            await connection.say(type="Ping")
            await connection.say(type="SomethingNew")
            await connection.tell(q0=1)
            assert await first == 1
            await BREAKS[name](connection)
        async with sync.connection() as connection:
            await connection.tell(q0=2)
            assert await states.next() == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert KEY not in caplog.text


async def test_refused_upgrades(sync: SyncServer) -> None:
    sync.refusals = [web.Response(status=503), web.Response(status=429)]
    async with watched(sync) as (_, first), sync.connection() as connection:
        await connection.tell(q0=1)
        assert await first == 1
    sync.refusals = [web.json_response({"code": "ClientVersionUnsupported", "message": "old"}, status=400)]
    async with watched(sync) as (_, first):
        with pytest.raises(MastraConvexError):
            await first


async def test_the_first_answer_comes_in_time(sync: SyncServer) -> None:
    async with watched(sync, timeout=0.2) as (_, first), sync.connection():
        with pytest.raises(RequestTimeoutError):
            await first
    async with queries("http://127.0.0.1:9", timeout=0.2) as found, watching(found.watch(A)) as states:
        with pytest.raises(ConnectionFailedError):
            await states.next()


async def test_giving_up(sync: SyncServer) -> None:
    async with watched(sync, give_up_after=0.05) as (states, first):
        async with sync.connection() as connection:
            await connection.tell(q0=1)
            await first
        with pytest.raises(TransportError):
            await states.next()


async def test_the_last_watch_takes_the_connection_along(sync: SyncServer) -> None:
    async with queries(sync.url) as found:
        before = other_tasks()
        async with watching(found.watch(A)) as states:
            first = asyncio.create_task(states.next())
            async with sync.connection() as connection:
                await connection.tell(q0=1)
                await first
                await states.aclose()
                heard = await connection.hear()
                assert heard is None or heard["modifications"][0]["type"] == "Remove"
                await connection.socket.close()
        async with asyncio.timeout(20):
            while other_tasks() - before:  # noqa: ASYNC110  # tasks tell nobody of their end
                await asyncio.sleep(0.001)
