"""Finds Node, which runs the TypeScript functions and stock `@mastra/convex`."""

from __future__ import annotations

import subprocess
from typing import Final

OLDEST: Final = 20


def node() -> str:
    """The command; RuntimeError where there is none, or one that is too old."""
    remedy = f"install Node {OLDEST} or later, or run `pytest --quick`, which needs none"
    try:
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"these tests run `node`, which does not start; {remedy}") from error
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        raise RuntimeError(f"these tests run `node`, which is {version}; {remedy}")
    return "node"
