"""What many do to one run at once: here as tasks, and as a process of its own.

`contenders.py <file or URL> <action> <first> <count>` says `ready`, waits for a line, does it, and says how many of its
contenders succeeded.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from mastra_convex import ConvexStore
from mastra_convex_domains import WorkflowsStore
from tests.backends import remote_store


async def claim(workflows: WorkflowsStore, n: int) -> bool:
    """Resumes the run unless somebody else does; the winner leaves its number."""
    claimed = await workflows.update_workflow_state(
        "w", run_id="r1", status="running", expected_status="suspended", active_paths=[n], return_snapshot=n % 2 == 0
    )
    return claimed is not None


async def report(workflows: WorkflowsStore, n: int) -> bool:
    """Stores the result of a step of its own, and of its part of a common loop."""
    result = {"status": "success", "output": {"n": n}}
    await workflows.update_workflow_results(
        "w", run_id="r1", step_id=f"step-{n}", result=result, request_context={f"k{n}": n}, return_context=n % 2 == 0
    )
    part = {"status": "running", "output": [None] * n + [n]}
    await workflows.update_workflow_results("w", run_id="r1", step_id="loop", result=part, return_context=False)
    return True


ACTIONS: dict[str, Callable[[WorkflowsStore, int], Awaitable[bool]]] = {"claim": claim, "report": report}


async def contend(workflows: WorkflowsStore, action: str, numbers: range) -> int:
    """Starts one task for each number; how many of them succeeded."""
    return sum(await asyncio.gather(*[ACTIONS[action](workflows, n) for n in numbers]))


async def main(location: str, action: str, numbers: range) -> None:
    remote = location.startswith("http")
    async with remote_store(location, [WorkflowsStore]) if remote else ConvexStore.local(location) as store:
        await store.init()
        print("ready", flush=True)
        sys.stdin.readline()
        print(await contend(store.workflows, action, numbers), flush=True)


if __name__ == "__main__":
    first, count = int(sys.argv[3]), int(sys.argv[4])
    asyncio.run(main(sys.argv[1], sys.argv[2], range(first, first + count)))
