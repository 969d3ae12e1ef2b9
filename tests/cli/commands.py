"""Runs `mastra-convex` as a user does: in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "mastra_convex"]


def environment(**variables: str) -> dict[str, str]:
    """The environment of a child: it finds the packages, and knows no deployment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONVEX_")}
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "domains")])
    return {**inherited, "PYTHONPATH": path, "COLUMNS": "80", "PYTHONUTF8": "1", **variables}


def run(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end; no command may ever show a traceback."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


async def start(*arguments: str | Path, **variables: str) -> tuple[int | None, str]:
    """Runs the command while this process serves it; exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, arguments), env=environment(**variables), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
