"""A TCP proxy on loopback that does to a request and its answer what a test tells it to.

A fault is a coroutine function that gets an exchange and decides what is read, forwarded and sent. It runs from the
first byte of a request on. Without a fault, request and answer pass as they are.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.clock import pass_second

Fault = Callable[["Exchange"], Awaitable[None]]

HEAD_END = b"\r\n\r\n"
_LIMIT = 1 << 20
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Exchange:
    """One request of a client, whose first byte has arrived, and the answer to it."""

    def __init__(self, proxy: Proxy, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._first, self._reader, self._writer = proxy, first, reader, writer

    async def request(self) -> bytes:
        """Reads the whole request."""
        return await _message(self._reader, self._first)

    async def part_of_request(self, size: int) -> None:
        await self._reader.readexactly(size)

    async def forward(self, request: bytes) -> bytes:
        """The answer of the server to a request, on a connection of its own."""
        reader, writer = await asyncio.open_connection(*self._proxy.server, limit=_LIMIT)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()

    async def answer(self) -> bytes:
        """Reads the whole request and forwards it; the server has done what it was asked for when this returns."""
        return await self.forward(await self.request())

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Ends the connection in order, after what was sent."""
        self._writer.close()

    def reset(self) -> None:
        """Ends the connection at once; the client sees a reset."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        self._writer.transport.abort()

    @property
    def given_up(self) -> bool:
        """Whether the client has closed the connection."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def silence(self) -> None:
        """Says nothing while time passes, until the client gives up the connection."""
        while not self.given_up:
            await pass_second()

    async def another(self) -> None:
        """Waits until one more request has been dealt with."""
        await self._proxy.ended(self._proxy.exchanges + 1)


async def passing(exchange: Exchange) -> None:
    """No fault."""
    await exchange.send(await exchange.answer())


class Proxy:
    """Applies the faults that were queued, one to a request, in order; then `usual` to all others."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self.server = (parts.hostname, parts.port)
        self.url = ""
        self.usual: Fault = passing
        self.requests = self.exchanges = 0
        self._queue: deque[Fault] = deque()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._change = asyncio.Condition()

    def queue(self, *faults: Fault) -> None:
        """Decides about the next requests, in place of what was decided before."""
        self._queue = deque(faults)

    @property
    def connections(self) -> int:
        """How many connections are open, or have a request that is still being forwarded."""
        return len(self._connections)

    async def arrived(self, requests: int) -> None:
        """Waits until so many requests have begun in all."""
        async with self._change:
            await self._change.wait_for(lambda: self.requests >= requests)

    async def ended(self, exchanges: int) -> None:
        """Waits until so many requests have been dealt with in all."""
        async with self._change:
            await self._change.wait_for(lambda: self.exchanges >= exchanges)

    async def left(self) -> None:
        """Waits until the last client has gone, and nothing of it is on its way."""
        async with self._change:
            await self._change.wait_for(lambda: not self._connections)

    async def close_connections(self) -> None:
        """Ends all connections, as a server does to those that were idle for long."""
        for writer in self._connections.values():
            writer.close()
        await self.left()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handles the requests of one connection, one after another."""
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the server has gone, or the proxy ends
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            async with self._change:
                del self._connections[task]
                self._change.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing() and (first := await reader.read(1)):
            async with self._change:
                self.requests += 1
                self._change.notify_all()
            fault = self._queue.popleft() if self._queue else self.usual
            try:
                await fault(Exchange(self, first, reader, writer))
            finally:
                async with self._change:
                    self.exchanges += 1
                    self._change.notify_all()

    async def aclose(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def proxy_to(target: str) -> AsyncIterator[Proxy]:
    """A proxy to the server at a URL."""
    proxy = Proxy(target)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_LIMIT)
    proxy.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.aclose()


async def _message(reader: asyncio.StreamReader, first: bytes = b"") -> bytes:
    """A request or an answer, by its Content-Length."""
    head = first + await reader.readuntil(HEAD_END)
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    return head + await reader.readexactly(int(headers.get(b"content-length", b"0")))
