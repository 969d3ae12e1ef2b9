"""A program of a user who may read a file and write nothing: `read_only_user.py <path>`. It prints what calls gave.

Permissions mean nothing for the superuser, as whom tests may run: then the program goes on as nobody. What it needs is
imported before, from where nobody may read.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.cli import doctor
from mastra_convex.registry import declared_tables

_NOBODY = 65534


async def outcome(call: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def use(path: Path) -> dict[str, Any]:
    async with ConvexStore.local(path) as store:

        async def read() -> list[Any]:
            threads = (await store.memory.list_threads()).threads
            messages = (await store.memory.list_messages("t", per_page=False)).messages
            runs = (await store.workflows.list_workflow_runs()).runs
            return [[thread.id for thread in threads], len(messages), len(runs)]

        async def search() -> list[str]:
            return [hit.id for hit in await store.vector.query("talks", query_vector=[1.0, 0.0], top_k=1)]

        async def write() -> None:
            await store.memory.save_thread({"id": "new", "resource_id": "r"})

        async def write_much() -> None:
            await store.memory.save_thread({"id": "new", "resource_id": "r", "title": "x" * 100_000})

        calls = {"init": store.init, "read": read, "search": search, "write": write, "write much": write_much}
        return {name: await outcome(call) for name, call in {**calls, "read again": read}.items()}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    asyncio.run(use(Path(":memory:")))  # imports all that it needs
    if os.geteuid() == 0:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    assert not os.access(place.parent, os.W_OK)
    found = asyncio.run(use(place))
    checks = {check.name: check.ok for check in doctor.of_file(place, declared_tables())}
    sys.stdout.write(json.dumps({**found, "doctor": checks}))
