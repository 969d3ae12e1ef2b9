"""Other processes of the demo: they run a hidden command on the file, and answer a question in JSON with JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from mastra_convex.errors import MastraConvexError
from mastra_convex.store import ConvexStore


async def ask_new_process(command: str, path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a process that starts for this question and ends; MastraConvexError when it fails."""
    code, output, problem = await _ended(command, path, question)
    if code:
        raise MastraConvexError(f"a process of the demo failed: {problem.decode().strip()}", operation="DEMO")
    answer: dict[str, Any] = json.loads(output)
    return answer


async def run_until_killed(command: str, path: Path, question: Mapping[str, Any]) -> None:
    """Runs a process that starts for this question and does not live to answer it; MastraConvexError when it does."""
    code, _, problem = await _ended(command, path, question)
    if code is None or code >= 0:
        raise MastraConvexError(f"a process of the demo was not killed: {problem.decode().strip()}", operation="DEMO")


async def _ended(command: str, path: Path, question: Mapping[str, Any]) -> tuple[int | None, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mastra_convex", command, "--", str(path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, problem = await process.communicate(json.dumps(question).encode())
    return process.returncode, output, problem


def answer(path: Path, question: str, answer: Callable[[ConvexStore, Any], Awaitable[dict[str, Any]]]) -> str:
    """The other side of it: `answer` with a store on the file, for a question as JSON text."""

    async def run() -> dict[str, Any]:
        async with ConvexStore.local(path) as store:
            return await answer(store, json.loads(question))

    return json.dumps(asyncio.run(run()))
