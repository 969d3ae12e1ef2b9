"""Starts many contenders at once: tasks in memory, processes on a file and a server, stores over HTTP on Convex."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests import contenders
from tests.backends import Backend

ROOT = Path(__file__).parents[1]
PROCESSES = 5
STORES = 10


async def contend(backend: Backend, action: str, count: int) -> int:
    """How many of `count` contenders succeeded, spread as the backend allows."""
    if backend.name in ("sqlite", "server"):
        return await in_processes(backend, action, count)
    stores = STORES if backend.name == "convex-test" else 1
    share = count // stores
    ranges = [range(n, n + share) for n in range(0, count, share)]
    each = [contenders.contend(backend.store(), action, numbers) for numbers in ranges]
    return sum(await asyncio.gather(*each))


async def in_processes(backend: Backend, action: str, count: int) -> int:
    location = backend.store()._location  # pyright: ignore[reportPrivateUsage]  # another process needs to be told
    share = count // PROCESSES
    processes = await asyncio.gather(*[start(location, action, n, share) for n in range(0, count, share)])
    answers = [process.communicate(b"go\n") for process in processes]
    succeeded = [int(output) for output, _ in await asyncio.gather(*answers)]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return sum(succeeded)


async def start(location: str, action: str, first: int, count: int) -> asyncio.subprocess.Process:
    """A process that is ready to begin."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, contenders.__file__, location, action, str(first), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "domains")])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process
