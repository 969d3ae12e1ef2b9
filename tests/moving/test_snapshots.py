"""Snapshot files: what one database wrote, every other reads, row by row; also what Convex wrote itself."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from mastra_convex import ConflictError, ConvexStore, ValidationError
from tests.backends import Backend, open_backend
from tests.conftest import StartHost
from tests.data import ids, messages, thread
from tests.moving.contents import LONG_TEXT, fill, put_thread, rows_of

TARGETS = ("sqlite", "server", "convex-test")


def snapshot(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]], *, prefix: str = "") -> Path:
    """Writes a file as `npx convex export` does: rows with the ids of Convex, floats, and tables of its own."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{prefix}_tables/documents.jsonl", b"")
        file.writestr(f"{prefix}_storage/documents.jsonl", b'{"_id": "kg2"}\n')
        file.writestr(f"{prefix}_components/mail/mastra_threads/documents.jsonl", b'{"not": "ours"}\n')
        for name, rows in tables.items():
            file.writestr(f"{prefix}{name}/generated_schema.jsonl", b'"uniform"\n')
            file.writestr(f"{prefix}{name}/documents.jsonl", b"\n".join(map(orjson.dumps, rows)))
    return path


def thread_row(id: str, made: float, **columns: Any) -> dict[str, Any]:
    return {
        "_id": f"k57{id}",
        "_creationTime": made,
        "id": id,
        "resourceId": "user-1",
        "title": "From TypeScript",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        **columns,
    }


async def test_every_database_reads_what_another_wrote(backend: Backend, tmp_path: Path, start_host: StartHost) -> None:
    source = await fill(backend)
    report = await source.export(tmp_path / "all.zip")
    assert (report.tables["mastra_messages"].rows, report.left_out) == (61, {})
    before = await rows_of(source)
    for name in TARGETS:
        folder = tmp_path / name
        folder.mkdir()
        async with open_backend(name, folder, await start_host() if name == "convex-test" else None) as other:
            target = other.store()
            await target.import_(tmp_path / "all.zip")
            assert await rows_of(target) == before
            assert (await target.memory.list_messages_by_id(["long"]))[0].text == LONG_TEXT
            again = await target.import_(tmp_path / "all.zip", if_exists="error")
            assert {name: table.written for name, table in again.tables.items() if table.written} == {}


async def test_a_file_of_convex(backend: Backend, tmp_path: Path) -> None:
    rows = [thread_row("late", 1_700_000_000_002.25), thread_row("early", 1_700_000_000_001.5, metadata={"n": 1.0})]
    file = snapshot(tmp_path / "c.zip", {"mastra_threads": rows, "users": [{"_id": "u", "name": "A"}]}, prefix="snap/")
    store = backend.store()
    report = await store.import_(file)
    assert report.left_out == {"users": 1}
    found = await store.memory.list_threads(order_by="created_at")
    assert ids(found.threads) == ["early", "late"]  # of equal times, in the order they were made in
    assert found.threads[0].metadata == {"n": 1}


@pytest.mark.parametrize("backend", ["memory", "sqlite"], indirect=True)
async def test_columns_that_are_not_known_stay(backend: Backend, tmp_path: Path) -> None:
    await put_thread(backend, archived=True, note={"by": ["x"]})
    source = backend.store()
    await source.export(tmp_path / "x.zip")
    async with ConvexStore.local(tmp_path / "y.db") as target:
        await target.import_(tmp_path / "x.zip")
        await target.memory.update_thread("foreign", title="A new title")
        assert b'"archived":true,"createdAt"' in (await rows_of(target))["mastra_threads"][0]


