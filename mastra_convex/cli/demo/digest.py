"""The demo's workflow: it prepares a digest of a thread, waits for somebody's yes, and goes on in another process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from mastra_convex.store_base import DomainAccess

WORKFLOW: Final = "digest"


@dataclass(frozen=True)
class Run:
    """A run of the digest workflow: its id, the thread that it is about, and how many messages that has."""

    run_id: str
    thread_id: str
    messages: int


async def begin(store: DomainAccess, run: Run) -> bool:
    """Runs the first step and suspends; False when an earlier run of the demo has done so."""
    if await store.workflows.get_workflow_run_by_id(run.run_id, workflow_name=WORKFLOW) is not None:
        return False
    context = {
        "input": {"threadId": run.thread_id},
        "collect": {"status": "success", "output": {"messages": run.messages}},
        "approve": {"status": "suspended", "suspendPayload": {"question": f"Send {run.messages} messages?"}},
    }
    await store.workflows.persist_workflow_snapshot(
        WORKFLOW,
        run_id=run.run_id,
        snapshot={"runId": run.run_id, "status": "suspended", "context": context, "suspendedPaths": {"approve": [1]}},
    )
    return True


async def resume(store: DomainAccess, run: Run) -> bool:
    """Resumes the run and finishes it; False when it is not suspended, as somebody else has resumed it."""
    workflows = store.workflows
    claimed = await workflows.update_workflow_state(
        WORKFLOW, run_id=run.run_id, status="running", expected_status="suspended", return_snapshot=False
    )
    if claimed is None:
        return False
    yes = {"status": "success", "output": {"approvedBy": os.getpid()}}
    await workflows.update_workflow_results(
        WORKFLOW, run_id=run.run_id, step_id="approve", result=yes, return_context=False
    )
    await workflows.update_workflow_state(
        WORKFLOW, run_id=run.run_id, status="success", result={"sent": run.messages}, return_snapshot=False
    )
    return True


async def status_of(store: DomainAccess, run: Run) -> tuple[str, int | None]:
    """The status of the run, and the process that has resumed it."""
    snapshot = await store.workflows.load_workflow_snapshot(WORKFLOW, run_id=run.run_id) or {}
    return snapshot["status"], snapshot["context"]["approve"].get("output", {}).get("approvedBy")


async def answer_question(store: DomainAccess, question: dict[str, Any]) -> dict[str, Any]:
    """Begins or resumes, for a process that is asked to."""
    run = Run(**question["run"])
    done = await (begin(store, run) if question["what"] == "begin" else resume(store, run))
    return {"pid": os.getpid(), "done": done}
