"""Prints the memory that the first query of 100,000 vectors takes, as a ratio to the float32 matrix. Linux only.

python -m tests.benchmarks.peak_memory
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from .operations import VECTOR_SIZES
from .vectors import FILTERED, fill, floats, opened, query

SIZE = VECTOR_SIZES[-1]


def peak() -> int:
    """Reads the peak of this process in bytes. `resource.getrusage` would begin with that of the parent process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


async def first_query(path: Path) -> int:
    """Returns by how many bytes a query raises the peak of this process, which must not have made one before."""
    async with opened(path) as store:
        await store.vector.list_indexes()
        before = peak()
        await store.vector.query("bench", query_vector=query(floats(10)), filter={"group": {"$in": [1, FILTERED]}})
        return peak() - before


async def prepare(path: Path) -> int:
    """Stores the vectors; returns their bytes."""
    vectors = floats(SIZE)
    async with opened(path) as store:
        await fill(store.vector, "bench", vectors)
    return vectors.nbytes


def main() -> None:
    if len(sys.argv) > 1:
        print(asyncio.run(first_query(Path(sys.argv[1]))))
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "store.db"
        matrix = asyncio.run(prepare(path))
        command = [sys.executable, "-m", f"{__package__}.peak_memory", str(path)]
        taken = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{SIZE:,} vectors: matrix {matrix / 1e6:.0f} MB, query {taken / 1e6:.0f} MB, ratio {taken / matrix:.2f}")


if __name__ == "__main__":
    main()
