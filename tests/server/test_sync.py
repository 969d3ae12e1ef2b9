"""The sync endpoint of the local server, on the wire."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from mastra_convex.engine.protocol import PROTOCOL, Commit, Put
from mastra_convex.local import watching
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer, sync
from tests.server.conftest import KEY

READ = "mastra/storage:read"
START = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}


class Socket:
    """A client that checks the chain of versions."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.version: Any = START

    async def send(self, kind: str, **members: Any) -> None:
        await self.socket.send_str(orjson.dumps({"type": kind, **members}).decode())

    async def next(self) -> Any:
        async with asyncio.timeout(20):
            message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return self.socket.close_code
        answer = orjson.loads(message.data)
        if answer["type"] == "Transition":
            assert answer["startVersion"] == self.version
            assert isinstance(answer["serverTs"], int)
            assert isinstance(answer["clientClockSkew"], int)
            self.version = answer["endVersion"]
        return answer

    async def begin(self, key: str = KEY) -> None:
        await self.send("Connect", sessionId="1", connectionCount=0, lastCloseReason=None)
        await self.send("Authenticate", tokenType="Admin", value=key, baseVersion=0)

    async def modify(self, base: int, *modifications: Any) -> None:
        await self.send("ModifyQuerySet", baseVersion=base, newVersion=base + 1, modifications=modifications)

    async def until(self, query_set: int) -> dict[int, Any]:
        """The newest modification of each query when the server has heard of a query set."""
        found: dict[int, Any] = {}
        while self.version["querySet"] < query_set:
            for each in (await self.next())["modifications"]:
                found[each["queryId"]] = each
        return found


def add(id: int, path: str = READ, **args: Any) -> dict[str, Any]:
    args = {"protocol": PROTOCOL, "ops": [], **args}
    return {"type": "Add", "queryId": id, "udfPath": path, "args": [args]}


def get(*keys: str) -> list[Any]:
    return [{"op": "get", "table": "notes", "keys": [[key] for key in keys]}]


async def put(engine: LocalEngine, id: str, *ids: str, group: str = "g") -> None:
    rows = [{"id": each, "group": group} for each in (id, *ids)]
    await engine.commit(Commit(id=f"{id} {group}", ops=[Put(table="notes", rows=rows)]))


@asynccontextmanager
async def connected(server: LocalServer, path: str = "/api/sync", **headers: str) -> AsyncGenerator[Socket]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + path, headers=headers, max_msg_size=0) as socket,
    ):
        yield Socket(socket)


@pytest.mark.parametrize("path", ["/api/sync", "/api/1.48.0/sync"])
async def test_queries_are_answered_and_told_of_changes(server: LocalServer, engine: LocalEngine, path: str) -> None:
    async with connected(server, path) as socket:
        await socket.begin()
        await socket.modify(0, add(0, ops=get("a")), add(1, "mastra/storage.js:read", ops=get("b")))
        found = await socket.until(1)
        assert {each["type"] for each in found.values()} == {"QueryUpdated"}
        assert found[0]["value"] == {"protocol": PROTOCOL, "results": [{"rows": [None]}]}
        assert found[0]["journal"] is None
        await put(engine, "a")
        [change] = (await socket.next())["modifications"]
        assert (change["queryId"], change["value"]["results"][0]["rows"][0]["id"]) == (0, "a")
        await put(engine, "other")
        await put(engine, "b")
        [change] = (await socket.next())["modifications"]  # nothing was told of the other row
        assert change["queryId"] == 1
        await socket.modify(1, {"type": "Remove", "queryId": 0})
        assert (await socket.until(2))[0] == {"type": "QueryRemoved", "queryId": 0}


async def test_all_results_of_a_transition_are_of_one_snapshot(server: LocalServer, engine: LocalEngine) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.modify(0, add(0, ops=get("a")), add(1, ops=get("b")))
        await socket.until(1)
        groups: dict[int, str] = {}
        writing = asyncio.ensure_future(_write(engine))
        while groups.get(0) != "19":
            for change in (await socket.next())["modifications"]:
                groups[change["queryId"]] = change["value"]["results"][0]["rows"][0]["group"]
            assert groups[0] == groups[1]
        await writing


