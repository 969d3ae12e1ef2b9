"""Copies from store to store: whole, in order, without doubles, also when the program was killed."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mastra_convex import ConflictError, ConvexStore
from tests.backends import Backend
from tests.data import messages, thread
from tests.effort import effort, some, some_backends
from tests.moving.contents import fill, rows_of
from tests.reliability.faults.processes import child


@some_backends("sqlite", "convex-test")
async def test_a_copy_is_the_same_row_by_row(backend: Backend, tmp_path: Path) -> None:
    source = await fill(backend)
    async with ConvexStore.local(tmp_path / "copy.db") as target:
        await source.copy_to(target)
        assert await rows_of(target) == await rows_of(source)
        again = await source.copy_to(target, if_exists="error")
        assert sum(table.written for table in again.tables.values()) == 0


@pytest.mark.long
@some_backends("sqlite", "convex-test")
async def test_a_file_is_copied_to_every_database(backend: Backend, tmp_path: Path) -> None:
    target = backend.store()
    async with ConvexStore.local(tmp_path / "source.db") as source:
        await source.memory.save_thread(thread())
        await source.memory.save_messages(messages(1_200))
        await source.copy_to(target, only=["memory"])
        assert await target.memory.list_messages("t1", per_page=False) == await source.memory.list_messages(
            "t1", per_page=False
        )


async def test_rows_that_differ_at_the_target(tmp_path: Path) -> None:
    async with ConvexStore.local(":memory:") as source, ConvexStore.local(tmp_path / "b.db") as target:
        await source.memory.save_thread(thread(title="Source"))
        await source.memory.save_messages(messages(2))
        await target.memory.save_thread(thread(title="Target"))
        with pytest.raises(ConflictError, match=r'if_exists="keep" or "replace"'):
            await source.copy_to(target, if_exists="error")
        assert (await target.memory.list_messages("t1")).messages == []
        report = await source.copy_to(target)
        assert (report.tables["mastra_threads"].kept, report.tables["mastra_messages"].written) == (1, 2)
        await source.copy_to(target, if_exists="replace")
        assert (await target.memory.list_threads()).threads[0].title == "Source"


async def test_a_row_that_changes_at_the_target_is_told_of(tmp_path: Path) -> None:
    """Between the copy of a row and the look whether it is there."""
    async with ConvexStore.local(":memory:") as source, ConvexStore.local(tmp_path / "b.db") as target:
        await source.memory.save_thread(thread())
        await source.memory.save_messages(messages(3))

        def remove(table: str, rows: int) -> None:
            if table == "mastra_messages":
                with closing(sqlite3.connect(tmp_path / "b.db")) as file:
                    file.execute("DELETE FROM mastra_messages WHERE _seq = 2")
                    file.commit()

        with pytest.raises(ConflictError, match=r"1 of mastra_messages; copy again"):
            await source.copy_to(target, progress=remove)
        assert (await source.copy_to(target)).tables["mastra_messages"].written == 1


def copy_until_killed(source: Path, target: Path, connection: Connection) -> None:
    """Copies in a process of its own."""

    async def copy() -> None:
        async with ConvexStore.local(source) as here, ConvexStore.local(target) as there:
            connection.send("begun")
            await here.copy_to(there)
            connection.send("done")

    asyncio.run(copy())


@pytest.mark.long
@pytest.mark.parametrize("kills", some([3, effort(8, 20)], [3]))
async def test_a_copy_that_is_killed_is_continued(tmp_path: Path, kills: int) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    async with ConvexStore.local(source) as store:
        for n in range(20):
            await store.memory.save_thread(thread(f"t{n:02}", n=n))
            await store.memory.save_messages(messages(300, thread_id=f"t{n:02}"))
    moments = random.Random(7)
    for _ in range(kills):
        with child(copy_until_killed, source, target) as copying:
            assert copying.told() == "begun"
            copying.connection.poll(moments.uniform(0.0, 0.3))  # killed then, wherever it is
            copying.kill()
    with child(copy_until_killed, source, target) as copying:
        assert copying.all_told() == ["begun", "done"]
    async with ConvexStore.local(source) as store, ConvexStore.local(target) as copied:
        assert await rows_of(copied) == await rows_of(store)
