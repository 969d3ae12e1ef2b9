"""The process of one side. Each line of its input asks for calls of one operation; it answers with seconds per call.

    python -m benchmarks.worker ours|raw|qdrant DIRECTORY     with `tests` and a checkout's packages in PYTHONPATH

A side is a module with `GROUPS`. The modules import each other relatively and run as the package `benchmarks`, because
the checkout that is measured may have a `tests.benchmarks` of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from .groups import Group, Make


async def serve(groups: Mapping[str, Group], directory: Path) -> None:
    """Answers until the input ends. A group is prepared when the first of its operations is asked for."""
    makes: dict[str, Make] = {}
    prepared: set[str] = set()
    async with AsyncExitStack() as stack:
        # Reading in a thread leaves the event loop to what a store does in the background between two rounds.
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            group = asked["group"]
            if group in groups and group not in prepared:
                makes.update(await stack.enter_async_context(groups[group](directory)))
                prepared.add(group)
            make = makes.get(asked["operation"])
            print(json.dumps(make and await measured(make, asked["first"], asked["times"])), flush=True)


async def measured(make: Make, first: int, times: int) -> float:
    """Makes the calls, then does them one after another; returns the seconds that one takes."""
    calls = [make(n) for n in range(first, first + times)]
    started = time.perf_counter()
    for call in calls:
        answer = call()
        if inspect.iscoroutine(answer):
            await answer
    return (time.perf_counter() - started) / times


if __name__ == "__main__":
    side = importlib.import_module(f".{sys.argv[1]}", __package__)
    asyncio.run(serve(side.GROUPS, Path(sys.argv[2])))
