"""Starting an interpreter that imports the package, beside one that does nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from .groups import Make
from .operations import raw_name


def interpret(program: str, _: int) -> partial[subprocess.CompletedProcess[bytes]]:
    return partial(subprocess.run, [sys.executable, "-c", program], stdin=subprocess.DEVNULL, check=True)


@asynccontextmanager
async def imports(_: Path) -> AsyncIterator[Mapping[str, Make]]:
    yield {"import": partial(interpret, "import mastra_convex"), raw_name("import"): partial(interpret, "pass")}
