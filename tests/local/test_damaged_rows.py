"""Rows of a file that cannot be read: each is a typed error with its table and id, and stops only who reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.examples.notes import NOTES, Note, NotesStore
from mastra_convex import ConvexStore, DamagedRowError, MastraConvexError, NotFoundError
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
from mastra_convex.server import LocalServer
from mastra_convex.tables import Field, Index, Table
from mastra_convex_domains import DocumentsStore, MemoryStore
from tests.backends import KEY, DomainClasses, all_tables, remote_store
from tests.data import messages, thread
from tests.domains.scores.test_scores import score
from tests.local.tables import put

KEYS = {
    "mastra_threads": ["t1"],
    "mastra_messages": ["t1-m00001"],
    "mastra_resources": ["user-1"],
    "mastra_workflow_snapshots": ["flow", "run"],
    "mastra_scorers": ["s0001"],
    "mastra_thread_state": ["t1", "goal"],
    "mastra_documents": ["notes", "a"],
    "mastra_vector_indexes": ["docs"],
    "mastra_vectors": ["docs", "v1"],
}
"""A row of each table, by its key."""

WHOLE = {
    "cut": "substr(doc, 1, 12)",
    "no UTF-8": "CAST(x'7b22ff227d' AS TEXT)",
    "a blob of no UTF-8": "x'7b22ff227d'",
    "null": "'null'",
    "an array": "'[1, 2]'",
    "a number": "'5'",
    "a text": "'\"text\"'",
    "empty": "''",
    "no columns": "'{}'",
    "two documents": "doc || doc",
}
"""What becomes of the document of a row, in SQL."""

Call = Callable[[ConvexStore], Awaitable[Any]]


async def fill(path: Path) -> None:
    async with ConvexStore.local(path) as store:
        await store.memory.save_thread(thread("t1").model_copy(update={"metadata": {"a": 1}}))
        await store.memory.save_thread(thread("t2"))
        await store.memory.save_messages([*messages(3, thread_id="t1"), *messages(2, thread_id="t2")])
        await store.memory.save_resource({"id": "user-1", "working_memory": "text", "metadata": {"a": 1}})
        await store.workflows.persist_workflow_snapshot(
            "flow", run_id="run", snapshot={"status": "running", "context": {}}
        )
        await store.scores.save_score(score(1))
        await store.thread_state.set_state("t1", type="goal", value={"a": 1})
        await store.documents.put_many("notes", records=[{"id": "a", "n": 1}, {"id": "b", "n": 2}])
        await store.vector.create_index("docs", dimension=2)
        await store.vector.upsert(
            "docs", vectors=[[1.0, 0.0], [0.0, 1.0]], ids=["v1", "v2"], metadata=[{"n": 1}, {"n": 2}]
        )


READS: dict[str, list[Call]] = {
    "mastra_threads": [
        lambda store: store.memory.get_thread_by_id("t1"),
        lambda store: store.memory.get_thread_by_id("t1", resource_id="user-1"),
        lambda store: store.memory.list_threads(),
        lambda store: store.memory.list_threads(metadata={"a": 1}),
        lambda store: store.memory.update_thread("t1", metadata={"b": 1}),
        lambda store: store.memory.clone_thread("t1"),
        lambda store: store.memory.update_thread_resource_id("t1", resource_id="user-2"),
    ],
    "mastra_messages": [
        lambda store: store.memory.list_messages("t1"),
        lambda store: store.memory.list_messages(["t1", "t2"], metadata={"a": 1}),
        lambda store: store.memory.list_messages("t1", include=[{"id": "t1-m00001", "with_previous_messages": 1}]),
        lambda store: store.memory.list_messages("t1", include=[{"id": "t1-m00000", "with_next_messages": 2}]),
        lambda store: store.memory.list_messages_by_id(["t1-m00001", "t1-m00002"]),
        lambda store: store.memory.list_messages_by_resource_id("user-1"),
        lambda store: store.memory.update_messages([{"id": "t1-m00001", "content": {"metadata": {"a": 1}}}]),
        lambda store: store.memory.save_messages(messages(3, thread_id="t1")),
        lambda store: store.memory.clone_thread("t1"),
    ],
    "mastra_resources": [
        lambda store: store.memory.get_resource_by_id("user-1"),
        lambda store: store.memory.update_resource("user-1", metadata={"b": 1}),
    ],
    "mastra_workflow_snapshots": [
        lambda store: store.workflows.load_workflow_snapshot("flow", run_id="run"),
        lambda store: store.workflows.list_workflow_runs(),
        lambda store: store.workflows.list_workflow_runs(status="running"),
        lambda store: store.workflows.list_workflow_runs(thread_id="t1"),
        lambda store: store.workflows.get_workflow_run_by_id("run"),
        lambda store: store.workflows.update_workflow_state("flow", run_id="run", status="success"),
        lambda store: store.workflows.update_workflow_results("flow", run_id="run", step_id="a", result={"output": 1}),
    ],
    "mastra_scorers": [
        lambda store: store.scores.get_score_by_id("s0001"),
        lambda store: store.scores.list_scores_by_run_id("run-1"),
        lambda store: store.scores.save_score(score(1)),
    ],
    "mastra_thread_state": [
        lambda store: store.thread_state.get_state("t1", type="goal"),
        lambda store: store.thread_state.set_state("t1", type="goal", value=1),
    ],
    "mastra_documents": [
        lambda store: store.documents.get("notes", id="a"),
        lambda store: store.documents.list("notes"),
        lambda store: store.documents.list("notes", filter={"n": 1}, order_by="id"),
    ],
    "mastra_vector_indexes": [
        lambda store: store.vector.describe_index("docs"),
        lambda store: store.vector.list_indexes(),
        lambda store: store.vector.create_index("docs", dimension=2),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0]),
    ],
    "mastra_vectors": [
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0]),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0], include_vector=True),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0], filter={"n": 1}),
        lambda store: store.vector.query("docs", filter={"n": {"$gt": 0}}, include_vector=True),
        lambda store: store.vector.update_vector("docs", filter={"n": 1}, metadata={"m": 1}),
        lambda store: store.vector.update_vector("docs", id="v1", metadata={"m": 1}),
    ],
}
"""Calls that meet the row of each table."""

DELETES: dict[str, Call] = {
    "mastra_threads": lambda store: store.memory.delete_thread("t1"),
    "mastra_messages": lambda store: store.memory.delete_messages(["t1-m00000", "t1-m00001", "t2-m00000"]),
    "mastra_workflow_snapshots": lambda store: store.workflows.delete_workflow_run_by_id("run", workflow_name="flow"),
    "mastra_thread_state": lambda store: store.thread_state.delete_state("t1", type="goal"),
    "mastra_documents": lambda store: store.documents.delete("notes", id="a"),
    "mastra_vector_indexes": lambda store: store.vector.delete_index("docs"),
    "mastra_vectors": lambda store: store.vector.delete_vectors("docs", ids=["v1"]),
}
RANGES: dict[str, Call] = {
    "mastra_messages": lambda store: store.memory.delete_thread("t1"),
    "mastra_thread_state": lambda store: store.memory.delete_thread("t1"),
    "mastra_documents": lambda store: store.documents.clear("notes"),
    "mastra_vectors": lambda store: store.vector.truncate_index("docs"),
}


@asynccontextmanager
async def opened(path: Path, backend: str, domains: DomainClasses = None) -> AsyncIterator[ConvexStore]:
    """A store over a file, directly or over HTTP."""
    if backend == "sqlite":
        async with ConvexStore.local(path, domains=domains) as store:
            yield store
        return
    engine = LocalEngine(path, all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server, remote_store(server.url, domains) as store:
        yield store
    await engine.aclose()


def damage(path: Path, table: str, assignment: str) -> None:
    """Changes a row in SQL, behind the back of the package."""
    id = dict(zip(declared(table).key_fields, KEYS[table], strict=True))
    where = " AND ".join(f"json_extract(CAST(doc AS TEXT), '$.{name}') = '{value}'" for name, value in id.items())
    with closing(sqlite3.connect(path)) as connection, connection:
        found = connection.execute(f'SELECT _seq FROM "{table}" WHERE {where}').fetchall()
        assert len(found) == 1
        connection.execute(f'UPDATE "{table}" SET {assignment} WHERE _seq = ?', found[0])


def shown(table: str) -> str:
    key = KEYS[table]
    return key[0] if len(key) == 1 else "[" + ", ".join(f'"{part}"' for part in key) + "]"


async def error_of(store: ConvexStore, call: Call) -> MastraConvexError | None:
    """What a call raises, None for an answer; any other error than ours fails the test."""
    try:
        await call(store)
    except MastraConvexError as error:
        return error
    return None


def names_row(error: MastraConvexError, table: str) -> bool:
    return isinstance(error, DamagedRowError) and (error.details["table"], error.details["id"]) == (table, shown(table))


def copy(file: Path, name: str) -> Path:
    path = file.with_suffix(name)
    path.write_bytes(file.read_bytes())
    return path


@pytest.fixture(scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("filled") / "store.db"
    await fill(path)
    return path.read_bytes()


@pytest.fixture
def file(filled: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes(filled)
    return path


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize("table", KEYS)
@pytest.mark.parametrize("form", WHOLE)
async def test_a_row_that_cannot_be_read_is_named(file: Path, backend: str, table: str, form: str) -> None:
    damage(file, table, f"doc = {WHOLE[form]}")
    async with opened(file, backend) as store:
        errors = [error for call in READS[table] if (error := await error_of(store, call)) is not None]
    assert errors
    assert all(names_row(error, table) and not error.retryable for error in errors)


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize("table", DELETES)
@pytest.mark.parametrize("form", ["cut", "null", "no columns"])
async def test_a_row_that_cannot_be_read_can_be_deleted(file: Path, backend: str, form: str, table: str) -> None:
    await check_delete(file, backend, form, table, DELETES[table])


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize("table", RANGES)
@pytest.mark.parametrize("form", ["cut", "null", "no columns"])
async def test_a_row_that_cannot_be_read_goes_with_its_range(file: Path, backend: str, form: str, table: str) -> None:
    await check_delete(file, backend, form, table, RANGES[table])


async def check_delete(file: Path, backend: str, form: str, table: str, delete: Call) -> None:
    damage(file, table, f"doc = {WHOLE[form]}")
    async with opened(file, backend) as store:
        await delete(store)
        for call in READS[table]:
            with suppress(NotFoundError):
                await call(store)


VALUES = ["5", "1.5", "'x'", "'{'", "'[1]'", "json('null')", "json('{}')", "json('[]')", "json('true')"]
"""What a column of JSON may be instead, in SQL."""


def declared(table: str) -> Table:
    return {each.name: each for each in all_tables()}[table]


COLUMNS = [(table, column) for table in KEYS for column in declared(table).field_by_name]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_a_column_of_another_type_or_none_is_our_error(file: Path, table: str, column: str) -> None:
    """Some values are right, and older rows may lack a column. What is not right is our error, which names the row."""
    changes = [f"json_set(doc, '$.{column}', {value})" for value in VALUES]
    for n, change in enumerate([f"json_remove(doc, '$.{column}')", *changes]):
        path = copy(file, f".{n}")
        damage(path, table, f"doc = {change}")
        async with opened(path, "sqlite") as store:
            errors = [await error_of(store, call) for call in READS[table]]
        damaged = [error for error in errors if isinstance(error, DamagedRowError)]
        assert column in declared(table).key_fields or all(names_row(error, table) for error in damaged)


@pytest.mark.parametrize("value", ["NULL", "5", "1.5", "'x'", "x''", "x'ff'", "x'06ff'"])
@pytest.mark.parametrize("table", KEYS)
async def test_damaged_key_columns_are_our_error(file: Path, table: str, value: str) -> None:
    """Such a row may not be found, or not at its place."""
    with closing(sqlite3.connect(file)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    for column in (name for name in names if name.startswith("k_")):
        path = copy(file, f".{column}")
        damage(path, table, f'"{column}" = {value}')
        async with opened(path, "sqlite") as store:
            for call in READS[table]:
                await error_of(store, call)


async def test_a_row_without_a_place_in_an_index_is_named(file: Path) -> None:
    """Several prefixes are merged by their key columns."""
    damage(file, "mastra_messages", "k_createdAt = NULL")
    async with opened(file, "sqlite") as store:
        error = await error_of(store, lambda store: store.memory.list_messages(["t1", "t2"]))
    assert error is not None
    assert names_row(error, "mastra_messages")


@pytest.mark.parametrize("backend", ["sqlite", "server"])
@pytest.mark.parametrize(
    "vector", ["x'00'", "'ab'", "'abcdefgh'", "'äöüabcde'", "12345678", "5", "1.5", "x'0000c07f0000c07f'", "x''"]
)
async def test_a_damaged_vector_is_our_error(file: Path, backend: str, vector: str) -> None:
    """A vector of another length, or that is no blob, is not found; whoever reads it gets an error."""
    damage(file, "mastra_vectors", f"v_embedding = {vector}")
    async with opened(file, backend) as store:
        for call in READS["mastra_vectors"]:
            error = await error_of(store, call)
            assert error is None or names_row(error, "mastra_vectors")
        await store.vector.delete_vectors("docs", ids=["v1"])
        assert [hit.id for hit in await store.vector.query("docs", query_vector=[1.0, 0.0])] == ["v2"]


@pytest.mark.parametrize("backend", ["sqlite", "server"])
async def test_pages_without_the_row_work(file: Path, backend: str) -> None:
    damage(file, "mastra_messages", f"doc = {WHOLE['cut']}")
    async with opened(file, backend) as store:
        page = await store.memory.list_messages("t1", per_page=1)
        assert ([found.id for found in page.messages], page.total) == (["t1-m00000"], 3)
        page = await store.memory.list_messages("t1", per_page=1, page=2)
        assert ([found.id for found in page.messages], page.total) == (["t1-m00002"], 3)
        assert (await store.memory.list_messages("t2")).total == 2
        await store.memory.delete_messages(["t1-m00001"])
        assert (await store.memory.list_messages("t1")).total == 2


async def test_deletes_of_damaged_rows_touch_the_threads_of_the_others(file: Path) -> None:
    damage(file, "mastra_messages", f"doc = {WHOLE['cut']}")
    async with opened(file, "sqlite") as store:
        await store.memory.delete_messages(["t1-m00001", "t2-m00000"])
        thread = await store.memory.get_thread_by_id("t2")
        assert thread is not None
        assert thread.updated_at > thread.created_at


async def test_a_damaged_thread_keeps_nobody_from_deleting_its_messages(file: Path) -> None:
    damage(file, "mastra_threads", f"doc = {WHOLE['cut']}")
    async with opened(file, "sqlite") as store:
        error = await error_of(store, lambda store: store.memory.save_messages(messages(1, thread_id="t1")))
        assert error is not None
        assert names_row(error, "mastra_threads")
        await store.memory.delete_messages(["t1-m00001"])
        assert (await store.memory.list_messages("t1")).total == 2


async def test_a_range_of_damaged_rows_is_deleted_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with ConvexStore.local(path) as store:
        await store.memory.save_messages(messages(2_500, thread_id="t1"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE mastra_messages SET doc = substr(doc, 1, 12)")
    async with ConvexStore.local(path) as store:
        await store.memory.delete_thread("t1")
        assert (await store.memory.list_messages("t1")).total == 0


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
