"""How much the tests of reliability try: enough to find mistakes in CI, far more in the long setting.

`LONG_TESTS=1 pytest tests/reliability` is the long setting: the same tests with more inputs, steps, kills and seconds.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

T = TypeVar("T")

LONG: Final = bool(os.environ.get("LONG_TESTS"))


def effort(ci: T, long: T) -> T:
    """The number for this setting."""
    return long if LONG else ci
