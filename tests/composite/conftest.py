"""Two stores to compose, on different databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from tests.backends import KEY, all_tables, remote_store
from tests.conftest import StartHost


@dataclass
class Two:
    """Stores `a` and `b`; the composite under test closes them."""

    a: ConvexStore
    b: ConvexStore


@asynccontextmanager
async def served() -> AsyncIterator[ConvexStore]:
    """A remote store on a server of its own."""
    engine = LocalEngine(":memory:", all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        store = remote_store(server.url, None)
        yield store
        await store.aclose()
    await engine.aclose()


@pytest.fixture(params=["remote and convex-test", "two remote", "remote and local", "two local"])
async def two(request: pytest.FixtureRequest, tmp_path: Path, start_host: StartHost) -> AsyncIterator[Two]:
    kinds: str = request.param
    async with AsyncExitStack() as stack:
        if kinds == "two local":
            a = ConvexStore.local(tmp_path / "a.db")
        else:
            a = await stack.enter_async_context(served())
        if kinds == "remote and convex-test":
            host = await start_host()
            await host.reset()
            b = remote_store(host.url, None)
        elif kinds == "two remote":
            b = await stack.enter_async_context(served())
        else:
            b = ConvexStore.local(tmp_path / "b.db")
        yield Two(a, b)
        await a.aclose()
        await b.aclose()
