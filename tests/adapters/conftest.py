"""Fixtures of the adapters' tests. The frameworks warn about themselves, which is no failure of ours."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/adapters/" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("default"))
