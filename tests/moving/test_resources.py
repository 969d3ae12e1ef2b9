"""All that belongs to one resource, and only that: exported, copied, erased."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from mastra_convex import ConvexStore, ValidationError
from tests.backends import Backend
from tests.moving.contents import fill, rows_of

OWNED = {
    "mastra_messages": 31,
    "mastra_thread_state": 1,
    "mastra_vectors": 1,
    "mastra_threads": 1,
    "mastra_resources": 1,
    "mastra_background_tasks": 1,
    "mastra_workflow_snapshots": 1,
}
"""Rows of user-1 that `fill` writes, by table."""


async def test_an_export_of_one_resource(backend: Backend, tmp_path: Path) -> None:
    store = await fill(backend)
    before = await rows_of(store)
    report = await store.export(tmp_path / "user-1.zip", resource_id="user-1")
    large = {"mastra_chunks": report.tables["mastra_chunks"].rows, "mastra_large_values": 1}
    assert {name: table.rows for name, table in report.tables.items()} == {**OWNED, **large}
    async with ConvexStore.local(":memory:") as target:
        await target.import_(tmp_path / "user-1.zip")
        found = await rows_of(target)
    for name in OWNED:
        mine = [row for row in before[name] if b"user-2" not in row]
        assert found[name] == mine


async def test_erasing_a_resource(backend: Backend) -> None:
    store = await fill(backend)
    before = await rows_of(store)
    assert await store.erase("user-1") == OWNED
    after = await rows_of(store)
    for name in OWNED:
        assert after[name] == [row for row in before[name] if b"user-2" in row]
    assert after["mastra_documents"] == before["mastra_documents"]
    assert await store.erase("user-1") == {}
    with pytest.raises(ValidationError, match="resource_id must be a non-empty string"):
        await store.erase(" ")


async def test_a_message_of_another_resource_in_the_thread_stays(backend: Backend) -> None:
    store = await fill(backend)
    await store.memory.save_messages(
        [
            {"id": "guest", "thread_id": "t-user-1", "resource_id": "user-2", "role": "user", "content": "hi"},
            {"id": "visit", "thread_id": "t-user-2", "resource_id": "user-1", "role": "user", "content": "hello"},
        ]
    )
    assert (await store.erase("user-1"))["mastra_messages"] == OWNED["mastra_messages"] + 1
    left = [orjson.loads(row)["id"] for row in (await rows_of(store))["mastra_messages"]]
    assert "guest" in left
    assert "visit" not in left


async def test_claims_go_with_their_runs(backend: Backend, tmp_path: Path) -> None:
    store = backend.store()
    for user in ("user-1", "user-2"):
        await store.workflows.persist_workflow_snapshot(
            "w", run_id=f"r-{user}", resource_id=user, snapshot={"status": "running"}
        )
        await store.workflows.claim_run("w", run_id=f"r-{user}", owner="worker", lease=timedelta(minutes=1))
    report = await store.export(tmp_path / "user-1.zip", resource_id="user-1")
    assert report.tables["mastra_workflow_claims"].rows == 1
    assert await store.erase("user-1") == {"mastra_workflow_claims": 1, "mastra_workflow_snapshots": 1}
    [left] = (await rows_of(store))["mastra_workflow_claims"]
    assert orjson.loads(left)["run_id"] == "r-user-2"
