"""The operations on sessions of the OpenAI Agents SDK, the same for every side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from .groups import Call, Make

_LOREM = "lorem ipsum dolor sit amet " * 10


class Session(Protocol):
    async def get_items(self, limit: int | None = None) -> list[Any]: ...

    async def add_items(self, items: list[Any]) -> None: ...

    async def pop_item(self) -> Any: ...


def item(n: int) -> dict[str, Any]:
    """Makes an item of some 300 bytes of JSON."""
    if n % 2 == 0:
        return {"role": "user", "content": f"{n} {_LOREM}"}
    content = [{"type": "output_text", "text": f"{n} {_LOREM}"[:220], "annotations": []}]
    return {"type": "message", "id": f"msg_{n}", "role": "assistant", "status": "completed", "content": content}


async def operations(open_session: Callable[[str], Session]) -> Mapping[str, Make]:
    """Fills the sessions and gives the operations on them."""
    one, twenty, big, popped, turns = map(open_session, ("one", "twenty", "big", "popped", "turns"))
    for first in range(0, 2_000, 200):
        items = [item(n) for n in range(first, first + 200)]
        for session in (big, popped, turns):
            await session.add_items(items)

    def turn(n: int) -> Call:
        new = [item(2 * n), item(2 * n + 1)]

        async def run() -> None:
            await turns.get_items(20)
            await turns.add_items(new)

        return run

    return {
        "openai_add_1": lambda n: partial(one.add_items, [item(n)]),
        "openai_add_20": lambda n: partial(twenty.add_items, [item(20 * n + k) for k in range(20)]),
        "openai_last_20": lambda _: partial(big.get_items, 20),
        "openai_pop": lambda _: popped.pop_item,
        "openai_turn": turn,
        "openai_all_2000": lambda _: big.get_items,
    }
