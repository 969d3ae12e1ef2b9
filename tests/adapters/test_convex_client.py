"""The client `convex` of PyPI subscribes to our servers, in a process of its own, as it blocks."""

from __future__ import annotations

import asyncio
import sys

import orjson
import pytest

from mastra_convex.engine.protocol import PROTOCOL
from tests.backends import KEY, Backend
from tests.data import messages

SUBSCRIBE = """
import json, sys
from convex import ConvexClient

url, key, path, args = sys.argv[1:]
client = ConvexClient(url)
client.set_admin_auth(key)
for result in client.subscribe(path, json.loads(args)):
    print(json.dumps(result), flush=True)
"""


@pytest.mark.parametrize("backend", ["server", "convex-test"], indirect=True)
async def test_the_client_of_pypi_is_told_of_changes(backend: Backend) -> None:
    store = backend.store()
    url = store._location  # pyright: ignore[reportPrivateUsage]
    scan = {"op": "scan", "table": "mastra_messages", "index": "by_thread_created", "prefixes": [["t1"]], "limit": 3}
    args = orjson.dumps({"protocol": PROTOCOL, "ops": [scan]}).decode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUBSCRIBE, url, KEY, "mastra/storage:read", args, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        for count in range(3):
            if count:
                await store.memory.save_messages(messages(count))
            async with asyncio.timeout(20):
                result = orjson.loads(await process.stdout.readline())
            assert [row["id"] for row in result["results"][0]["rows"]] == [f"t1-m{n:05}" for n in range(count)]
    finally:
        process.kill()
        await process.wait()
