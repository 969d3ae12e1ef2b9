"""Damaged chunks of large values, records of hosted tables, receipts; guards, prunes and migrations beside them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.examples.notes import NOTES, Note, NotesStore
from mastra_convex import ConvexStore, DamagedRowError
from mastra_convex.engine.protocol import (
    Commit,
    Delete,
    EmptyGuard,
    Get,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Neighbours,
    Scan,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.conditions import Condition
from mastra_convex.tables import Field, Index, Table
from mastra_convex_domains import DocumentsStore, MemoryStore
from tests.backends import all_tables
from tests.local.damage import (
    WHOLE,
    damage,
    error_of,
    names_row,
    opened,
)
from tests.local.tables import put

LARGE = "x" * (2 << 20)


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM mastra_chunks WHERE _seq = 1",
        "UPDATE mastra_chunks SET doc = 'null'",
        "UPDATE mastra_chunks SET doc = substr(doc, 1, 20)",
        "UPDATE mastra_chunks SET doc = json_set(doc, '$.data', 5)",
        "UPDATE mastra_chunks SET doc = json_set(doc, '$.data', 'AAAA')",
        "UPDATE mastra_chunks SET doc = json_remove(doc, '$.data')",
        "UPDATE mastra_large_values SET doc = 'null'",
    ],
)
async def test_a_damaged_large_value_is_an_error_of_its_row(tmp_path: Path, backend: str, change: str) -> None:
    path = tmp_path / "store.db"
    async with ConvexStore.local(path) as store:
        await store.memory.save_resource({"id": "user-1", "working_memory": LARGE})
        await store.memory.save_resource({"id": "user-2", "working_memory": "small"})
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(change).rowcount
    async with opened(path, backend) as store:
        error = await error_of(store, lambda store: store.memory.get_resource_by_id("user-1"))
        assert error is not None
        assert names_row(error, "mastra_resources")
        assert await store.memory.get_resource_by_id("user-2") is not None
        await store.sweep()


async def test_a_damaged_name_of_a_large_value_keeps_nothing_else_from_being_swept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with ConvexStore.local(path) as store:
        for n in range(2):
            await store.memory.save_resource({"id": f"user-{n}", "working_memory": LARGE})
            await store.memory.save_resource({"id": f"user-{n}", "working_memory": "small"})
    old = "json_set(doc, '$.since', 1), k_since = (SELECT min(k_since) FROM mastra_large_values)"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE mastra_large_values SET doc = {old}")
        connection.execute("UPDATE mastra_large_values SET k_since = x'0301'")
        connection.execute("UPDATE mastra_large_values SET doc = 'null' WHERE _seq = 1")
    async with ConvexStore.local(path) as store:
        await store.sweep()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT _seq FROM mastra_large_values").fetchall() == [(1,)]


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize("form", WHOLE)
async def test_a_damaged_record_of_a_hosted_table_is_named(file: Path, backend: str, form: str) -> None:
    def notes(store: ConvexStore) -> Any:
        return store.domain(NotesStore).list_notes("t1")

    domains = [MemoryStore, DocumentsStore, NotesStore]
    async with ConvexStore.local(file, domains=domains) as store:
        await store.domain(NotesStore).save_note(Note(id="n1", thread_id="t1", text="text"))
    with closing(sqlite3.connect(file)) as connection, connection:
        changed = f"UPDATE mastra_documents SET doc = {WHOLE[form]} WHERE doc LIKE '%acme_notes%'"
        assert connection.execute(changed).rowcount == 1
    async with opened(file, backend, domains) as store:
        error = await error_of(store, notes)
        assert isinstance(error, DamagedRowError)
        assert error.details["id"] == '["acme_notes", "n1"]'
        await store.domain(NotesStore).delete_note("n1")
        assert await error_of(store, notes) is None


class Everything(NotesStore):
    """Reads hosted rows by all operations, without the conditions that leave other records out."""

    async def everything(self) -> None:
        scan = Scan(table=NOTES.name, index="by_record_id")
        around = Neighbours(table=NOTES.name, key=["n2"], index="by_thread_created", before=1, after=1)
        for op in (Get(table=NOTES.name, keys=[["n1"]]), scan, replace(scan, paths=[["text"]]), around):
            await self._records.read(op)


@pytest.mark.parametrize("value", ["json('null')", "5", "'x'", "json('[1]')", "json('{}')", "json('{\"a\": 5}')", ""])
async def test_a_record_of_another_shape_of_a_hosted_table_is_named(file: Path, value: str) -> None:
    domains = [MemoryStore, DocumentsStore, Everything]
    async with ConvexStore.local(file, domains=domains) as store:
        for n in (1, 2):
            await store.domain(Everything).save_note(Note(id=f"n{n}", thread_id="t1", text="text"))
    with closing(sqlite3.connect(file)) as connection, connection:
        change = f"json_set(doc, '$.record', {value})" if value else "json_remove(doc, '$.record')"
        connection.execute(f"UPDATE mastra_documents SET doc = {change} WHERE doc LIKE '%acme_notes%n1%'")
    async with ConvexStore.local(file, domains=domains) as store:
        error = await error_of(store, lambda store: store.domain(Everything).everything())
        assert isinstance(error, DamagedRowError)
        assert error.details == {"table": "mastra_documents", "id": '["acme_notes", "n1"]'}
        await store.domain(Everything).delete_note("n1")
        await store.domain(Everything).everything()


async def test_a_prune_names_the_row_that_stops_it(file: Path) -> None:
    damage(file, "mastra_messages", f"doc = {WHOLE['cut']}")
    policies = {"memory": {"messages": "1ms"}}
    async with opened(file, "sqlite") as store:
        error = await error_of(store, lambda store: store.prune(policies))
        assert error is not None
        assert names_row(error, "mastra_messages")
        await store.memory.delete_messages(["t1-m00001"])
        await store.prune(policies)
        assert (await store.memory.list_messages(["t1", "t2"])).total == 0


async def test_guards_that_need_no_document_hold_on_a_damaged_row(file: Path) -> None:
    damage(file, "mastra_threads", f"doc = {WHOLE['cut']}")
    engine = LocalEngine(file, all_tables(), receipts=True)
    exists, missing = (KeyGuard(guard=guard, table="mastra_threads", key=["t1"]) for guard in ("exists", "missing"))
    empty = EmptyGuard(range=IndexRange(table="mastra_threads", index="by_resource", prefix=["user-1"]))
    for guard in (missing, empty):
        assert (await engine.commit(Commit(id=f"{guard}", guards=[guard]))).status == "conflict"
    holds = HoldsGuard(
        table="mastra_threads", key=["t1"], where=[Condition(path=["title"], operator="eq", value='"x"')]
    )
    with pytest.raises(DamagedRowError) as raised:
        await engine.commit(Commit(id="holds", guards=[holds]))
    assert names_row(raised.value, "mastra_threads")
    delete = Delete(table="mastra_threads", keys=[["t1"]])
    assert (await engine.commit(Commit(id="delete", guards=[exists], ops=[delete]))).status == "done"
    await engine.aclose()


@pytest.mark.parametrize(
    "change", ["'null'", "substr(doc, 1, 9)", "json_remove(doc, '$.outcome')", '\'{"id":"a","outcome":"{}"}\'']
)
async def test_a_damaged_receipt_is_named(file: Path, change: str) -> None:
    engine = LocalEngine(file, all_tables(), receipts=True)
    await engine.commit(Commit(id="a"))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE mastra_receipts SET doc = {change}")
    with pytest.raises(DamagedRowError) as raised:
        await engine.commit(Commit(id="a"))
    assert raised.value.details == {"table": "mastra_receipts", "id": "a"}
    await engine.aclose()


async def test_a_file_with_a_damaged_row_gets_new_columns_and_indexes(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    fields = (Field("id"), Field("at"), Field("v", "any", optional=True))
    table = Table("acme", fields, (Index("by_record_id", ("id",)),))
    newer = replace(
        table,
        fields=(*fields[:2], Field("v", "floats", optional=True)),
        indexes=(*table.indexes, Index("by_at", ("at",))),
    )
    older = LocalEngine(path, [table])
    await put(older, {"id": "a", "at": "1", "v": [1.0]}, {"id": "b", "at": "2", "v": [2.0]}, table="acme")
    await older.aclose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE acme SET doc = substr(doc, 1, 9) WHERE _seq = 1")
    engine = LocalEngine(path, [newer])
    [found] = await engine.read([Scan(table="acme", index="by_at", prefixes=[["2"]])])
    assert [row["id"] for row in found.rows] == ["b"]
    with pytest.raises(DamagedRowError) as raised:
        await engine.read([Scan(table="acme", index="by_at")])
    assert raised.value.details == {"table": "acme", "id": "a"}
    await engine.aclose()
