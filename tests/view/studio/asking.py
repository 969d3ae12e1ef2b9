"""Asks as Studio does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

TOKEN = "token-of-the-tests"

Client = TestClient[web.Request, web.Application]
Schemas = Callable[[str, object], Awaitable[list[str]]]
"""Returns what is wrong with the answer of a route of Mastra's server."""


@dataclass(frozen=True)
class Studio:
    """Asks a server; each answer must be as Mastra's server describes it."""

    client: Client
    schemas: Schemas

    async def get(self, route: str, path: str | None = None, **query: str) -> Any:
        """The answer of a route as `/agents/:agentId`, at a path of it; ids stand in the path as they are."""
        url = URL("/api" + (path or route), encoded=True).with_query(query)
        async with self.client.get(url) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        assert await self.schemas(f"GET {route}", answer) == []
        return answer

    async def post(self, route: str, body: object) -> Any:
        """The answer to a question that is posted."""
        async with self.client.post("/api" + route, json=body) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        assert await self.schemas(f"POST {route}", answer) == []
        return answer

    async def status(self, path: str, method: str = "GET", **options: Any) -> int:
        """The status of an answer, which is never an empty object."""
        async with self.client.request(method, URL("/api" + path, encoded=True), **options) as response:
            if response.status != 200:
                assert list(await response.json()) == ["error"]
            return response.status
