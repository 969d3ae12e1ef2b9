"""How much the tests try: enough to find mistakes by default, more in the long tests, far more in the long setting.

`pytest -m long` runs the long tests, which a run leaves out by default. `LONG_TESTS=1 pytest tests/reliability` is the
long setting: both, with more inputs, steps and kills.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import pytest

from tests.backends import BACKENDS

T = TypeVar("T")

LONG: Final = bool(os.environ.get("LONG_TESTS"))


def effort(ci: T, long: T) -> T:
    """The number for this setting."""
    return long if LONG else ci


def some(values: Iterable[Any], default: Iterable[Any]) -> list[Any]:
    """Parameters of which only some are tried by default, and the others in the long tests."""
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    known = [value if isinstance(value, tuple) else (value,) for value in default]
    return [pytest.param(*row, marks=() if row in known else pytest.mark.long) for row in rows]


once: Final = pytest.mark.parametrize("backend", ["memory"], indirect=True)
"""Runs a contract test on one backend: what it asserts happens before a backend is asked."""


def some_backends(*default: str) -> pytest.MarkDecorator:
    """Runs a contract test on some backends by default, and on the others in the long tests."""
    return pytest.mark.parametrize("backend", some(BACKENDS, default), indirect=True)
