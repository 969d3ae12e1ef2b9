from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from mastra_convex.engine.protocol import PROTOCOL
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from mastra_convex.tables import Field, Index, Table

KEY = "dev|0123456789abcdef"
NOTES = Table(
    name="notes",
    fields=(Field("id"), Field("group"), Field("extra", "any", optional=True)),
    indexes=(Index("by_record_id", ("id",)), Index("by_group", ("group",))),
)
ADMIN = {"Authorization": f"Convex {KEY}"}

Post = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(":memory:", [NOTES], receipts=True)
    yield engine
    await engine.aclose()


@pytest.fixture
async def server(engine: LocalEngine) -> AsyncIterator[LocalServer]:
    async with LocalServer(engine, admin_key=KEY) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def post(server: LocalServer, http: aiohttp.ClientSession) -> Post:
    """Posts to an endpoint and returns the status and the JSON of the answer."""

    async def post(kind: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        data = io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        sent = {"Content-Type": "application/json", **(ADMIN if headers is None else headers)}
        async with http.post(f"{server.url}/api/{kind}", data=data, headers=sent) as response:
            assert response.content_type == "application/json"
            return response.status, await response.json()

    return post


def call(name: str, **args: Any) -> dict[str, Any]:
    return {"path": f"mastra/storage:{name}", "format": "json", "args": {"protocol": PROTOCOL, **args}}
