"""Snapshots of runs for tests."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from mastra_convex.engine.protocol import Commit, Put
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import Row
from mastra_convex_domains.workflows.tables import SNAPSHOTS
from tests.backends import Backend
from tests.data import at


def snapshot(status: str = "running", *, run_id: str = "r1", **members: Any) -> dict[str, Any]:
    """A snapshot as Mastra's engine makes it, with members replaced."""
    return {
        "runId": run_id,
        "status": status,
        "value": {},
        "context": {"input": {"query": "q"}},
        "serializedStepGraph": [{"type": "step", "step": {"id": "a"}}],
        "activePaths": [],
        "activeStepsPath": {},
        "suspendedPaths": {},
        "resumeLabels": {},
        "waitingPaths": {},
        "timestamp": 1767225600000,
        **members,
    }


def row(stored: Any, *, workflow_name: str = "w", run_id: str = "r1", n: int = 0) -> Row:
    """A row as another program may have written it; `stored` is what is in the snapshot column."""
    return {
        "id": f"{workflow_name}-{run_id}",
        "workflow_name": workflow_name,
        "run_id": run_id,
        "snapshot": stored,
        "createdAt": to_iso(at(n)),
        "updatedAt": to_iso(at(n)),
    }


async def put(backend: Backend, rows: list[Row]) -> None:
    """Writes rows as they are."""
    await backend.engine().commit(Commit(id=uuid4().hex, ops=[Put(table=SNAPSHOTS.name, rows=rows)]))
