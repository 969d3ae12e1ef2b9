"""Background tasks of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import BackgroundTask
from tests.data import at
from tests.interop.conftest import StockStore

FULL: dict[str, Any] = {
    "id": "b1",
    "status": "failed",
    "toolName": "search",
    "toolCallId": "call-1",
    "args": {"$query": "чай", "n": [1, 2.5, None]},
    "agentId": "writer",
    "threadId": "t1",
    "resourceId": "u",
    "runId": "run-1",
    "result": [1, {"$ref": "x"}],
    "error": {"message": "no", "stack": "at x"},
    "suspendPayload": {"ask": 1},
    "retryCount": 2,
    "maxRetries": 3,
    "timeoutMs": 1_000,
    "createdAt": to_iso(at(1)),
    "startedAt": to_iso(at(2)),
    "suspendedAt": to_iso(at(3)),
    "completedAt": to_iso(at(4)),
}
BARE = {
    key: FULL[key] for key in ("toolName", "toolCallId", "args", "agentId", "runId", "retryCount", "maxRetries")
} | {
    "id": "b2",
    "status": "running",
    "timeoutMs": 5,
    "createdAt": to_iso(at(0)),
}


def seen(found: Any) -> dict[str, Any]:
    """What TypeScript shows, without members that are absent."""
    return {key: value for key, value in found.items() if not key.startswith("_") and value is not None}


async def test_python_reads_what_typescript_wrote(ours: ConvexStore, stock: StockStore) -> None:
    for given in (FULL, BARE):
        await stock.call("backgroundTasks", "createTask", given)
        assert await ours.background_tasks.get_task(given["id"]) == BackgroundTask(**given)
    assert [found.id for found in (await ours.background_tasks.list_tasks()).tasks] == ["b2", "b1"]
    assert await ours.background_tasks.get_running_count() == 1
    await stock.call("backgroundTasks", "updateTask", "b2", {"status": "completed", "completedAt": to_iso(at(9))})
    changed = await ours.background_tasks.get_task("b2")
    assert changed is not None
    assert (changed.status, changed.completed_at) == ("completed", at(9))


async def test_typescript_reads_what_python_wrote(ours: ConvexStore, stock: StockStore) -> None:
    for given in (FULL, BARE):
        await ours.background_tasks.create_task(given)
        assert seen(await stock.call("backgroundTasks", "getTask", given["id"])) == given
    page = await stock.call("backgroundTasks", "listTasks", {"status": ["failed", "running"], "agentId": "writer"})
    assert ([found["id"] for found in page["tasks"]], page["total"]) == (["b2", "b1"], 2)
    assert await ours.background_tasks.update_task("b1", status="running", error=None, expected_status="failed")
    assert await stock.call("backgroundTasks", "getRunningCountByAgent", "writer") == 2
    assert "error" not in seen(await stock.call("backgroundTasks", "getTask", "b1"))
    await ours.background_tasks.delete_task("b1")
    assert await stock.call("backgroundTasks", "getTask", "b1") is None
