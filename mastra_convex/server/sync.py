"""The sync endpoint of the local server: live queries over WebSockets (docs/protocol.md, "watch"). Internal."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from mastra_convex.errors import ClosedError, MastraConvexError
from mastra_convex.local.watching import State, Watcher
from mastra_convex.remote.secret import Secret
from mastra_convex.server.functions import FunctionFailedError, Functions, translated
from mastra_convex.server.gate import Gate
from mastra_convex.server.requests import RefusedError

MAX_SOCKETS: Final = 1_000
MAX_QUERIES: Final = 1_000
"""Queries that one socket may watch."""
_MAX_ANONYMOUS_SOCKETS: Final = 100
_MAX_MESSAGE: Final = 4 << 20
_MAX_ANONYMOUS_BYTES: Final = 64 << 10
"""Bytes that are read of a socket before it has shown the admin key."""
_AUTHENTICATE_WITHIN: Final = 10.0
"""Seconds after which a socket is closed that has not shown the admin key."""
_PING_AFTER: Final = 15.0
"""Seconds without another message after which a ping is sent, which clients wait for."""
_HEARTBEAT: Final = 30.0
"""Seconds between pings of WebSocket, which find out that a client is gone."""
_TRY_AGAIN: Final = 0.5
"""Seconds after which reads are tried again while the file cannot be read."""
_FIRST: Final = "the first message must be Connect"


class Sockets:
    """Serves the sockets of one server."""

    def __init__(self, watcher: Callable[[], Watcher], functions: Functions, key: Secret) -> None:
        self._watcher = watcher
        self._functions = functions
        self._key = key
        self._open: set[web.WebSocketResponse] = set()
        self._anonymous: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one socket to its end. Raises RefusedError for a request that does not become one."""
        client = request.headers.get("Convex-Client")
        if client is not None and "-" not in client:
            raise RefusedError(400, "InvalidClientVersion", "Convex-Client must be name-version")
        if len(self._open) >= MAX_SOCKETS or len(self._anonymous) >= _MAX_ANONYMOUS_SOCKETS:
            raise RefusedError(503, "TooManyConcurrentRequests", "too many sockets are open")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_MAX_MESSAGE, compress=False)
        if not socket.can_prepare(request):
            raise RefusedError(400, "BadUpgrade", "this endpoint takes WebSockets only")
        await socket.prepare(request)
        if request.transport is None:
            return socket
        self._open.add(socket)
        self._anonymous.add(socket)
        try:
            session = _Session(socket, request.transport, self._watcher(), self._functions, self._key)
            await session.run(lambda: self._anonymous.discard(socket))
        except ClosedError:
            await socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)
        finally:
            self._open.discard(socket)
            self._anonymous.discard(socket)
        return socket

    async def close(self, application: web.Application) -> None:
        """Closes all sockets, as a server that is about to end does."""
        closing = [socket.close(code=aiohttp.WSCloseCode.GOING_AWAY) for socket in list(self._open)]
        await asyncio.gather(*closing, return_exceptions=True)


class _FatalError(Exception):
    """Says what a client did wrong; it ends the connection."""


