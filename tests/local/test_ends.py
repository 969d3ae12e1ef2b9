"""A program ends however its event loop ended, whether or not it closed its stores."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.effort import some
from tests.local.ends import WAYS

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""That a program gets to end in. It takes milliseconds on a quiet machine, unless a thread keeps it."""


def ended(way: str, path: str | Path) -> int:
    """The return code of a program; TimeoutExpired when it does not end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.local.ends", way, path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "domains")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "works\n"
            if (signal := WAYS[way].signal) is not None:
                program.send_signal(signal)
            return program.wait(SECONDS)
        finally:
            program.kill()


@pytest.mark.long
@pytest.mark.parametrize(
    "way", some(WAYS, ["interrupted", "exiting_while_another_program_has_the_lock", "forked_while_it_writes"])
)
def test_a_program_with_a_file_ends(way: str, tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    assert ended(way, path) == WAYS[way].code
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("way", some(["exiting", "stopped", "loop_closed_with_a_task_pending", "nested"], ["exiting"]))
def test_a_program_with_a_store_in_memory_ends(way: str) -> None:
    assert ended(way, ":memory:") == WAYS[way].code
