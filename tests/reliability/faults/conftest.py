from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mastra_convex.engine.protocol import Engine
from mastra_convex.remote.config import RemoteConfig
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.remote.transport import Transport
from tests.backends import KEY, Backend, ConvexHost, all_tables, open_backend
from tests.reliability.faults.proxy import Proxy, proxy_to

SOON = RetryPolicy(attempts=5, base=1e-3, cap=0.05)
PATIENCE = 120.0
"""The deadline in seconds: no call takes as long by itself, but time may be put forward."""


def remote_config(url: str, **options: Any) -> RemoteConfig:
    return RemoteConfig(
        deployment_url=url, admin_auth_token=Secret(KEY), **{"retry": SOON, "timeout": PATIENCE, **options}
    )


@dataclass
class Remote:
    """A database behind HTTP, and engines that reach it through a proxy of their own."""

    name: str
    backend: Backend
    url: str
    direct: Engine

    @asynccontextmanager
    async def proxied(self, **options: Any) -> AsyncIterator[tuple[RemoteEngine, Proxy]]:
        """An engine behind a proxy; at the end nothing that it sent is still on its way."""
        async with proxy_to(self.url) as proxy:
            engine = RemoteEngine(Transport(remote_config(proxy.url, **options)), all_tables())
            try:
                yield engine, proxy
            finally:
                await engine.aclose()
                await proxy.left()


@pytest.fixture(scope="module", params=["server", "convex-test"])
async def remote(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    start_host: Callable[[], Awaitable[ConvexHost]],
) -> AsyncIterator[Remote]:
    """One database for all tests of a module, which keep to spaces of their own."""
    name: str = request.param
    host = await start_host() if name == "convex-test" else None
    async with open_backend(name, tmp_path_factory.mktemp("remote"), host) as backend:
        url = backend.store()._location  # pyright: ignore[reportPrivateUsage]  # the proxy needs to be told
        yield Remote(name, backend, url, backend.engine())


@pytest.fixture
def port() -> Generator[int]:
    """A port that a server may listen on again and again, and that the system gives to nobody else meanwhile."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