async def _write(engine: LocalEngine) -> None:
    for n in range(20):
        await put(engine, "a", "b", group=str(n))


@pytest.mark.parametrize(
    ("modification", "words"),
    [
        (add(0, "mastra/storage:other"), "Could not find public function"),
        (add(0, "mastra/storage:handle"), "Trying to execute"),
        (add(0, protocol="other"), "ProtocolMismatch"),
        (add(0, ops=[{"op": "get", "table": "nothing", "keys": []}]), "UnknownTable"),
        (add(0, ops=[{"op": "dance"}]), "BadRequest"),
        (add(0, more=1), "BadRequest"),
        ({"type": "Add", "queryId": 0, "udfPath": READ, "args": 7}, "ProtocolMismatch"),
    ],
)
async def test_a_query_that_fails_fails_alone(server: LocalServer, modification: Any, words: str) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.modify(0, modification, add(1))
        found = await socket.until(1)
        assert found[0]["type"] == "QueryFailed"
        assert words in str(found[0])
        assert found[1]["type"] == "QueryUpdated"


async def test_without_the_key_no_function_is_found(server: LocalServer) -> None:
    async with connected(server) as socket:
        await socket.send("Connect", sessionId="1", connectionCount=0)
        await socket.modify(0, add(0))
        assert "Could not find public function" in str((await socket.until(1))[0])
        await socket.send("Authenticate", tokenType="Admin", value=KEY, baseVersion=0)
        [change] = (await socket.next())["modifications"]
        assert change["type"] == "QueryUpdated"


@pytest.mark.parametrize("kind", ["Admin", "User"])
async def test_a_wrong_key_is_refused(server: LocalServer, kind: str) -> None:
    async with connected(server) as socket:
        await socket.send("Connect", sessionId="1", connectionCount=0)
        await socket.send("Authenticate", tokenType=kind, value="wrong|0123456789", baseVersion=0)
        answer = await socket.next()
        assert (answer["type"], answer["authUpdateAttempted"]) == ("AuthError", True)
        assert isinstance(await socket.next(), int)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type":"Dance"}',
        '{"type":"Connect"}',
        '{"type":"ModifyQuerySet","baseVersion":7,"newVersion":8,"modifications":[]}',
        '{"type":"Authenticate","baseVersion":7,"tokenType":"None"}',
    ],
)
async def test_what_is_not_the_protocol_ends_the_connection(server: LocalServer, text: str) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.next()
        await socket.socket.send_str(text)
        while (answer := await socket.next())["type"] != "FatalError":
            pass
        assert "{" not in answer["error"]
        assert isinstance(await socket.next(), int)


async def test_ids_that_are_wrong_end_the_connection(server: LocalServer) -> None:
    for modifications in ([add(0), add(0)], [{"type": "Remove", "queryId": 5}], [{"type": "Add"}]):
        async with connected(server) as socket:
            await socket.begin()
            await socket.modify(0, *modifications)
            while not isinstance(answer := await socket.next(), int):
                pass
            assert answer == 1011


async def test_mutations_are_answered_with_an_error(server: LocalServer) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.next()
        for kind in ("Mutation", "Action"):
            await socket.send(kind, requestId=3, udfPath="mastra/storage:handle", args=[{}])
            answer = await socket.next()
            assert (answer["type"], answer["requestId"], answer["success"]) == (f"{kind}Response", 3, False)
            assert "HTTP" in answer["result"]


