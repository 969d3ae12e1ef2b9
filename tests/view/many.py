"""A store with very much in it, and the pages that show it."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex import ConvexStore
from mastra_convex.domain import Put

PAGES: Final = (
    "/", "/threads", "/threads?q=none", "/threads?resource=r1", "/thread?id=t0", "/thread?id=t1",
    "/runs", "/runs?status=failed",
    "/runs?workflow=w&resource=r&status=failed", "/run?workflow=w&run=0", "/scores", "/scores?scorer=s", "/traces",
    "/resource?id=r1",
)  # fmt: skip
LISTS_OF_STUDIO: Final = ("/api/agents", "/api/workflows", "/api/workflows/run-counts", "/api/scores/scorers")


async def fill(store: ConvexStore, *, threads: int, runs: int) -> None:
    """Stores so many small threads and runs, and some with 1 MB."""
    records = store.records
    time = "2026-01-01T00:00:00.000Z"
    for start in range(0, threads, 1_000):
        rows = [
            {"id": f"t{n}", "resourceId": f"r{n % 9}", "title": f"Trip {n}", "createdAt": time, "updatedAt": time}
            for n in range(start, start + 1_000)
        ]
        await records.commit([Put(table="mastra_threads", rows=rows)])
    for start in range(0, runs, 500):
        rows = [
            {"workflow_name": "w", "run_id": str(n), "snapshot": "{}", "createdAt": time, "updatedAt": time}
            for n in range(start, start + 500)
        ]
        await records.commit([Put(table="mastra_workflow_snapshots", rows=rows)])
    earlier = "2025-01-01T00:00:00.000Z"
    rare: dict[str, Any] = {"id": "rare", "title": "", "resourceId": "rare", "createdAt": earlier, "updatedAt": earlier}
    run = {"workflow_name": "rare", "run_id": "rare", "snapshot": "{}", "createdAt": earlier, "updatedAt": earlier}
    await records.commit([Put(table="mastra_threads", rows=[rare])])
    await records.commit([Put(table="mastra_workflow_snapshots", rows=[run])])
    large, many = "x" * 1_000_000, [{"id": n, "ok": True, "name": "x"} for n in range(30_000)]
    call = {"type": "dynamic-tool", "toolCallId": "c", "toolName": "look", "state": "output-available", "output": many}
    for n in range(12):
        content = {"format": 2, "parts": [call]}
        await store.memory.save_messages([{"thread_id": "t1", "resource_id": "r1", "role": "user", "content": content}])
        await store.memory.save_messages([{"thread_id": "t0", "resource_id": "r0", "role": "user", "content": large}])
        snapshot = {"status": "success", "context": {"input": large}}
        await store.workflows.persist_workflow_snapshot("w", run_id=f"large {n}", snapshot=snapshot)
    scores = {"scorer": {}, "entity": {}, "source": "TEST", "output": "", "entity_id": "e", "run_id": "r"}
    await store.scores.save_score({"scorer_id": "rare", "score": 1, **scores})
    for n in range(210):
        await store.scores.save_score({"scorer_id": "s", "score": n / 210, **scores})
