"""What many do to one run, schedule, task, memory or trace at once: here as tasks, and as a process of its own.

`contenders.py <file or URL> <action> <first> <count>` says `ready`, waits for a line, does it, and says how many of its
contenders succeeded.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from mastra_convex import ConvexStore
from tests.backends import remote_store


async def resume(store: ConvexStore, n: int) -> bool:
    """Resumes the run unless somebody else does; the winner leaves its number."""
    resumed = await store.workflows.update_workflow_state(
        "w", run_id="r1", status="running", expected_status="suspended", active_paths=[n], return_snapshot=n % 2 == 0
    )
    return resumed is not None


async def report(store: ConvexStore, n: int) -> bool:
    """Stores the result of a step of its own, and of its part of a common loop."""
    workflows = store.workflows
    result = {"status": "success", "output": {"n": n}}
    await workflows.update_workflow_results(
        "w", run_id="r1", step_id=f"step-{n}", result=result, request_context={f"k{n}": n}, return_context=n % 2 == 0
    )
    part = {"status": "running", "output": [None] * n + [n]}
    await workflows.update_workflow_results("w", run_id="r1", step_id="loop", result=part, return_context=False)
    return True


async def claim(store: ConvexStore, n: int) -> bool:
    """Claims the run for an hour."""
    hour = timedelta(hours=1)
    return await store.workflows.claim_run("w", run_id="r1", owner=f"worker-{n}", lease=hour) is not None


async def fire(store: ConvexStore, n: int) -> bool:
    """Fires the schedule that is due at 1,000."""
    return await store.schedules.update_schedule_next_fire(
        "s1", expected_next_fire_at=1_000, new_next_fire_at=2_000, last_fire_at=1_000, last_run_id=f"run-{n}"
    )


async def begin(store: ConvexStore, n: int) -> bool:
    """Begins the pending task."""
    tasks = store.background_tasks
    return await tasks.update_task("b1", status="running", retry_count=n, expected_status="pending")


async def observe(store: ConvexStore, n: int) -> bool:
    """Appends a chunk of observations, twice, as after a lost answer."""
    time = datetime(2026, 1, 1, tzinfo=UTC)
    counts = {"token_count": 1, "message_tokens": 1, "message_ids": []}
    chunk = {"cycle_id": f"c{n}", "observations": f"seen {n}", "last_observed_at": time, **counts}
    for _ in range(2):
        await store.memory.update_buffered_observations("o1", chunk=chunk)
    return True


TRACES = 20
SPANS = 100


async def trace(store: ConvexStore, n: int) -> bool:
    """Stores 100 spans of 20 traces that all contenders share, one of them failed, and half of them twice."""
    numbers = range(n * SPANS, (n + 1) * SPANS)
    usage = {"inputTokens": 3, "outputTokens": n}
    spans: list[dict[str, Any]] = [
        {
            "trace_id": f"t{number % TRACES}",
            "span_id": f"s{number}",
            "parent_span_id": None if number < TRACES else f"s{number % TRACES}",
            "name": "chat",
            "span_type": "model_generation",
            "started_at": datetime(2026, 1, 1, tzinfo=UTC),
            "attributes": {"usage": usage},
            "error": {"message": "broke"} if number == numbers[-1] else None,
        }
        for number in numbers
    ]
    await store.observability.batch_create_spans(spans[: SPANS // 2])
    await store.observability.batch_create_spans(spans)
    return True


ACTIONS: dict[str, Callable[[ConvexStore, int], Awaitable[bool]]] = {
    action.__name__: action for action in (resume, report, claim, fire, begin, observe, trace)
}


async def contend(store: ConvexStore, action: str, numbers: range) -> int:
    """Starts one task for each number; how many of them succeeded."""
    return sum(await asyncio.gather(*[ACTIONS[action](store, n) for n in numbers]))


async def main(location: str, action: str, numbers: range) -> None:
    remote = location.startswith("http")
    async with remote_store(location, None) if remote else ConvexStore.local(location) as store:
        await store.init()
        print("ready", flush=True)
        sys.stdin.readline()
        print(await contend(store, action, numbers), flush=True)


if __name__ == "__main__":
    first, count = int(sys.argv[3]), int(sys.argv[4])
    asyncio.run(main(sys.argv[1], sys.argv[2], range(first, first + count)))
