"""A server with Studio's routes over a filled store, and the schemas of Mastra's own server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from mastra_convex import ConvexStore
from mastra_convex.testing.convex_host import node
from mastra_convex.view.app import view_app
from mastra_convex.view.studio import QUERY_PATHS, add_routes
from tests.backends import FUNCTIONS
from tests.view.studio.asking import TOKEN, Client, Schemas, Studio
from tests.view.studio.data import fill


@pytest.fixture(scope="session")
async def schemas() -> AsyncIterator[Schemas]:
    """Checks answers by the schemas of `@mastra/server`, in one process of Node."""
    script = FUNCTIONS / "tests" / "studio" / "responses.mjs"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(node(), script, stdin=pipe, stdout=pipe, limit=1 << 24)
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    async def problems(route: str, answer: object) -> list[str]:
        requests.write(orjson.dumps({"route": route, "answer": answer}) + b"\n")
        found: list[str] = orjson.loads(await answers.readline())
        return found

    yield problems
    requests.close()
    await process.wait()


@pytest.fixture
async def client(store: ConvexStore) -> AsyncIterator[Client]:
    """A browser that has the token."""
    app = view_app(store, token=TOKEN, extensions=[add_routes], reading_posts=QUERY_PATHS)
    async with TestClient(TestServer(app)) as client:
        await client.get("/login", params={"token": TOKEN}, allow_redirects=False)
        yield client


@pytest.fixture
async def studio(store: ConvexStore, client: Client, schemas: Schemas) -> Studio:
    """Studio over a filled store."""
    await fill(store)
    return Studio(client, schemas)
