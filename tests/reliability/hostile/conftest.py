from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from tests.backends import BACKENDS, open_backend
from tests.conftest import StartHost

Stores = dict[str, ConvexStore]


@pytest.fixture
async def stores(tmp_path: Path, start_host: StartHost) -> AsyncIterator[Stores]:
    """A store on every backend, each empty."""
    async with AsyncExitStack() as stack:
        host = await start_host()
        opened = {name: await stack.enter_async_context(open_backend(name, tmp_path, host)) for name in BACKENDS}
        yield {name: backend.store() for name, backend in opened.items()}