async def test_rows_that_differ(backend: Backend, tmp_path: Path) -> None:
    store = backend.store()
    await store.memory.save_thread(thread("t1", title="In the file"))
    await store.memory.save_messages(messages(3))
    await store.export(tmp_path / "x.zip")
    await store.memory.update_thread("t1", title="Here")
    await store.memory.delete_messages(["t1-m00001"])

    with pytest.raises(ConflictError, match=r'mastra_threads has other rows with the keys \["t1"\]'):
        await store.import_(tmp_path / "x.zip", if_exists="error")
    assert len((await store.memory.list_messages("t1", per_page=False)).messages) == 2

    kept = await store.import_(tmp_path / "x.zip")
    assert (kept.tables["mastra_threads"].kept, kept.tables["mastra_messages"].written) == (1, 1)
    assert (await store.memory.list_threads()).threads[0].title == "Here"

    await store.import_(tmp_path / "x.zip", if_exists="replace")
    assert (await store.memory.list_threads()).threads[0].title == "In the file"


async def test_only_some_domains(backend: Backend, tmp_path: Path) -> None:
    store = await fill(backend)
    report = await store.export(tmp_path / "x.zip", only=["thread_state", "vector"])
    assert {name: table.rows for name, table in report.tables.items()} == {
        "mastra_thread_state": 2,
        "mastra_vector_indexes": 1,
        "mastra_vectors": 2,
    }
    await store.export(tmp_path / "all.zip")
    async with ConvexStore.local(":memory:") as target:
        await target.import_(tmp_path / "all.zip", only=["vector"])
        assert (await target.memory.list_threads()).threads == []
        assert await target.vector.list_indexes() == ["v"]
        with pytest.raises(ValidationError, match=r"a domain must be one of .* did you mean 'memory'"):
            await target.export(tmp_path / "y.zip", only=["memroy"])


def _zipped(path: Path, lines: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mastra_threads/documents.jsonl", orjson.dumps(thread_row("ok", 1.0)) + b"\n" + lines)
    return path


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (b"{", "mastra_threads, line 2 is not JSON"),
        (b"[1]", "mastra_threads, line 2 is no object: list"),
        (b'{"id": "x"}', "a row of mastra_threads lacks the column 'resourceId'"),
        (orjson.dumps(thread_row("x", 2.0, title=7)), r"mastra_threads.title is a string, not 7"),
        (
            orjson.dumps(thread_row("x", 2.0, metadata={"n": {"$float": "AAAAAAAA+H8="}})),
            "nan, which is no",
        ),
        (orjson.dumps(thread_row("x", 2.0, metadata={"n": {"$bytes": "AA=="}})), "metadata has bytes"),
    ],
)
async def test_a_damaged_file_is_refused_before_anything_is_written(tmp_path: Path, lines: bytes, problem: str) -> None:
    async with ConvexStore.local(":memory:") as store:
        with pytest.raises(ValidationError, match=problem):
            await store.import_(_zipped(tmp_path / "x.zip", lines))
        assert (await store.memory.list_threads()).threads == []


async def test_what_is_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no ZIP")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("photo.jpg", b"")
    whole = _zipped(tmp_path / "whole.zip", orjson.dumps(thread_row("x", 2.0)) * 100).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    async with ConvexStore.local(":memory:") as store:
        for name, problem in (("text", "no ZIP file"), ("other", "no snapshot"), ("cut", "no ZIP file, or a damaged")):
            with pytest.raises(ValidationError, match=problem):
                await store.import_(tmp_path / f"{name}.zip")


async def test_integers_and_floats_of_convex(tmp_path: Path) -> None:
    row = thread_row("x", 1.0, metadata={"big": {"$integer": "KgAAAAAAAAA="}, "zero": {"$float": "AAAAAAAAAIA="}})
    async with ConvexStore.local(":memory:") as store:
        await store.import_(snapshot(tmp_path / "x.zip", {"mastra_threads": [row]}))
        assert (await store.memory.list_threads()).threads[0].metadata == {"big": 42, "zero": 0}


async def test_a_failed_export_leaves_no_file(tmp_path: Path) -> None:
    async with ConvexStore.local(":memory:") as store:
        await store.memory.save_thread(thread())

        def fail(table: str, rows: int) -> None:
            raise RuntimeError(table)

        with pytest.raises(RuntimeError, match="mastra_threads"):
            await store.export(tmp_path / "x.zip", progress=fail)
    assert os.listdir(tmp_path) == []
