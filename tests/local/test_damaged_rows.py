"""Rows of a file that cannot be read: each is a typed error with its table and id, and stops only who reads it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mastra_convex import ConvexStore, DamagedRowError, NotFoundError
from tests.data import messages
from tests.effort import some
from tests.local.damage import (
    DELETES,
    KEYS,
    RANGES,
    READS,
    WHOLE,
    Call,
    copy,
    damage,
    declared,
    error_of,
    names_row,
    opened,
)


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


COLUMNS = [(table, column) for table in KEYS for column in declared(table).field_by_name]


@pytest.mark.parametrize(("table", "column"), some(COLUMNS, COLUMNS[::8]))
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


@pytest.mark.parametrize("value", some(["NULL", "5", "1.5", "'x'", "x''", "x'ff'", "x'06ff'"], ["NULL", "x'ff'"]))
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
