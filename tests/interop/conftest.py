"""One host serves the stock handler of `@mastra/convex` and our functions over the same tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import orjson
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from mastra_convex import ConvexStore
from mastra_convex.testing.convex_host import node
from mastra_convex_domains import MemoryStore
from tests.backends import FUNCTIONS, KEY, ConvexHost, convex_host, remote_store


class StockStore:
    """The TypeScript ConvexStore, driven over a pipe; methods under their own names, options as dicts."""

    def __init__(self, process: Process, url: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)
        self._store = {"url": url, "key": KEY}

    async def call(self, domain: str, method: str, *args: Any) -> Any:
        """Calls a method of a domain; AssertionError with its text when it throws."""
        return await self._send({"domain": domain, "method": method, "args": args})

    async def request(self, op: str, table: str, **members: Any) -> Any:
        """A storage operation as the package's client sends it."""
        return await self._send({"request": {"op": op, "tableName": table, **members}})

    async def _send(self, command: dict[str, Any]) -> Any:
        await self._stdin.send(orjson.dumps({"store": self._store, **command}) + b"\n")
        answer = orjson.loads(await self._answers.receive_until(b"\n", 64 << 20))
        assert answer["ok"], answer
        return answer["result"]


@pytest.fixture(scope="session")
async def interop_host() -> AsyncIterator[ConvexHost]:
    async with convex_host("interop") as host:
        yield host


@pytest.fixture(scope="session")
async def driver(interop_host: ConvexHost) -> AsyncIterator[StockStore]:
    command = [node(), str(FUNCTIONS / "tests" / "interop" / "driver.mjs")]
    async with await anyio.open_process(command, stderr=None) as process:
        yield StockStore(process, interop_host.url)
        process.terminate()


@pytest.fixture
async def stock(driver: StockStore, interop_host: ConvexHost) -> StockStore:
    """The stock store over an empty database."""
    await interop_host.reset()
    return driver


@pytest.fixture
async def ours(stock: StockStore, interop_host: ConvexHost) -> AsyncIterator[ConvexStore]:
    """Our store over the same database; our functions are deployed beside the stock ones."""
    async with remote_store(interop_host.url, None, storage_function="mastra_py/storage:handle") as store:
        yield store


@pytest.fixture
def memory(ours: ConvexStore) -> MemoryStore:
    return ours.memory
