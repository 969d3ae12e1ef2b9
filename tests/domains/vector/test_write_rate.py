"""A deployment that refuses to write much at a time gets smaller commits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import numpy
import pytest
from aiohttp import web

from mastra_convex import RateLimitedError, RetryPolicy
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from tests.backends import KEY, all_tables, remote_store

IMPATIENT = RetryPolicy(base=1e6, cap=1e6)
"""The wait before a repeat goes beyond the deadline of the call."""


@asynccontextmanager
async def refusing_bodies_above(most: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A local server behind one that refuses mutations of more bytes: its URL, and the sizes that it let through."""
    sizes: list[int] = []

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        if request.path == "/api/mutation":
            if len(body) > most:
                return web.json_response({"code": "TooManyWrites", "message": "slower"}, status=429)
            sizes.append(len(body))
        headers = {"Authorization": request.headers["Authorization"], "Content-Type": "application/json"}
        async with session.post(local.url + request.path, data=body, headers=headers) as response:
            return web.Response(body=await response.read(), content_type="application/json")

    engine = LocalEngine(":memory:", all_tables(), receipts=True)
    application = web.Application(client_max_size=32 << 20)
    application.router.add_post("/{path:.*}", forward)
    runner = web.AppRunner(application, access_log=None)
    async with LocalServer(engine, admin_key=KEY) as local, aiohttp.ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}", sizes
        finally:
            await runner.cleanup()
            await engine.aclose()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_smaller_commits_where_large_ones_are_refused() -> None:
    given = numpy.random.default_rng(1).standard_normal((1_500, 384))
    async with (
        refusing_bodies_above(5_500_000) as (url, sizes),
        remote_store(url, None, retry=IMPATIENT) as store,
    ):
        await store.vector.create_index("i", dimension=384)
        await store.vector.upsert("i", vectors=given)
        assert (await store.vector.describe_index("i")).count == 1_500
        assert len(sizes) == 1 + 2
        await store.vector.upsert("i", vectors=given)  # from now on at once
        assert len(sizes) == 1 + 2 + 2


async def test_a_deployment_that_refuses_those_too() -> None:
    async with (
        refusing_bodies_above(16_000) as (url, _),
        remote_store(url, None, retry=IMPATIENT) as store,
    ):
        await store.vector.create_index("i", dimension=3_000)
        with pytest.raises(RateLimitedError) as caught:
            await store.vector.upsert("i", vectors=[[0.123] * 3_000])
    assert caught.value.id == "MASTRA_VECTOR_CONVEX_UPSERT_RATE_LIMITED"
