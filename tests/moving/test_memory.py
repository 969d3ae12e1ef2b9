"""The memory that an export and an import take does not grow with what is stored."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import environment
from tests.memory import PEAK_KIB

MIB = 1 << 20
PROGRAM = f"""
import asyncio, sys
from mastra_convex import ConvexStore

async def main():
    source, zip, target = sys.argv[1:]
    async with ConvexStore.local(source) as store:
        await store.export(zip)
    async with ConvexStore.local(target) as store:
        report = await store.import_(zip)
    print(report.tables["mastra_messages"].written, {PEAK_KIB})

asyncio.run(main())
"""


async def filled(path: Path, messages: int) -> None:
    """Fills a file with messages of 20 KiB, of letters that are not alike."""
    async with ConvexStore.local(path) as store:
        for start in range(0, messages, 500):
            await store.memory.save_messages([
                {
                    "id": f"m{n}", "thread_id": f"t{n % 7}", "resource_id": f"user-{n % 3}", "role": "user",
                    "content": "".join(chr(33 + (n * i * i + i) % 90) for i in range(500)) * 40,
                }
                for n in range(start, start + 500)
            ])  # fmt: skip


@pytest.mark.long
def test_the_peak_stays_under_200_mib(tmp_path: Path) -> None:
    peaks: list[int] = []
    for messages in (1_000, 10_000):  # 20 and 200 MiB
        names = [str(tmp_path / f"{messages}.{kind}") for kind in ("db", "zip", "copy.db")]
        asyncio.run(filled(Path(names[0]), messages))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *names], env=environment(), capture_output=True, text=True, check=True
        )
        written, peak = map(int, done.stdout.split())
        assert written == messages
        peaks.append(peak * 1024)
    print(f"peak RSS in MiB: {[peak // MIB for peak in peaks]}")
    assert max(peaks) < 200 * MIB
    assert peaks[1] - peaks[0] < 60 * MIB
