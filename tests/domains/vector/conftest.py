"""Vectors of 3 numbers, which the deployed schema has a vector index for, and of 5, which have to be scanned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import VectorStore
from tests.backends import ConvexHost
from tests.conftest import StartHost
from tests.generated import generated_host


@pytest.fixture(scope="session")
async def start_host() -> AsyncIterator[StartHost]:
    started: list[ConvexHost] = []
    async with AsyncExitStack() as stack:

        async def start() -> ConvexHost:
            if not started:
                started.append(await stack.enter_async_context(generated_host([3, 384], ["group", "group.a"])))
            return started[0]

        yield start


@pytest.fixture
def vectors(store: ConvexStore) -> VectorStore:
    return store.vector


@pytest.fixture(params=[3, 5], ids=["three", "five"])
def dimension(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number
