"""What calls of adapters cost on Convex."""

from __future__ import annotations

from typing import Any

from tests.backends import ConvexHost


class Calls:
    """Counts the calls of a store on the TypeScript functions."""

    def __init__(self, host: ConvexHost) -> None:
        self._host = host

    async def of(self, work: Any) -> tuple[int, int]:
        """Returns the calls of a coroutine, and the bytes that they sent."""
        await self._host.reset(keep="data")
        await work
        totals: dict[str, int] = (await self._host.stats())["totals"]
        assert totals["error"] == totals["refused"] == 0
        return totals["calls"], totals["requestBytes"]
