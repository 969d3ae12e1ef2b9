"""Runs `mastra-convex` as a user does: in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mastra_convex.cli import main
from tests.forkserver import FORKSERVER

REPOSITORY = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "mastra_convex"]


def environment(**variables: str) -> dict[str, str]:
    """The environment of a child: it finds the packages, and knows no deployment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONVEX_")}
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "domains")])
    return {**inherited, "PYTHONPATH": path, "COLUMNS": "80", "PYTHONUTF8": "1", **variables}


def run(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end; no command may ever show a traceback.

    Its process is a fork of one that has imported it, unless there are variables that the interpreter reads.
    """
    command = [*COMMAND, *map(str, arguments)]
    if any(name.startswith("PYTHON") for name in variables):
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    else:
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder, name) for name in ("stdout", "stderr")]
            task = (command, cwd or Path.cwd(), environment(**variables), outputs)
            process = FORKSERVER.Process(target=_command, args=task)
            process.start()
            process.join()
            stdout, stderr = (output.read_text("utf-8") for output in outputs)
            done = subprocess.CompletedProcess(command, process.exitcode or 0, stdout, stderr)
            process.close()
    assert "Traceback" not in done.stderr
    return done


def _command(command: list[str], cwd: Path, variables: dict[str, str], outputs: list[Path]) -> None:
    """Is the command, in a process of its own."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    for number, output in enumerate(outputs, 1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["mastra-convex", *command[len(COMMAND) :]]
    sys.exit(main())


async def start(*arguments: str | Path, **variables: str) -> tuple[int, str]:
    """Runs the command while this process serves it; exit code and output."""
    done = await asyncio.to_thread(lambda: run(*arguments, cwd=None, **variables))
    return done.returncode, done.stdout
