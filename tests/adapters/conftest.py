"""Fixtures of the adapters' tests. The frameworks warn about themselves, which is no failure of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from tests.backends import open_backend
from tests.conftest import StartHost


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/adapters/" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(params=["sqlite", "convex-test"])
async def one_local_one_remote(
    request: pytest.FixtureRequest, tmp_path: Path, start_host: StartHost
) -> AsyncIterator[ConvexStore]:
    """Gives an empty store, in a file and on the TypeScript functions: enough where the domains below are tested."""
    host = await start_host() if request.param == "convex-test" else None
    async with open_backend(request.param, tmp_path, host) as backend:
        yield backend.store()
