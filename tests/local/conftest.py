"""Fixtures of the tests of damaged rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.damage import fill


@pytest.fixture(scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("filled") / "store.db"
    await fill(path)
    return path.read_bytes()


@pytest.fixture
def file(filled: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes(filled)
    return path
