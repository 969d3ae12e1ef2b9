"""A store that is much larger than a page."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex import ConvexStore
from mastra_convex.domain import Put

TEXTS: Final = "t0"
"""The thread whose messages are texts of 1 MB."""
SMALL_OBJECTS: Final = "t1"
"""The thread whose messages are results of tools, each 1 MB of small objects."""
_MESSAGES: Final = 12


async def fill(store: ConvexStore, *, threads: int, runs: int) -> None:
    """Stores thousands of threads and of runs, and a dozen messages and runs of 1 MB each."""
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
    large = "x" * 1_000_000
    result = [{"id": n, "name": f"hotel {n}", "price": n / 2, "free": True} for n in range(16_000)]
    call = {"toolCallId": "c", "toolName": "hotels", "state": "result", "args": {}, "result": result}
    content = {"format": 2, "parts": [{"type": "tool-invocation", "toolInvocation": call}]}
    texts = {"thread_id": TEXTS, "resource_id": "r0", "role": "user", "content": large}
    results = {"thread_id": SMALL_OBJECTS, "resource_id": "r1", "role": "assistant", "content": content}
    for n in range(_MESSAGES):
        await store.memory.save_messages([texts])
        await store.memory.save_messages([results])
        snapshot = {"status": "success", "context": {"input": large}}
        await store.workflows.persist_workflow_snapshot("w", run_id=f"large {n}", snapshot=snapshot)
    scores = {"scorer": {}, "entity": {}, "source": "TEST", "output": "", "entity_id": "e", "run_id": "r"}
    await store.scores.save_score({"scorer_id": "rare", "score": 1, **scores})
    for n in range(210):
        await store.scores.save_score({"scorer_id": "s", "score": n / 210, **scores})
