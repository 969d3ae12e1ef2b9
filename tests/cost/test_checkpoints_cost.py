"""What checkpoints cost in a thread of 500 (docs/cost.md)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import Checkpoint, CheckpointsStore, Serialized
from tests.backends import ConvexHost, remote_store
from tests.cost.conftest import Meter
from tests.data import at

CHANNELS = 10
DATA = "bG9y" * 340
"""A value of 1 kB, as base64."""
GRAPH = {"threadId": "t", "namespace": ""}


def versions(n: int) -> dict[str, str]:
    """One of ten channels changes in each step."""
    return {f"c{k}": f"{(n - k) // CHANNELS:04}" for k in range(CHANNELS)}


def checkpoint(n: int) -> dict[str, Any]:
    columns = {"kind": "json", "state": "e30=", "metadata": f'{{"step":{n}}}', "createdAt": to_iso(at(n))}
    return {**GRAPH, "checkpointId": f"{n:04}", "versions": orjson.dumps(versions(n)).decode(), **columns}


def blobs() -> list[dict[str, Any]]:
    named = {(channel, version) for n in range(500) for channel, version in versions(n).items()}
    return [{**GRAPH, "channel": c, "version": version, "kind": "text", "data": DATA} for c, version in sorted(named)]


def write(n: int) -> dict[str, Any]:
    place = {**GRAPH, "checkpointId": f"{n:04}", "taskId": "a", "index": 0, "taskPath": ""}
    return {**place, "channel": "c0", "kind": "text", "data": DATA}


@pytest.fixture
async def checkpoints(store: ConvexStore, host: ConvexHost) -> CheckpointsStore:
    rows = {
        "mastra_checkpoints": [checkpoint(n) for n in range(500)],
        "mastra_checkpoint_blobs": blobs(),
        "mastra_checkpoint_writes": [write(n) for n in range(500)],
    }
    for table, given in rows.items():
        await host.load({table: given})
    return store.checkpoints


async def test_the_newest(checkpoints: CheckpointsStore, meter: Meter) -> None:
    await meter.start()
    found = await checkpoints.get_checkpoint("t")
    cost = await meter.cost()
    assert found is not None
    assert len(found.values) == CHANNELS
    assert (cost.calls, cost.documents_read) == (2, 1 + CHANNELS + 1)
    await meter.start()
    assert await checkpoints.get_checkpoint("t") == found
    cost = await meter.cost()
    assert (cost.calls, cost.documents_read) == (1, 2)
    assert cost.response_bytes <= 3_000


async def test_twenty(checkpoints: CheckpointsStore, meter: Meter) -> None:
    await meter.start()
    found = [each async for each in checkpoints.iterate_checkpoints("t", namespace="", limit=20)]
    cost = await meter.cost()
    assert [len(each.values) + len(each.writes) for each in found] == [CHANNELS + 1] * 20
    assert cost.calls == 2
    assert cost.documents_read <= 20 + (CHANNELS + 19) + 20
    await meter.start()
    found = [each async for each in checkpoints.iterate_checkpoints("t", metadata={"step": 3}, limit=1)]
    cost = await meter.cost()
    assert [each.checkpoint_id for each in found] == ["0003"]
    assert cost.calls == 2
    assert cost.response_bytes <= 25_000


async def test_a_step(checkpoints: CheckpointsStore, meter: Meter) -> None:
    value = Serialized("text", b"lorem ipsum " * 80)
    given = Checkpoint(thread_id="t", checkpoint_id="0500", state=Serialized("json", b"{}"), versions=versions(500))
    await meter.start()
    await checkpoints.save_checkpoint(given, values={"c0": value})
    saved = await meter.cost()
    assert saved.calls == 1
    assert saved.request_bytes <= 2_500
    await meter.start()
    writes = [{"task_id": "a", "index": n, "channel": "c0", "value": value} for n in range(2)]
    await checkpoints.save_writes("t", checkpoint_id="0500", writes=writes)
    assert (await meter.cost()).calls == 1


async def test_deletions(checkpoints: CheckpointsStore, meter: Meter, host: ConvexHost) -> None:
    await meter.start()
    await checkpoints.keep_latest("t")
    assert (await meter.cost()).calls <= 8
    async with remote_store(host.url, None) as other:
        await other.init()
        assert await other.checkpoints.get_checkpoint("t") is not None
        await meter.start()
        await other.checkpoints.delete_thread("t")
        assert (await meter.cost()).calls == 1
