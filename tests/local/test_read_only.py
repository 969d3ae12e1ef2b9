"""A file in a place where nothing can be written: it is read, and a write says why it is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import environment
from tests.data import message

READ = [["t"], 3, 0]
WELL = {"file": True, "integrity": True, "tables": True, "indexes": True, "rows": True}


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        yield place
        place.chmod(0o755)


@pytest.fixture
async def file(place: Path) -> Path:
    async with ConvexStore.local(place / "agent.db") as store:
        await fill(store)
    return place / "agent.db"


async def fill(store: ConvexStore) -> None:
    await store.memory.save_thread({"id": "t", "resource_id": "r"})
    await store.memory.save_messages([message(n, thread_id="t") for n in range(3)])
    await store.vector.create_index("talks", dimension=2)
    await store.vector.upsert("talks", vectors=[[1.0, 0.0], [0.0, 1.0]], ids=["a", "b"])


def used_by_another(path: Path, *, file_mode: int = 0o444, folder_mode: int = 0o555) -> dict[str, Any]:
    """What a user finds who may read the file and write nothing."""
    for entry in path.parent.iterdir():
        entry.chmod(file_mode)
    path.parent.chmod(folder_mode)
    command = [sys.executable, "-m", "tests.local.read_only_user", str(path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("file_mode", [0o444, 0o644])
def test_reads_work_and_writes_are_refused(file: Path, file_mode: int) -> None:
    before = file.read_bytes()

    found = used_by_another(file, file_mode=file_mode)

    assert found["read"] == found["read again"] == READ
    assert found["search"] == ["a"]
    assert found["init"] is None
    for write in ("write", "write much"):
        assert found[write].startswith("ConfigurationError")
        assert "is read-only" in found[write]
        assert str(file) in found[write]
    assert found["doctor"] == WELL
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.long
def test_a_file_without_a_log_mode(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    found = used_by_another(file)
    assert (found["read"], found["doctor"]) == (READ, WELL)
    assert "is read-only" in found["write"]


@pytest.mark.long
async def test_a_file_that_another_program_has_open(place: Path) -> None:
    async with ConvexStore.local(place / "agent.db") as store:
        await fill(store)
        found = used_by_another(place / "agent.db")
        assert (found["read"], found["doctor"]) == (READ, WELL)
        assert "is read-only" in found["write"]


@pytest.mark.long
async def test_changes_that_a_killed_program_left_in_the_log(place: Path) -> None:
    (copy := place / "copy").mkdir()
    async with ConvexStore.local(place / "agent.db") as store:
        await fill(store)
        for name in ("agent.db", "agent.db-wal"):
            shutil.copy(place / name, copy / name)
    found = used_by_another(copy / "agent.db")
    for call in ("init", "read", "search", "write"):
        assert found[call].startswith("ConfigurationError")
        assert "'agent.db-wal' beside it has its last changes; open it once where it can be written" in found[call]
    assert found["doctor"] == {"file": False}


@pytest.mark.long
@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o000, 0o555), (0o444, 0o700)])
def test_a_file_that_may_not_be_read(file: Path, file_mode: int, folder_mode: int) -> None:
    found = used_by_another(file, file_mode=file_mode, folder_mode=folder_mode)
    for call in ("init", "read", "write"):
        assert found[call].startswith("ConfigurationError")
        assert "ermission" in found[call]
    assert found["doctor"] == {"file": False}


@pytest.mark.long
async def test_a_file_of_an_older_layout_must_be_opened_where_it_can_be_written(place: Path) -> None:
    async with ConvexStore.local(place / "agent.db") as store:
        await store.init()
        only = type(store.memory)
    (place / "agent.db").unlink()
    async with ConvexStore.local(place / "agent.db", domains=[only]) as store:
        await store.init()
    found = used_by_another(place / "agent.db")
    assert found["read"].startswith("ConfigurationError")
    assert "is read-only" in found["read"]
