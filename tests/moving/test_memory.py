"""The memory that an export, an import and a copy take does not grow with what is stored."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import environment
from tests.effort import effort
from tests.memory import PEAK_KIB

PROGRAM = f"""
import asyncio, sys, time
from mastra_convex import ConvexStore

async def main():
    step, source, target = sys.argv[1:]
    began = time.monotonic()
    async with ConvexStore.local(target if step == "import" else source) as store:
        if step == "export":
            report = await store.export(target)
        elif step == "import":
            report = await store.import_(source)
        else:
            async with ConvexStore.local(target) as other:
                report = await store.copy_to(other)
    print(report.tables["mastra_messages"].written, {PEAK_KIB}, round(time.monotonic() - began))

asyncio.run(main())
"""
STEPS = {"export": ("a.db", "a.zip"), "import": ("a.zip", "imported.db"), "copy": ("a.db", "copied.db")}


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
    peaks: dict[str, list[int]] = {step: [] for step in STEPS}
    for messages in (1_000, effort(5_000, 100_000)):  # 20 MB, and 100 MB or 2 GB
        folder = tmp_path / str(messages)
        folder.mkdir()
        asyncio.run(filled(folder / "a.db", messages))
        for step, names in STEPS.items():
            command = [sys.executable, "-c", PROGRAM, step, *(str(folder / name) for name in names)]
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
            written, peak, seconds = map(int, done.stdout.split())
            assert written == messages
            peaks[step].append(peak // 1024)
            print(f"{step} of {messages:,} messages of 20 KiB: {seconds} s, peak {peak // 1024} MiB")
        shutil.rmtree(folder)
    for small, large in peaks.values():
        assert large < 200
        assert large - small < 60
