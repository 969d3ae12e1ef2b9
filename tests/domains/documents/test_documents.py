"""Records of logical tables (docs/contract.md, "Documents")."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.engine.protocol import Commit, Put
from mastra_convex_domains import DocumentPage, DocumentsStore
from tests.backends import Backend
from tests.effort import once, some_backends

DEEP: dict[str, Any] = {"$schema": "s", "名字": {"$ref": [1, 2.5]}, "__proto__": 1, "none": None, "text": "[1]"}


@pytest.fixture
def documents(store: ConvexStore) -> DocumentsStore:
    return store.documents


def ids(page: DocumentPage) -> list[Any]:
    return [document["id"] for document in page.documents]


async def test_a_record_comes_back_equal(documents: DocumentsStore) -> None:
    record = {"id": "a", "deep": DEEP, **DEEP}
    assert await documents.put("notes", record=record) == record
    assert await documents.get("notes", id="a") == record
    assert (await documents.list("notes")).documents == [record]


async def test_a_record_of_the_same_id_is_replaced_as_a_whole(documents: DocumentsStore) -> None:
    await documents.put("notes", record={"id": "a", "n": 1, "old": True})
    await documents.put("notes", record={"id": "b"})
    await documents.put("notes", record={"id": "a", "n": 2})
    assert await documents.get("notes", id="a") == {"id": "a", "n": 2}
    assert ids(await documents.list("notes")) == ["a", "b"]


async def test_a_record_without_an_id_gets_one(documents: DocumentsStore) -> None:
    first = await documents.put("notes", record={"n": 1})
    second = await documents.put("notes", record={"id": None, "n": 1})
    assert first["id"] != second["id"]
    assert await documents.get("notes", id=first["id"]) == {"n": 1, "id": first["id"]}


async def test_a_number_as_id_stays_a_number(documents: DocumentsStore) -> None:
    await documents.put("notes", record={"id": 7, "n": 1})
    assert await documents.get("notes", id=7) == await documents.get("notes", id="7") == {"id": 7, "n": 1}
    await documents.delete("notes", id=7)
    assert await documents.get("notes", id="7") is None


async def test_tables_are_apart(documents: DocumentsStore) -> None:
    await documents.put("one", record={"id": "a", "n": 1})
    await documents.put("two", record={"id": "a", "n": 2})
    await documents.put("on", record={"id": "ea"})
    await documents.delete("two", id="nothing")
    await documents.clear("one")
    assert await documents.get("one", id="a") is None
    assert await documents.get("two", id="a") == {"id": "a", "n": 2}
    assert ids(await documents.list("on")) == ["ea"]
    await documents.dangerously_clear_all()
    assert ids(await documents.list("two")) == []


@some_backends("sqlite", "convex-test")
async def test_many_records_the_last_of_an_id_winning(documents: DocumentsStore) -> None:
    records = [{"id": f"r{n % 2500}", "n": n} for n in range(3000)]
    stored = await documents.put_many("notes", records=[*records, {"n": "new"}])
    assert stored[:3000] == records
    page = await documents.list("notes", per_page=False)
    assert (page.total, len(page.documents), page.has_more, page.cursor) == (2501, 2501, False, None)
    assert page.documents[0] == {"id": "r0", "n": 2500}
    assert page.documents[-1] == stored[-1]
    await documents.clear("notes")
    assert (await documents.list("notes")).total == 0


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["a", "b", "c", "d"]),
    ({"kind": "x"}, ["a", "b"]),
    ({"kind": "x", "n": 1}, ["a"]),
    ({"n": True}, ["c"]),
    ({"deep": {"list": [1, {"k": None}]}}, ["b"]),
    ({"deep": {"list": [1]}}, []),
    ({"kind": None}, ["d"]),
    ({"$key": "б"}, ["c"]),
    ({"id": "c"}, ["c"]),
    ({"gen_ai.system": "openai"}, ["d"]),
    ({"deep.list": [1]}, []),  # a key, never a path
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS)
async def test_filters_are_deep_equality_of_members(
    documents: DocumentsStore, filter: dict[str, Any], expected: list[str]
) -> None:
    await documents.put_many(
        "notes",
        records=[
            {"id": "a", "kind": "x", "n": 1},
            {"id": "b", "kind": "x", "n": 2, "deep": {"list": [1, {"k": None}]}},
            {"id": "c", "n": True, "$key": "б"},
            {"id": "d", "kind": None, "deep": '{"list": [1]}', "gen_ai.system": "openai"},
        ],
    )
    page = await documents.list("notes", filter=filter)
    assert (ids(page), page.total) == (expected, len(expected))


async def test_orders_and_pages(documents: DocumentsStore) -> None:
    for id in ("c", "a", "я", "b", "B"):
        await documents.put("notes", record={"id": id})
    await documents.put("notes", record={"id": "a", "again": True})
    listed = documents.list
    assert ids(await listed("notes")) == ["c", "a", "я", "b", "B"]
    assert ids(await listed("notes", order_by="-inserted")) == ["B", "b", "я", "a", "c"]
    assert ids(await listed("notes", order_by="id")) == ["B", "a", "b", "c", "я"]
    assert ids(await listed("notes", order_by="-id")) == ["я", "c", "b", "a", "B"]

    page = await listed("notes", page=1, per_page=2)
    assert (ids(page), page.total, page.page, page.per_page, page.has_more) == (["я", "b"], 5, 1, 2, True)
    page = await listed("notes", page=2, per_page=2, include_total=False)
    assert (ids(page), page.total, page.has_more, page.cursor) == (["B"], None, False, None)
    page = await listed("notes", per_page=5)
    assert (page.total, page.has_more, page.cursor) == (5, False, None)
    page = await listed("notes", per_page=0)
    assert (ids(page), page.total, page.has_more) == ([], 5, True)


@pytest.mark.parametrize("order_by", ["inserted", "-inserted", "id", "-id"])
@pytest.mark.parametrize("include_total", [True, False])
async def test_a_cursor_goes_on_whatever_comes_and_goes(
    documents: DocumentsStore, order_by: Any, include_total: bool
) -> None:
    await documents.put_many("notes", records=[{"id": f"r{n}", "even": n % 2 == 0} for n in range(10)])
    options: dict[str, Any] = {"order_by": order_by, "per_page": 2, "include_total": include_total}
    page = await documents.list("notes", filter={"even": True}, **options)
    seen = ids(page)
    assert page.total == (5 if include_total else None)
    await documents.delete("notes", id=seen[-1])
    await documents.delete("notes", id=seen[0])
    while page.cursor is not None:
        page = await documents.list("notes", filter={"even": True}, cursor=page.cursor, **options)
        assert page.total == (3 if include_total else None)
        seen += ids(page)
    expected = [f"r{n}" for n in range(0, 10, 2)]
    assert seen == (expected[::-1] if order_by.startswith("-") else expected)
    assert not page.has_more


@once
@pytest.mark.parametrize(
    ("method", "arguments", "named"),
    [
        ("put", {"table": "", "record": {}}, "table"),
        ("put", {"table": "notes", "record": [1]}, "record"),
        ("put", {"table": "notes", "record": {"id": ""}}, "record.id"),
        ("put", {"table": "notes", "record": {"id": 0}}, "record.id"),
        ("put", {"table": "notes", "record": {"id": True}}, "record.id"),
        ("put", {"table": "notes", "record": {"id": "a", "n": 2**60}}, "record.n"),
        ("put_many", {"table": "notes", "records": [{}, {"id": 1.5}]}, r"records\[1\].id"),
        ("get", {"table": "notes", "id": " "}, "id"),
        ("delete", {"table": " ", "id": "a"}, "table"),
        ("clear", {"table": ""}, "table"),
        ("list", {"table": "notes", "order_by": "n"}, "order_by"),
        ("list", {"table": "notes", "per_page": -1}, "per_page"),
        ("list", {"table": "notes", "filter": [1]}, "filter"),
        ("list", {"table": "notes", "page": 1, "cursor": "x"}, "cursor"),
        ("list", {"table": "notes", "cursor": ""}, "cursor"),
        ("list", {"table": "notes", "cursor": 5}, "cursor"),
        ("list", {"table": "notes", "cursor": "x"}, "cursor"),
        ("list", {"table": "notes", "filter": ""}, "filter"),
        ("list", {"table": "notes", "filter": []}, "filter"),
        ("put_many", {"table": "notes", "records": 5}, "records must be a list"),
        ("put_many", {"table": "notes", "records": {"id": "a"}}, "records must be a list"),
    ],
)
async def test_wrong_arguments_are_refused_by_name(
    documents: DocumentsStore, method: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named) as raised:
        await getattr(documents, method)(**arguments)
    assert raised.value.id.startswith(f"MASTRA_STORAGE_CONVEX_{method.upper()}_INVALID_")
    assert (await documents.list("notes")).total == 0


async def test_records_that_are_no_objects_are_still_read(backend: Backend, documents: DocumentsStore) -> None:
    """No writer of Mastra leaves them; a whole list must not fail for one."""
    records: list[Any] = [{"id": "1"}, '{"id": "2", "n": 1}', "text", [1]]
    rows = [{"table": "notes", "primaryKey": f"{n}", "record": record} for n, record in enumerate(records, 1)]
    await backend.engine().commit(Commit(id=uuid4().hex, ops=[Put(table="mastra_documents", rows=rows)]))
    page = await documents.list("notes")
    assert page.documents == [{"id": "1"}, {"id": "2", "n": 1}, {"text": "text"}, {"text": "[1]"}]
    assert [await documents.get("notes", id=n) for n in range(1, 5)] == page.documents
    assert (await documents.list("notes", filter={"n": 1})).documents == [{"id": "2", "n": 1}]
