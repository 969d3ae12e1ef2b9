from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mastra_convex.remote.config import RemoteConfig
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.remote.transport import Transport
from tests.remote.programmable import ProgrammableServer, programmable_server

KEY = "owner|0123456789abcdef-secret"
FAST = RetryPolicy(attempts=5, base=1e-4, cap=1e-3)

MakeTransport = Callable[..., Transport]


@pytest.fixture
async def server() -> AsyncIterator[ProgrammableServer]:
    async with programmable_server() as server:
        yield server


def config_for(url: str, **options: Any) -> RemoteConfig:
    return RemoteConfig(deployment_url=url, admin_auth_token=Secret(KEY), **{"retry": FAST, **options})


@pytest.fixture
async def make_transport(server: ProgrammableServer) -> AsyncIterator[MakeTransport]:
    """Makes transports to the server; closes them in the end."""
    made: list[Transport] = []

    def make(session: Any = None, **options: Any) -> Transport:
        made.append(Transport(config_for(server.url, **options), session))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def transport(make_transport: MakeTransport) -> Transport:
    return make_transport()
