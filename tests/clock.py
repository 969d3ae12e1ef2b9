"""Time that passes when a test wants it to, so that a deadline passes at once, however fast or slow the machine is."""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

_ahead: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, float]()


def advance(seconds: float) -> None:
    """Puts the clock of the running event loop forward. It goes on as it does anyway, and is never put back."""
    loop = asyncio.get_running_loop()
    if loop not in _ahead:
        _ahead[loop] = 0.0
        real = loop.time
        loop.time = lambda: real() + _ahead[loop]  # type: ignore[method-assign]
    _ahead[loop] += seconds


async def pass_second() -> None:
    """Lets a second pass, and everybody whose time has come run."""
    advance(1.0)
    await asyncio.sleep(0)