@pytest.mark.parametrize("size", [70_000, 3 << 20])
@pytest.mark.parametrize("messages", [1, 100])
async def test_a_socket_that_sends_much_without_the_key_is_refused(
    server: LocalServer, size: int, messages: int
) -> None:
    async with connected(server) as socket:
        if messages > 1:
            await socket.send("Connect", sessionId="1", connectionCount=0)
        for _ in range(messages):
            await socket.send("Event", eventType="x" * (size // messages), event=None)
        while (answer := await socket.next())["type"] == "Ping":
            pass
        assert answer["type"] == "FatalError"
        assert isinstance(await socket.next(), int)


async def test_much_may_follow_the_key_at_once(server: LocalServer) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.modify(0, *(add(n, ops=get(f"n{n}", "x" * 3_000)) for n in range(100)))
        assert len(await socket.until(1)) == 100


async def test_requests_that_become_no_socket(server: LocalServer) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{server.url}/api/sync", headers={"Convex-Client": "nodash"})
        assert refused.value.status == 400
        async with session.get(f"{server.url}/api/sync") as response:
            assert response.status == 400


async def test_a_socket_that_shows_no_key_in_time_is_closed(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_AUTHENTICATE_WITHIN", 0.2)
    async with connected(server) as silent, connected(server) as talking, connected(server) as authenticated:
        await authenticated.begin()
        await talking.send("Connect", sessionId="1", connectionCount=0)

        async def talk() -> None:
            while True:  # what it says gives it no more time
                await talking.send("Event", eventType="x", event=None)
                await asyncio.sleep(0.01)

        chatter = asyncio.ensure_future(talk())
        assert await silent.next() == 1008
        assert await talking.next() == 1008
        chatter.cancel()
        await authenticated.modify(0, add(0))
        assert (await authenticated.until(1))[0]["type"] == "QueryUpdated"


async def test_sockets_are_limited_and_those_without_the_key_more(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MAX_SOCKETS", 4)
    monkeypatch.setattr(sync, "_MAX_ANONYMOUS_SOCKETS", 2)
    async with AsyncExitStack() as stack:

        async def another() -> Socket | None:
            try:
                return await stack.enter_async_context(connected(server))
            except aiohttp.WSServerHandshakeError as refused:
                if refused.status != 503:
                    raise
                return None

        sockets = [await another(), await another()]
        assert await another() is None
        for socket in sockets:
            assert socket is not None
            await socket.begin()
            await socket.next()
            assert await another() is not None
        assert await another() is None  # four are open
        assert sockets[0] is not None
        await sockets[0].socket.close()
        monkeypatch.setattr(sync, "_MAX_ANONYMOUS_SOCKETS", 3)
        while await another() is None:
            pass  # the server hears of it a moment later


async def test_large_results_come_in_several_transitions(
    server: LocalServer, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_MOST_BYTES", 1 << 20)
    rows = [{"id": f"n{n}", "group": "g", "extra": "x" * 700_000} for n in range(4)]
    for row in rows:
        await engine.commit(Commit(id=row["id"], ops=[Put(table="notes", rows=[row])]))
    async with connected(server) as socket:
        await socket.begin()
        await socket.modify(0, *(add(n, ops=get(f"n{n}")) for n in range(4)), add(4, ops=get("none")))
        told: list[list[int]] = []
        while sum(map(len, told)) < 5:
            transition = await socket.next()
            assert len(orjson.dumps(transition)) < 1_500_000
            told.append([each["queryId"] for each in transition["modifications"]])
    assert [ids for ids in told if ids] == [[0, 1], [2, 3], [4]]


async def test_the_time_of_a_client_is_not_undercut(server: LocalServer) -> None:
    future = "AAAAAAAAAH8="  # little endian
    async with connected(server) as socket:
        await socket.send("Connect", sessionId="1", connectionCount=1, maxObservedTimestamp=future)
        await socket.send("Authenticate", tokenType="Admin", value=KEY, baseVersion=0)
        await socket.next()
        assert _number(socket.version["ts"]) > _number(future)


def _number(ts: str) -> int:

    return int.from_bytes(base64.b64decode(ts), "little")


async def test_a_server_that_ends_says_so(engine: LocalEngine) -> None:
    async with LocalServer(engine, admin_key=KEY) as server, connected(server) as socket:
        await socket.begin()
        await socket.next()
        closing = asyncio.ensure_future(server.aclose())
        assert await socket.next() == 1001
        await closing


async def test_a_thousand_queries_on_one_socket(server: LocalServer, engine: LocalEngine) -> None:
    async with connected(server) as socket:
        await socket.begin()
        await socket.modify(0, *(add(n, ops=get(f"n{n}")) for n in range(1_000)))
        assert len(await socket.until(1)) == 1_000
        await put(engine, "n7")
        [change] = (await socket.next())["modifications"]
        assert change["queryId"] == 7
        await socket.modify(1, add(1_000))
        assert (await socket.until(2))[1_000]["type"] == "QueryFailed"
