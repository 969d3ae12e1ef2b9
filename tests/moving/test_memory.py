"""The memory that an export, an import and a copy take does not grow with what is stored."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import environment
from tests.effort import effort
from tests.memory import PEAK_KIB

MIB = 1 << 20
BATCH = 500
PROGRAM = f"""
import asyncio, sys
from mastra_convex import ConvexStore

async def main():
    how, source, target = sys.argv[1:]
    async with ConvexStore.local(target if how == "import" else source) as store:
        if how == "export":
            report = await store.export(target)
        elif how == "import":
            report = await store.import_(source)
        else:
            async with ConvexStore.local(target) as other:
                report = await store.copy_to(other)
    print(report.tables["mastra_messages"].written, {PEAK_KIB})

asyncio.run(main())
"""


async def filled(path: Path, batches: int) -> None:
    """Fills a file with batches of 10 MiB: messages of 0.5 to 20 KiB and one of 4 MiB, and vectors."""
    numbers = random.Random(1)
    async with ConvexStore.local(path) as store:
        await store.vector.create_index("v", dimension=768)
        for start in range(0, batches * BATCH, BATCH):
            sizes = [*([1, 10, 40] * BATCH)[: BATCH - 1], 8_000]
            await store.memory.save_messages([
                {
                    "id": f"m{n}", "thread_id": f"t{n % 7}", "resource_id": f"user-{n % 3}", "role": "user",
                    "content": "".join(chr(33 + (n * i * i + i) % 90) for i in range(500)) * size + "😀",
                }
                for n, size in enumerate(sizes, start)
            ])  # fmt: skip
            vectors = [[numbers.uniform(-1, 1) for _ in range(768)] for _ in range(100)]
            await store.vector.upsert("v", vectors=vectors, ids=[f"v{start + n}" for n in range(100)])


@pytest.mark.long
def test_the_peak_stays_under_200_mib(tmp_path: Path) -> None:
    small, large = 2, effort(10, 200)  # 20 MiB, and 100 MiB or 2 GB
    peaks: dict[tuple[str, int], int] = {}
    for batches in (small, large):
        asyncio.run(filled(tmp_path / f"{batches}.db", batches))
        for how, source, target in (("export", "db", "zip"), ("import", "zip", "import.db"), ("copy", "db", "copy.db")):
            names = [str(tmp_path / f"{batches}.{end}") for end in (source, target)]
            command = [sys.executable, "-c", PROGRAM, how, *names]
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
            written, peak = map(int, done.stdout.split())
            assert written == batches * BATCH
            peaks[how, batches] = peak * 1024
        for file in tmp_path.iterdir():
            file.unlink()
    print(f"peak RSS in MiB: {[peak // MIB for peak in peaks.values()]}")
    assert max(peaks.values()) < 200 * MIB
    assert all(peaks[how, large] - peaks[how, small] < 60 * MIB for how in ("export", "import", "copy"))
