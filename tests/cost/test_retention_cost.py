"""What a prune costs: each old row is looked up and deleted once, many in a call."""

from __future__ import annotations

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import Row
from mastra_convex_domains.memory.threads import thread_row
from tests.backends import ConvexHost
from tests.cost.conftest import Meter
from tests.cost.test_memory_cost import kilobyte, rows
from tests.data import at, thread


@pytest.mark.parametrize("equal_times", [False, True])
async def test_prune_5000_messages(store: ConvexStore, meter: Meter, host: ConvexHost, equal_times: bool) -> None:
    loaded = rows(5000, kilobyte)
    if equal_times:
        loaded = [{**row, "createdAt": to_iso(at(0))} for row in loaded]
    await host.load({"mastra_messages": loaded})
    await meter.start()
    [result] = await store.prune({"memory": {"messages": "1d"}})
    cost = await meter.cost()
    assert (result.deleted, result.done) == (5000, True)
    assert cost.calls <= (11 if equal_times else 7)
    assert cost.largest_ranges <= 4096
    assert cost.request_bytes <= 20_000
    if not equal_times:
        assert cost.documents_read <= 15_100  # to look it up, to check it, to delete it
    assert await host.rows("mastra_messages") == []


async def test_prune_500_threads_of_20_messages(store: ConvexStore, meter: Meter, host: ConvexHost) -> None:
    threads = [thread_row(thread(f"t{n}", n=n)) for n in range(500)]
    messages = [row for n in range(500) for row in rows(20, kilobyte, thread_id=f"t{n}")]
    await host.load({"mastra_threads": threads, "mastra_messages": messages})
    await meter.start()
    [result] = await store.prune({"memory": {"threads": "1d"}})
    cost = await meter.cost()
    assert (result.deleted, result.done) == (500, True)
    assert cost.calls <= 12
    assert cost.request_bytes <= 400_000
    assert cost.largest_ranges <= 4096
    assert await host.rows("mastra_messages") == await host.rows("mastra_threads") == []


async def test_prune_100_snapshots_of_200_kilobytes(store: ConvexStore, meter: Meter, host: ConvexHost) -> None:
    snapshots: list[Row] = [
        {
            "id": f"w-{n}",
            "workflow_name": "w",
            "run_id": f"{n}",
            "snapshot": f'{{"status":"success","value":"{"x" * 200_000}"}}',
            "createdAt": to_iso(at(n)),
            "updatedAt": to_iso(at(n)),
        }
        for n in range(100)
    ]
    for n in range(0, 100, 25):
        await host.load({"mastra_workflow_snapshots": snapshots[n : n + 25]})
    await meter.start()
    [result] = await store.prune({"workflows": {"workflow_snapshot": "1d"}})
    cost = await meter.cost()
    assert (result.deleted, result.done) == (100, True)
    assert cost.calls <= 9
    assert cost.response_bytes <= 20_000
    assert await host.rows("mastra_workflow_snapshots") == []


async def test_a_bounded_prune_looks_no_further_than_its_bounds(
    store: ConvexStore, meter: Meter, host: ConvexHost
) -> None:
    await host.load({"mastra_messages": rows(5000, kilobyte)})
    await meter.start()
    [result] = await store.prune({"memory": {"messages": "1d"}}, max_rows=100)
    cost = await meter.cost()
    assert (result.deleted, result.done, cost.calls) == (100, False, 2)
    assert cost.documents_read <= 310
