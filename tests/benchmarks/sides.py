"""The sides of a comparison, each in a process of its own that lives for the whole run."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import data

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent


class Side:
    """A process that is told an operation and answers how long it took. It starts when it is first told one."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def seconds(self, group: str, operation: str, first: int, times: int) -> float | None:
        """Has an operation of a group done `times` times, numbered from `first`.

        Returns the seconds that one took; None where the side does not have the operation.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        asked = {"group": group, "operation": operation, "first": first, "times": times}
        stdin.write(json.dumps(asked) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise SystemExit(f"the process ended: {' '.join(self._command)}")
        found: float | None = json.loads(answer)
        return found

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def python_side(name: str, directory: Path, checkout: Path = CHECKOUT) -> Side:
    """Runs a side of `worker.py` with the packages of a checkout."""
    directory.mkdir()
    path = os.pathsep.join(map(str, (checkout, checkout / "domains", HERE.parent)))
    # Without PYTHONSAFEPATH the packages in the working directory would come before those of the checkout.
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    return Side([sys.executable, "-m", f"{HERE.name}.worker", name, str(directory)], environment)


def libsql_side(directory: Path) -> Side:
    directory.mkdir()
    (directory / "snapshot.json").write_text(json.dumps(data.snapshot()))
    return Side(["node", str(HERE / "libsql.mjs"), str(directory)])


def others(directory: Path) -> dict[str, Side]:
    """Makes the sides of other libraries that are installed."""
    found: dict[str, Side] = {}
    if shutil.which("node") and (HERE / "node_modules/@mastra/libsql").exists():
        found["libsql"] = libsql_side(directory / "libsql")
    if importlib.util.find_spec("qdrant_client"):
        found["qdrant"] = python_side("qdrant", directory / "qdrant")
    if importlib.util.find_spec("agents"):
        found["frameworks"] = python_side("frameworks", directory / "frameworks")
    return found
