"""Observes the talk of the demo, fires a schedule, and takes a run over. A repeat changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mastra_convex.cli.demo.transcript import Line, derived_id
from mastra_convex.errors import ConflictError
from mastra_convex.store_base import DomainAccess

UPKEEP: Final = "upkeep"
_CONTENDERS: Final = 3
_LEASE: Final = timedelta(seconds=0.3)
_FAR_AWAY: Final = datetime(2100, 1, 1, tzinfo=UTC)
_OBSERVED: Final = 20
"""So many messages are observed."""


async def observe(store: DomainAccess, lines: Sequence[Line]) -> tuple[int, str, bool]:
    """Observes the last messages of a thread, without a model.

    Returns the generation, its observations, and False when an earlier run of the demo made them.
    """
    thread_id, resource = lines[0].thread_id, lines[0].resource
    memory = await store.memory.initialize_observational_memory(
        thread_id=thread_id, resource_id=resource, scope="thread", config={"observation": {"messageTokens": 1_000}}
    )
    if memory.active_observations:
        return memory.generation_count, memory.active_observations, False
    observed = sorted(lines, key=lambda line: line.time)[-_OBSERVED:]
    words = sum(len(line.text.split()) for line in observed)
    text = f"{len(observed)} messages, {words} words; the last is of {observed[-1].role}, {observed[-1].time:%Y-%m-%d}"
    chunk = {
        "cycle_id": derived_id("observation", thread_id),
        "observations": text,
        "token_count": len(text.split()),
        "message_ids": [line.id for line in observed],
        "message_tokens": words,
        "last_observed_at": observed[-1].time,
    }
    await store.memory.update_buffered_observations(memory.id, chunk=chunk)
    activated = await store.memory.swap_buffered_to_active(
        memory.id, activation_ratio=1, message_tokens_threshold=words, current_pending_tokens=words
    )
    return memory.generation_count, activated.observations or "", True


async def fire(store: DomainAccess, thread_id: str, due: datetime) -> list[bool]:
    """Lets several claim a schedule that has come due, and tells of each whether it fired it; a repeat finds none."""
    id, now = derived_id("schedule", thread_id), datetime.now(UTC)
    target = {"type": "workflow", "workflowId": UPKEEP}
    try:
        await store.schedules.create_schedule({"id": id, "target": target, "cron": "0 9 * * *", "next_fire_at": due})
    except ConflictError:
        return []
    [schedule] = [found for found in await store.schedules.list_due_schedules(max(due, now)) if found.id == id]
    claims = [
        store.schedules.update_schedule_next_fire(
            id,
            expected_next_fire_at=schedule.next_fire_at,
            new_next_fire_at=_FAR_AWAY,
            last_fire_at=now,
            last_run_id=f"run-{n}",
        )
        for n in range(_CONTENDERS)
    ]
    return list(await asyncio.gather(*claims))


async def begin(store: DomainAccess, thread_id: str, time: datetime) -> str | None:
    """Begins a run; None when an earlier run of the demo finished it."""
    run_id = derived_id(UPKEEP, thread_id)
    run = await store.workflows.get_workflow_run_by_id(run_id, workflow_name=UPKEEP)
    if run is None:
        snapshot = {"runId": run_id, "status": "running", "context": {"input": {"threadId": thread_id}}}
        await store.workflows.persist_workflow_snapshot(
            UPKEEP, run_id=run_id, snapshot=snapshot, created_at=time, updated_at=time
        )
    elif isinstance(run.snapshot, dict) and run.snapshot["status"] == "success":
        return None
    return run_id


async def claim_and_die(store: DomainAccess, question: dict[str, Any]) -> dict[str, Any]:
    """Claims a run, and kills its own process: nothing of it is released or finished."""
    owner = f"process {os.getpid()}"
    await store.workflows.claim_run(UPKEEP, run_id=question["run_id"], owner=owner, lease=_LEASE)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


async def take_over(store: DomainAccess, run_id: str) -> tuple[str, list[bool], bool]:
    """Waits until a claim has expired, lets several take the run over, and finishes it.

    Returns who held it, of each that tried whether it got it, and whether a late write of the first was refused.
    """
    workflows = store.workflows
    await asyncio.sleep(_LEASE.total_seconds())
    expired = [each for each in await workflows.list_expired_claims(workflow_name=UPKEEP) if each.run_id == run_id]
    rescuers = [
        workflows.claim_run(
            UPKEEP, run_id=run_id, owner=f"rescuer {n}", lease=timedelta(minutes=1), expected_status="running"
        )
        for n in range(_CONTENDERS)
    ]
    claims = await asyncio.gather(*rescuers)
    try:
        await workflows.update_workflow_state(UPKEEP, run_id=run_id, status="failed", claim=expired[0])
        is_refused = False
    except ConflictError:
        is_refused = True
    for claim in claims:
        if claim is not None:
            await workflows.update_workflow_state(UPKEEP, run_id=run_id, status="success", claim=claim)
            await workflows.release_claim(claim)
    return expired[0].owner, [claim is not None for claim in claims], is_refused
