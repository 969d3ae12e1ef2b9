"""The examples of docs/tracing.md that need no framework run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import REPOSITORY, environment

CHECK = """
import os
writer.put((1, 1), lambda _: {"trace_id": "t", "span_id": "s", "name": "n", "span_type": "generic",
    "started_at": "2026-01-01T00:00:00Z", "input": [{"content": "card 1234567 and 12"}]}, None)
writer.close()
assert not writer.dropped
files = b"".join(open(file, "rb").read() for file in os.listdir() if file.startswith("agent.db"))
assert b"card ... and 12" in files
assert b"1234567" not in files
"""


def test_the_examples_run(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "tracing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    first = blocks[0].replace('install("agent.db")', 'install("agent.db", frameworks=["opentelemetry-sdk"])')
    program = "\n".join([first, blocks[-1], CHECK])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
