"""Records without a table of their own: Python and the stock handler keep them alike in `mastra_documents`."""

from __future__ import annotations

from typing import Any

import pytest

from docs.examples.notes import Note, NotesStore
from mastra_convex import ConvexStore
from mastra_convex_domains import DocumentsStore
from tests.backends import ConvexHost, remote_store
from tests.data import at
from tests.interop.conftest import StockStore

RECORD: dict[str, Any] = {"id": "a", "kind": "x", "n": 1, "deep": {"list": [1, 2.5, None, {"k": "名"}]}, "text": "[1]"}


@pytest.fixture
def documents(ours: ConvexStore) -> DocumentsStore:
    return ours.documents


async def test_python_reads_what_the_stock_handler_wrote(documents: DocumentsStore, stock: StockStore) -> None:
    await stock.request("insert", "acme_things", record=RECORD)
    await stock.request("batchInsert", "acme_things", records=[{"id": 7, "kind": "y"}, {"id": "b", "kind": "x"}])
    await stock.request("insert", "acme_others", record={"id": "a"})
    assert await documents.get("acme_things", id="a") == RECORD
    assert await documents.get("acme_things", id=7) == {"id": 7, "kind": "y"}
    page = await documents.list("acme_things", filter={"kind": "x"}, order_by="-id")
    assert [document["id"] for document in page.documents] == ["b", "a"]

    await stock.request("patch", "acme_things", id="a", record={"n": 2})
    assert await documents.get("acme_things", id="a") == {**RECORD, "n": 2}
    await stock.request("deleteMany", "acme_things", ids=["a", "b"])
    assert (await documents.list("acme_things")).documents == [{"id": 7, "kind": "y"}]
    await stock.request("clearTable", "acme_things")
    assert (await documents.list("acme_things")).total == 0
    assert (await documents.list("acme_others")).total == 1


async def test_the_stock_handler_reads_what_python_wrote(documents: DocumentsStore, stock: StockStore) -> None:
    await documents.put("acme_things", record=RECORD)
    await documents.put_many("acme_things", records=[{"id": 7, "kind": "y"}, {"id": "b", "kind": "x"}])
    await documents.put("acme_others", record={"id": "a"})
    assert await stock.request("load", "acme_things", keys={"id": "a"}) == RECORD
    assert await stock.request("load", "acme_things", keys={"kind": "y"}) == {"id": 7, "kind": "y"}
    assert await stock.request("loadMany", "acme_things", ids=["b", "7"]) == [
        {"id": "b", "kind": "x"},
        {"id": 7, "kind": "y"},
    ]
    found = await stock.request("queryTable", "acme_things", filters=[{"field": "kind", "value": "x"}])
    assert [document["id"] for document in found] == ["a", "b"]

    await documents.put("acme_things", record={"id": "a", "n": 2})
    assert await stock.request("load", "acme_things", keys={"id": "a"}) == {"id": "a", "n": 2}
    await documents.delete("acme_things", id=7)
    await documents.clear("acme_others")
    assert [document["id"] for document in await stock.request("queryTable", "acme_things")] == ["a", "b"]
    assert await stock.request("queryTable", "acme_others") == []


async def test_both_store_the_same_row(documents: DocumentsStore, stock: StockStore, interop_host: ConvexHost) -> None:
    await stock.request("insert", "acme_things", record=RECORD)
    await stock.request("insert", "acme_things", record={"id": 12, "n": 1})
    await documents.put("acme_things", record={**RECORD, "id": "b"})
    await documents.put("acme_things", record={"id": 13, "n": 1})
    await documents.put("acme_things", record=RECORD)  # replaces the row of the stock handler
    rows = await interop_host.rows("mastra_documents")
    assert [(row["table"], row["primaryKey"], row["record"]) for row in rows] == [
        ("acme_things", "a", RECORD),
        ("acme_things", "12", {"id": 12, "n": 1}),
        ("acme_things", "b", {**RECORD, "id": "b"}),
        ("acme_things", "13", {"id": 13, "n": 1}),
    ]


async def test_keys_that_convex_refuses_survive_a_patch_by_typescript(
    documents: DocumentsStore, stock: StockStore
) -> None:
    await documents.put("acme_things", record={"id": "a", "$schema": "s", "deep": {"名字": 1, "ok": 2}})
    await stock.request("patch", "acme_things", id="a", record={"n": 1})
    assert await documents.get("acme_things", id="a") == {
        "id": "a",
        "$schema": "s",
        "deep": {"名字": 1, "ok": 2},
        "n": 1,
    }


async def test_typescript_reads_and_writes_notes_of_a_plug_in(stock: StockStore, interop_host: ConvexHost) -> None:
    function = "mastra_py/storage:handle"
    async with remote_store(interop_host.url, [NotesStore], storage_function=function) as store:
        notes = store.domain(NotesStore)
        await notes.save_note(Note(id="n1", thread_id="t1", text="from Python", created_at=at(1)))
        [found] = await stock.request("queryTable", "acme_notes", filters=[{"field": "threadId", "value": "t1"}])
        await stock.request("insert", "acme_notes", record={**found, "id": "n2", "text": "from TypeScript"})
        assert [note.text for note in (await notes.list_notes("t1")).notes] == ["from TypeScript", "from Python"]
