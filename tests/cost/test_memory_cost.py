"""The workloads of the memory domain: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import Row
from mastra_convex_domains import Include, MemoryStore, Message
from mastra_convex_domains.memory.messages import message_row
from mastra_convex_domains.memory.threads import thread_row
from tests.backends import ConvexHost
from tests.cost.conftest import Meter, interrupted, page_bytes
from tests.data import at, message, thread
from tests.effort import some

LOREM = "lorem ipsum dolor sit amet " * 40


def kilobyte(n: int, thread_id: str = "big") -> Message:
    """A message of 1 kB of text."""
    return message(n, thread_id=thread_id, text=f"{n} {LOREM}"[:1000])


def rows(count: int, make: Any = kilobyte, **options: Any) -> list[Row]:
    return [message_row(make(n, **options)) for n in range(count)]


async def load_thread(host: ConvexHost, count: int, make: Any = kilobyte) -> list[Row]:
    loaded = rows(count, make, thread_id="big")
    await host.load({"mastra_threads": [thread_row(thread("big"))], "mastra_messages": loaded})
    return loaded


async def test_w1_save_100_messages(memory: MemoryStore, meter: Meter) -> None:
    await memory.save_thread(thread("big"))
    await meter.start()
    await memory.save_messages([kilobyte(n) for n in range(100)])
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.documents_written <= 102


@pytest.mark.parametrize("order_by", ["created_at", "-created_at"])
async def test_w2_first_or_last_20_of_2000(memory: MemoryStore, meter: Meter, host: ConvexHost, order_by: Any) -> None:
    loaded = await load_thread(host, 2000)
    page = loaded[:20] if order_by == "created_at" else loaded[-20:]
    await meter.start()
    found = await memory.list_messages("big", per_page=20, order_by=order_by)
    cost = await meter.cost()
    assert (len(found.messages), found.total, cost.calls) == (20, 2000, 1)
    assert cost.response_bytes <= 1.3 * page_bytes(page)
    await meter.start()
    found = await memory.list_messages("big", per_page=20, order_by=order_by, include_total=False)
    cost = await meter.cost()
    assert (len(found.messages), found.has_more, cost.calls) == (20, True, 1)
    assert cost.documents_read <= 22
    assert cost.response_bytes <= 1.3 * page_bytes(page)


async def test_w3_page_50(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    page = (await load_thread(host, 2000))[1000:1020]
    for include_total in (True, False):
        await meter.start()
        found = await memory.list_messages("big", page=50, per_page=20, include_total=include_total)
        cost = await meter.cost()
        assert (found.messages[0].id, cost.calls) == (page[0]["id"], 1)
        assert cost.response_bytes <= 1.3 * page_bytes(page)
        assert include_total or cost.documents_read <= 1022


async def test_w4_five_before_and_after(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    await load_thread(host, 2000)
    await meter.start()
    include = Include(id="big-m01000", with_previous_messages=5, with_next_messages=5)
    found = await memory.list_messages("big", per_page=0, include=[include])
    cost = await meter.cost()
    assert len(found.messages) == 11
    assert cost.calls <= 2
    assert cost.documents_read <= 30


async def test_w5_20_of_500_threads_by_update(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    loaded = [thread_row(thread(f"t{n}", n=n)) for n in range(500)]
    await host.load({"mastra_threads": loaded})
    await meter.start()
    found = await memory.list_threads(per_page=20, order_by="-updated_at", include_total=False)
    cost = await meter.cost()
    assert (len(found.threads), cost.calls) == (20, 1)
    assert cost.documents_read <= 22


async def test_w6_concurrent_partial_updates(memory: MemoryStore, meter: Meter) -> None:
    await memory.save_thread(thread("big"))
    await meter.start()

    async def merge(n: int) -> None:
        await memory.update_thread("big", metadata={f"k{n}": n})

    async with anyio.create_task_group() as tasks:
        for n in range(10):
            tasks.start_soon(merge, n)
    renamed = await memory.update_thread("big", title="renamed")
    cost = await meter.cost()
    assert cost.calls == 11
    assert (renamed.title, renamed.metadata) == ("renamed", {f"k{n}": n for n in range(10)})


def small(n: int, thread_id: str) -> Message:
    return message(n, thread_id=thread_id, text="hi")


@pytest.mark.parametrize(
    ("count", "make", "calls"), some([(2000, kilobyte, 4), (12_000, small, 14)], [(2000, kilobyte, 4)])
)
async def test_w7_delete_a_thread(
    memory: MemoryStore, meter: Meter, host: ConvexHost, count: int, make: Any, calls: int
) -> None:
    await load_thread(host, count, make)
    await host.load({"mastra_messages": rows(3, make, thread_id="other")})
    await meter.start()
    await memory.delete_thread("big")
    cost = await meter.cost()
    assert cost.calls <= calls
    assert cost.largest_ranges <= 4096
    assert [row["thread_id"] for row in await host.rows("mastra_messages")] == ["other"] * 3
    assert await host.rows("mastra_threads") == []


async def test_w7_an_interrupted_delete_is_completed_by_a_repeat(
    memory: MemoryStore, host: ConvexHost, caplog: pytest.LogCaptureFixture
) -> None:
    await load_thread(host, 12_000, small)
    with interrupted(3, caplog):
        await memory.delete_thread("big")
    assert 0 < len(await host.rows("mastra_messages")) < 12_000
    assert len(await host.rows("mastra_threads")) == 1
    await memory.delete_thread("big")
    assert await host.rows("mastra_messages") == await host.rows("mastra_threads") == []


async def test_w8_clone_200_messages(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    await load_thread(host, 200)
    await meter.start()
    clone = await memory.clone_thread("big")
    cost = await meter.cost()
    assert len(clone.cloned_messages) == 200
    assert cost.calls <= 2


@pytest.mark.long
async def test_w14_list_12000_messages(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    loaded = await load_thread(host, 12_000, small)
    await meter.start()
    found = await memory.list_messages("big", per_page=False)
    cost = await meter.cost()
    assert cost.calls <= 3
    assert (found.total, found.has_more) == (12_000, False)
    assert [m.id for m in found.messages] == [row["id"] for row in loaded]


async def test_five_threads_in_one_call(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    loaded = [message_row(kilobyte(n, f"t{n % 5}")) for n in range(200)]
    await host.load({"mastra_messages": loaded})
    await meter.start()
    found = await memory.list_messages([f"t{n}" for n in range(5)], per_page=40)
    cost = await meter.cost()
    assert [m.created_at for m in found.messages] == [at(n) for n in range(40)]
    assert cost.calls == 1
    assert cost.response_bytes <= 1.3 * page_bytes(loaded[:40])


async def test_100_messages_by_id_in_one_call(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    loaded = await load_thread(host, 300)
    await meter.start()
    found = await memory.list_messages_by_id([row["id"] for row in loaded[:100]])
    cost = await meter.cost()
    assert (len(found), cost.calls) == (100, 1)
    assert cost.response_bytes <= 1.3 * page_bytes(loaded[:100])


async def test_update_30_messages(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    await load_thread(host, 100)
    await meter.start()

    async def tag(tag: str) -> None:
        await memory.update_messages([{"id": f"big-m{n:05}", "content": {"metadata": {tag: True}}} for n in range(30)])

    await tag("first")
    cost = await meter.cost()
    assert cost.calls <= 2
    async with anyio.create_task_group() as tasks:
        for name in ("second", "third"):
            tasks.start_soon(tag, name)
    tagged = await memory.list_messages("big", per_page=30)
    assert all(m.content["metadata"] == {"first": True, "second": True, "third": True} for m in tagged.messages)


async def test_a_save_of_5000_messages_is_split_in_order(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    await memory.save_thread(thread("big"))
    await meter.start()
    await memory.save_messages([small(n, "big") for n in range(5000)])
    cost = await meter.cost()
    assert cost.calls == 3
    assert cost.largest_ranges <= 4096
    stored = await host.rows("mastra_messages")
    assert [row["createdAt"] for row in stored] == [to_iso(at(n)) for n in range(5000)]


async def test_iterating_costs_what_is_consumed(memory: MemoryStore, meter: Meter, host: ConvexHost) -> None:
    await load_thread(host, 2000)
    await meter.start()
    async for each in memory.iter_messages("big", batch_size=50):
        if each.id == "big-m00060":
            break
    cost = await meter.cost()
    assert cost.calls == 2
    assert cost.documents_read <= 102