class _Session:
    """One socket: its versions, its key, its queries.

    Messages are kept until the next transition begins, which tells that all of them were heard.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        watcher: Watcher,
        functions: Functions,
        key: Secret,
    ) -> None:
        self._socket = socket
        self._gate = Gate(transport, _MAX_ANONYMOUS_BYTES, self._hurry)
        self._patience = asyncio.timeout(None)
        self._limit = asyncio.get_running_loop().time() + _AUTHENTICATE_WITHIN
        self._watcher = watcher
        self._functions = functions
        self._key = key
        self._heard: list[dict[str, Any]] = []
        self._query_set = self._identity = 0
        self._told: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": _encoded(0)}
        self._ts = 0
        self._is_connected = self._is_admin = False
        self._queries: dict[int, tuple[str, Any]] = {}
        self._members: dict[int, bytes] = {}

    async def run(self, on_admin: Callable[[], object]) -> None:
        """Serves until either side ends; calls `on_admin` when the key was shown."""
        teller = asyncio.create_task(self._tell())
        teller.add_done_callback(lambda _: self._watcher.wake())
        try:
            while not self._socket.closed:
                message = await self._receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
                    if self._is_admin:
                        self._gate.open()
                        on_admin()
                elif message.type is aiohttp.WSMsgType.BINARY:
                    raise _FatalError("binary messages are not understood")
                else:
                    return
        except TimeoutError:
            await self._socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=b"AuthenticationTimeout")
        except _FatalError as error:
            await self._send({"type": "FatalError", "error": str(error)})
            await self._socket.close()
        finally:
            teller.cancel()
            await asyncio.gather(teller, return_exceptions=True)
            self._watcher.close()

    async def _receive(self) -> aiohttp.WSMessage:
        """Waits for a message: before the key was shown no longer, and for no more bytes, than that may take."""
        if self._is_admin:
            return await self._socket.receive()
        try:
            async with asyncio.timeout_at(0 if self._gate.is_full else self._limit) as self._patience:
                return await self._socket.receive()
        except TimeoutError:
            if not self._gate.is_full:
                raise
            self._gate.refuse()
            raise _FatalError("too much was sent before the key") from None

    def _hurry(self) -> None:
        """Has `_receive` wait no longer: it gives the messages that are there whole, and no other."""
        with suppress(RuntimeError):  # it is not waiting
            self._patience.reschedule(0)

    def _hear(self, text: str) -> None:
        """Takes a message; what it asks for is done with the next transition."""
        try:
            message = orjson.loads(text)
            kind = message["type"]
        except (ValueError, TypeError, LookupError):
            raise _FatalError("WSMessageInvalidJson: a message is not JSON with a type") from None
        if kind == "Event":
            return
        if (kind == "Connect") == self._is_connected:
            raise _FatalError(_FIRST)
        if kind == "Connect":
            self._is_connected = True
            self._ts = _decoded(message.get("maxObservedTimestamp"))
            return
        if kind == "Authenticate":
            self._authenticate(message)
        elif kind == "ModifyQuerySet":
            base, new = message.get("baseVersion"), message.get("newVersion")
            if base != self._query_set or not isinstance(new, int) or new <= self._query_set:
                raise _FatalError("BaseVersionMismatch: the query set has another version")
            self._query_set = new
        elif kind not in ("Mutation", "Action"):
            raise _FatalError(f"WSMessageInvalidJson: there is no message of type {str(kind)[:50]!r}")
        self._heard.append(message)
        self._watcher.wake()

    def _authenticate(self, message: Mapping[str, Any]) -> None:
        if message.get("baseVersion") != self._identity:
            raise _FatalError("BaseVersionMismatch: the identity has another version")
        self._identity += 1
        value = str(message.get("value", "")).encode("utf-8", "surrogatepass")
        is_key = hmac.compare_digest(value, self._key.reveal().encode())
        self._is_admin = message.get("tokenType") == "Admin" and is_key

    async def _tell(self) -> None:
        """Sends transitions as they become due, one at a time, and pings in between."""
        with suppress(ConnectionError, asyncio.CancelledError):
            while not self._socket.closed:
                try:
                    async with asyncio.timeout(_PING_AFTER):
                        await self._watcher.wait()
                except TimeoutError:
                    await self._send({"type": "Ping"})
                    continue
                try:
                    await self._turn()
                except ClosedError:
                    await self._socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)
                except MastraConvexError:  # other programs hold the file
                    await asyncio.sleep(_TRY_AGAIN)

    async def _turn(self) -> None:
        """Does what was asked for and tells what has changed, as of one moment."""
        heard, self._heard = self._heard, []
        version = {"querySet": self._query_set, "identity": self._identity}
        modifications: list[bytes] = []
        for message in heard:
            match message["type"]:
                case "Authenticate":
                    if not self._is_admin and message.get("tokenType") != "None":
                        await self._refuse(message)
                        return
                    for id in list(self._queries):  # each runs again as another caller
                        modifications += await self._add(id)
                case "ModifyQuerySet":
                    for each in message.get("modifications", ()):
                        modifications += await self._modify(each)
                case _:
                    await self._send_refusal(message)
        states = await self._watcher.changes()
        modifications += [self._result(id, state) for id, state in states.items()]
        is_told = version["querySet"] == self._told["querySet"] and version["identity"] == self._told["identity"]
        if modifications or not is_told:
            await self._transition(version, modifications)

    async def _modify(self, change: Mapping[str, Any]) -> list[bytes]:
        id = change.get("queryId")
        kind = change.get("type")
        if not isinstance(id, int) or kind not in ("Add", "Remove") or (kind == "Add") == (id in self._queries):
            await self._socket.close(code=aiohttp.WSCloseCode.INTERNAL_ERROR, message=b"InternalServerError")
            raise ConnectionError
        if kind == "Add":
            if len(self._queries) >= MAX_QUERIES:
                return [_failed(id, FunctionFailedError(f"a socket watches at most {MAX_QUERIES:,} queries"))]
            self._queries[id] = str(change.get("udfPath", "")).replace(".js:", ":"), change.get("args")
            return await self._add(id)
        del self._queries[id]
        self._members.pop(id, None)
        self._watcher.remove(id)
        return [orjson.dumps({"type": "QueryRemoved", "queryId": id})]

    async def _add(self, id: int) -> list[bytes]:
        """Begins to watch a query, or returns why that is not done."""
        self._watcher.remove(id)
        try:
            members, ops = await self._functions.live_query(*self._queries[id], self._is_admin)
        except FunctionFailedError as error:
            return [_failed(id, error)]
        self._members[id] = orjson.dumps(members)[:-1]
        self._watcher.add(id, ops)
        return []

    def _result(self, id: int, state: State) -> bytes:
        if state.error is not None:
            error = translated(state.error)
            return _failed(id, error if isinstance(error, FunctionFailedError) else FunctionFailedError(str(error)))
        value = self._members[id] + b',"results":' + state.text + b"}"
        head = b'{"type":"QueryUpdated","queryId":%d,"value":' % id
        return head + value + b',"logLines":[],"journal":null}'

    async def _transition(self, version: dict[str, int], modifications: list[bytes]) -> None:
        self._ts = max(self._ts + 1, time.time_ns())
        start, self._told = self._told, {**version, "ts": _encoded(self._ts)}
        facts = {
            "type": "Transition",
            "startVersion": start,
            "endVersion": self._told,
            "clientClockSkew": 0,
            "serverTs": self._ts,
        }
        body = orjson.dumps(facts)[:-1] + b',"modifications":[' + b",".join(modifications) + b"]}"
        await self._socket.send_str(body.decode())

    async def _refuse(self, message: Mapping[str, Any]) -> None:
        """Refuses the key, and with it the connection."""
        await self._send(
            {
                "type": "AuthError",
                "error": "the admin key is not that of this server",
                "baseVersion": message.get("baseVersion"),
                "authUpdateAttempted": True,
            }
        )
        await self._socket.close()

    async def _send_refusal(self, message: Mapping[str, Any]) -> None:
        """Answers a mutation or an action, which this server takes over HTTP only."""
        kind = message["type"]
        problem = f"this server runs no {str(kind).lower()} over a socket; call it over HTTP"
        answer: dict[str, Any] = {"type": f"{kind}Response", "requestId": message.get("requestId")}
        await self._send({**answer, "success": False, "result": problem, "logLines": []})

    async def _send(self, message: Mapping[str, Any]) -> None:
        with suppress(ConnectionError):
            await self._socket.send_str(orjson.dumps(message).decode())


def _failed(id: int, error: FunctionFailedError) -> bytes:
    answer = error.answer(secrets.token_hex(8))
    del answer["status"]
    return orjson.dumps({"type": "QueryFailed", "queryId": id, **answer, "logLines": [], "journal": None})


def _encoded(ts: int) -> str:
    return base64.b64encode(ts.to_bytes(8, "little")).decode()


def _decoded(ts: object) -> int:
    """Returns the time of a client, 0 when there is none."""
    try:
        return min(int.from_bytes(base64.b64decode(str(ts or "")), "little"), 2**63 - 1)
    except ValueError:
        raise _FatalError("WSMessageInvalidJson: maxObservedTimestamp is not a timestamp") from None
