from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.remote.programmable import ProgrammableServer, programmable_server


@pytest.fixture
async def server() -> AsyncIterator[ProgrammableServer]:
    async with programmable_server() as server:
        yield server
