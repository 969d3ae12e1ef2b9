"""A real HTTP server on loopback whose answers the test decides, one request at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.clock import advance, pass_second


@dataclass(frozen=True)
class Answer:
    """A whole answer, which takes so many seconds. A `body` that is not bytes is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0


@dataclass(frozen=True)
class Lost:
    """The request is read, then the connection is reset."""


@dataclass(frozen=True)
class Cut:
    """The headers and some of the body arrive, then the connection ends."""

    body: bytes = b'{"status":"succ'


@dataclass(frozen=True)
class Raw:
    """Bytes in place of an HTTP answer."""

    data: bytes


@dataclass
class Held:
    """Answered only when `release` is set."""

    answer: Answer
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Silent:
    """No answer; time passes until the client hangs up."""


Reaction = Answer | Lost | Cut | Raw | Held | Silent


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def success(value: Any = None) -> Answer:
    return Answer({"status": "success", "value": value, "logLines": []})


def function_error(message: str, data: Any = None) -> Answer:
    body = {"status": "error", "errorMessage": f"[Request ID: 1a2b] Server Error\n{message}", "logLines": []}
    return Answer(body if data is None else {**body, "errorData": data})


def redacted() -> Answer:
    return Answer({"status": "error", "errorMessage": "[Request ID: 1a2b] Server Error"})


def system_error(status: int, code: str, message: str = "because", *, seconds: float = 0.0) -> Answer:
    return Answer({"code": code, "message": message}, status, seconds=seconds)


class ProgrammableServer:
    """Gives the reactions that were queued, in order, then `usual` ones."""

    def __init__(self) -> None:
        self.url = ""
        self.usual: Reaction = success()
        self.by_function: dict[str, Reaction] = {}
        self.seen: list[Seen] = []
        self.in_flight = self.most_in_flight = 0
        self.connections: set[object] = set()
        self._queue: deque[Reaction] = deque()
        self._change = asyncio.Condition()

    def queue(self, *reactions: Reaction) -> None:
        self._queue.extend(reactions)

    async def arrived(self, count: int) -> None:
        """Waits until so many requests have arrived in all."""
        async with self._change:
            await self._change.wait_for(lambda: len(self.seen) >= count)

    async def idle(self) -> None:
        """Waits until no request is being answered."""
        async with self._change:
            await self._change.wait_for(lambda: self.in_flight == 0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.connections.add(request.transport)
        async with self._change:
            self.seen.append(Seen(request.path_qs, dict(request.headers), body))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self._change.notify_all()
        try:
            return await self._react(request, self._reaction(body))
        finally:
            async with self._change:
                self.in_flight -= 1
                self._change.notify_all()

    def _reaction(self, body: bytes) -> Reaction:
        if self._queue:
            return self._queue.popleft()
        path = orjson.loads(body)["path"] if body else ""
        return self.by_function.get(path, self.usual)

    async def _react(self, request: web.Request, reaction: Reaction) -> web.StreamResponse:
        transport = request.transport
        if isinstance(reaction, Held):
            await reaction.release.wait()
            reaction = reaction.answer
        if isinstance(reaction, Silent):
            while request.transport is not None:
                await pass_second()
            return web.Response()
        if isinstance(reaction, Answer):
            advance(reaction.seconds)
            body = reaction.body if isinstance(reaction.body, bytes) else orjson.dumps(reaction.body)
            headers = {"Content-Type": "application/json", **reaction.headers}
            return web.Response(status=reaction.status, body=body, headers=headers)
        assert transport is not None
        if isinstance(reaction, Cut):
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.content_length = len(reaction.body) + 1000
            await response.prepare(request)
            await response.write(reaction.body)
            transport.close()
            return response
        if isinstance(reaction, Raw):
            transport.write(reaction.data)
            transport.close()
        else:
            transport.abort()
        return web.Response()


@asynccontextmanager
async def programmable_server() -> AsyncIterator[ProgrammableServer]:
    server = ProgrammableServer()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{anything:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
