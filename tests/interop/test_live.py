"""The stock client of npm subscribes to our servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from mastra_convex.engine.protocol import PROTOCOL
from mastra_convex.testing.convex_host import node
from tests.backends import FUNCTIONS, KEY, Backend
from tests.data import messages

READ = "mastra/storage:read"


@asynccontextmanager
async def subscribed(url: str, **args: Any) -> AsyncIterator[BufferedByteReceiveStream]:
    """Lines of results of a subscription."""
    script = str(FUNCTIONS / "tests" / "interop" / "watcher.mjs")
    command = [node(), script, url, KEY, READ, orjson.dumps(args).decode()]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdout is not None
        yield BufferedByteReceiveStream(process.stdout)
        process.terminate()


async def line(lines: BufferedByteReceiveStream) -> Any:
    with anyio.fail_after(20):
        return orjson.loads(await lines.receive_until(b"\n", 64 << 20))


@pytest.mark.parametrize("backend", ["server", "convex-test"], indirect=True)
async def test_the_stock_client_is_told_of_changes(backend: Backend) -> None:
    store = backend.store()
    url = store._location  # pyright: ignore[reportPrivateUsage]
    scan = {"op": "scan", "table": "mastra_messages", "index": "by_thread_created", "prefixes": [["t1"]]}
    async with subscribed(url, protocol=PROTOCOL, ops=[scan]) as lines:
        assert (await line(lines))["value"]["results"][0]["rows"] == []
        for count in (1, 2):
            await store.memory.save_messages(messages(count))
            rows = (await line(lines))["value"]["results"][0]["rows"]
            assert [row["id"] for row in rows] == [f"t1-m{n:05}" for n in range(count)]
    async with subscribed(url, protocol="another", ops=[]) as lines:
        assert "error" in await line(lines)
