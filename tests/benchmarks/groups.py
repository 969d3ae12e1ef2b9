"""Operations that share what is stored before, as a side offers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

Call = Callable[[], Any]
"""A call whose arguments are ready, so that only its own work is timed; it may return a coroutine."""
Make = Callable[[int], Call]
"""Makes the n-th call of an operation. No number comes twice: each call stores something new."""
Group = Callable[[Path], AbstractAsyncContextManager[Mapping[str, Make]]]
"""Prepares the data in a directory and gives the operations on it by their names."""
