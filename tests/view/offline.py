"""Opens all pages of the package that is installed, where nothing but this machine can be reached.

`python -m tests.view.offline` in a folder that has this module and those that it imports, and not the package itself.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import mastra_convex
from mastra_convex import ConvexStore
from tests.view.browsing import visiting
from tests.view.hostile import fill

_HERE = ("127.0.0.1", "::1", "localhost", None)


def refuse_others(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses connections to other machines, and questions about their names."""
    address = arguments[1] if event == "socket.connect" else arguments if event == "socket.getaddrinfo" else None
    if isinstance(address, tuple) and address[0] not in _HERE:
        raise OSError(f"{event} {address}: the pages must ask nobody")


async def main() -> None:
    async with ConvexStore.local(":memory:") as store:
        await fill(store)
        async with visiting(store) as visitor:
            pages = await visitor.all_pages()
            for name in ("/style.css", "/live.js"):
                await visitor.html(name)
    print(f"{len(pages)} pages of {Path(mastra_convex.__file__).parent}")


if __name__ == "__main__":
    sys.addaudithook(refuse_others)
    asyncio.run(main())
