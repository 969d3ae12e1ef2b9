"""One call over HTTP by a store that knows a deployment; the raw alternative posts the same bytes with bare aiohttp.

A local server (`mastra-convex dev`) is asked once. From then on a server that only repeats its answer serves both, so
that the work of a database does not count.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from mastra_convex import ConvexStore

from . import data
from .groups import Make
from .operations import raw_name

SIZES = {"http_1kb": 1_000, "http_100kb": 100_000}


class Exchange(NamedTuple):
    """A request and the body of its answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: bytes


class Recorder:
    """Records the last exchange of an aiohttp session."""

    def __init__(self) -> None:
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._start)
        self.trace.on_request_chunk_sent.append(self._sent)
        self.trace.on_response_chunk_received.append(self._received)

    @property
    def exchange(self) -> Exchange:
        return Exchange(self._path, self._headers, self._body, self._answer)

    async def _start(self, _: Any, __: Any, request: aiohttp.TraceRequestStartParams) -> None:
        self._path, self._headers = request.url.path, dict(request.headers)
        self._body = self._answer = b""

    async def _sent(self, _: Any, __: Any, sent: aiohttp.TraceRequestChunkSentParams) -> None:
        self._body += sent.chunk

    async def _received(self, _: Any, __: Any, received: aiohttp.TraceResponseChunkReceivedParams) -> None:
        self._answer += received.chunk


@asynccontextmanager
async def started(*module: str) -> AsyncIterator[asyncio.StreamReader]:
    """Runs a module of Python in a process, which is killed at the end; gives its output."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, stdin=DEVNULL, stdout=PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def announced(output: asyncio.StreamReader) -> tuple[str, str]:
    """Reads the URL and the key that a local server prints as `export NAME=VALUE`."""
    found: dict[str, str] = {}
    while "CONVEX_ADMIN_KEY" not in found:
        line = (await output.readline()).decode()
        assert line, "the local server ended"
        if line.startswith("export "):
            name, _, value = shlex.split(line)[1].partition("=")
            found[name] = value
    return found["CONVEX_URL"], found["CONVEX_ADMIN_KEY"]


async def record() -> tuple[str, dict[str, Exchange]]:
    """Reads a record of each size from a local server; returns the key and the exchanges."""
    recorder = Recorder()
    exchanges: dict[str, Exchange] = {}
    async with started("mastra_convex", "dev", "--port", "0") as output:
        url, key = await announced(output)
        async with (
            aiohttp.ClientSession(trace_configs=[recorder.trace]) as session,
            ConvexStore(id="recorded", deployment_url=url, admin_auth_token=key, session=session) as store,
        ):
            for name, size in SIZES.items():
                await store.documents.put("reports", record=data.record(name, size))
                await store.documents.get("reports", id=name)
                exchanges[name] = recorder.exchange
    return key, exchanges


@asynccontextmanager
async def http(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    key, exchanges = await record()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        makes: dict[str, Make] = {}
        for name, exchange in exchanges.items():
            file = directory / f"{name}.json"
            file.write_bytes(exchange.answer)
            output = await stack.enter_async_context(started(f"{__package__}.replay", str(file)))
            url = (await output.readline()).decode().strip()
            store = await stack.enter_async_context(
                ConvexStore(id="replayed", deployment_url=url, admin_auth_token=key)
            )
            makes[name] = _always(partial(store.documents.get, "reports", id=name))
            makes[raw_name(name)] = _always(partial(_post, session, url + exchange.path, exchange))
        yield makes


def _always(call: Callable[[], Any]) -> Make:
    return lambda _: call


async def _post(session: aiohttp.ClientSession, url: str, exchange: Exchange) -> bytes:
    async with session.post(url, data=exchange.body, headers=exchange.headers) as response:
        return await response.read()
