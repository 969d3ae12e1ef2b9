"""These tests try hard: by default on SQLite, which is quick, and on the other backends among the long tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.selection import backend_of

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents and backend_of(item) not in (None, "sqlite"):
            item.add_marker(pytest.mark.long)
