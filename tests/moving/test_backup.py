"""Backups of a file while others write to it; and a file, or its log, that is taken away under a store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mastra_convex import ConfigurationError, ConvexStore, FileReplacedError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from tests.backends import KEY, all_tables, remote_store
from tests.data import messages, thread
from tests.effort import effort, some
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import batches, write_until_killed


@pytest.mark.parametrize("backups", some([2, effort(6, 20)], [2]))
async def test_a_backup_beside_four_writers_is_whole(tmp_path: Path, backups: int) -> None:
    path = tmp_path / "agent.db"
    names = [f"p{n}" for n in range(4)]
    with ExitStack() as stack:
        writers = {name: stack.enter_context(child(write_until_killed, path, name, 2)) for name in names}
        acknowledged = {name: {writer.told()} for name, writer in writers.items()}
        for n in range(backups):
            for name, writer in writers.items():
                acknowledged[name].add(writer.told())
                while writer.connection.poll():
                    acknowledged[name].add(writer.told())
            copy = tmp_path / f"backup-{n}.db"
            async with ConvexStore.local(path) as store:
                await store.backup(copy)
            with closing(sqlite3.connect(copy)) as file:
                assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert file.execute("PRAGMA journal_mode").fetchall() == [("delete",)]  # so it is one file
            engine = LocalEngine(copy, all_tables())
            for name in names:
                whole, half, _ = await batches(engine, name)
                assert half == set()
                assert whole >= acknowledged[name]
            await engine.aclose()


async def test_a_backup_needs_a_new_file_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "there.db").write_bytes(b"mine")
    async with ConvexStore.local(":memory:") as store:
        await store.memory.save_thread(thread())
        with pytest.raises(ConfigurationError, match=r"there\.db' exists; give the path of a new file"):
            await store.backup(tmp_path / "there.db")
        await store.backup(tmp_path / "memory.db")
    assert (tmp_path / "there.db").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["memory.db", "there.db"]
    async with ConvexStore.local(tmp_path / "memory.db") as copy:
        assert (await copy.memory.list_threads()).total == 1
    engine = LocalEngine(":memory:", all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server, remote_store(server.url, None) as store:
        with pytest.raises(ConfigurationError, match="write a file with `export`"):
            await store.backup(tmp_path / "x.db")
    await engine.aclose()


@pytest.mark.parametrize("taken", ["agent.db-wal", "agent.db"])
async def test_a_file_that_is_taken_away_is_an_error_at_the_next_write(tmp_path: Path, taken: str) -> None:
    store = ConvexStore.local(tmp_path / "agent.db")
    await store.memory.save_thread(thread())
    os.rename(tmp_path / taken, tmp_path / "elsewhere")
    with pytest.raises(FileReplacedError, match="was deleted or replaced while it was open"):
        await store.memory.save_messages(messages(1))
    (tmp_path / taken).write_bytes(b"")
    with pytest.raises(FileReplacedError):
        await store.memory.save_messages(messages(1))
    await store.aclose()
