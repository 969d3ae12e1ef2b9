"""The command `mastra-convex`; it needs the extra `cli`."""

from __future__ import annotations

import sys

__all__ = ["main"]

_NEEDED = ("typer", "rich")


def main() -> int:
    """Runs the command on `sys.argv` and returns its exit code."""
    try:
        from mastra_convex.cli.app import run  # noqa: PLC0415  # typer and rich may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write("mastra-convex: the command line needs typer; pip install 'mastra-convex[cli]'\n")
        return 1
    return run()
