"""Sessions of agent frameworks: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore
from mastra_convex.adapters.openai_agents import StoreSession
from tests.cost.conftest import Meter


def item(n: int) -> dict[str, Any]:
    return {"role": "user", "content": f"{n} " + "lorem ipsum dolor sit amet " * 10}


@pytest.fixture
async def session(store: ConvexStore) -> StoreSession:
    session = StoreSession("s1", store)
    for first in range(0, 400, 200):
        await session.add_items([item(n) for n in range(first, first + 200)])
    return session


async def test_items_are_added_in_one_call_also_when_batches_follow_at_once(
    session: StoreSession, meter: Meter
) -> None:
    await meter.start()
    for n in range(3):
        await session.add_items([item(20 * n + k) for k in range(20)])
    cost = await meter.cost()
    assert cost.calls == 3
    assert cost.documents_written <= 3 * (20 + 2)


async def test_reading_costs_the_items_alone(session: StoreSession, meter: Meter) -> None:
    await meter.start()
    found = await session.get_items(20)
    cost = await meter.cost()
    assert (len(found), cost.calls) == (20, 1)
    assert cost.documents_read <= 20
    assert cost.response_bytes <= 1.5 * len(orjson.dumps(found))
    await meter.start()
    assert len(await session.get_items()) == 400
    assert (await meter.cost()).calls == 1


async def test_pop_takes_a_read_and_a_commit(session: StoreSession, meter: Meter) -> None:
    await meter.start()
    assert await session.pop_item() == item(399)
    cost = await meter.cost()
    assert cost.calls == 2
    assert cost.documents_read <= 5


async def test_a_result_finds_its_call_in_one_more_read(session: StoreSession, meter: Meter) -> None:
    await session.add_items([{"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}])
    await meter.start()
    await session.add_items([{"type": "function_call_output", "call_id": "c1", "output": "snow"}])
    cost = await meter.cost()
    assert cost.calls == 2
    assert cost.documents_read <= 6
