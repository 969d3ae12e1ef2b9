"""Paths and edits inside of rows: a value in chunks is seen through, and what only looks like one is a value as any."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore
from mastra_convex.engine.client import Records
from mastra_convex.engine.hosted_tables import with_hosted_tables
from mastra_convex.engine.large_values.layer import with_large_values
from mastra_convex.engine.protocol import Commit, CommitResult, DeleteRange, Engine, Get, IndexRange, Patch, Put, Scan
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.paths import Path
from mastra_convex.tables import Field, Index, Table, by_name
from mastra_convex_domains import DOCUMENTS
from mastra_convex_domains.memory.tables import THREADS
from tests.backends import all_tables
from tests.data import thread
from tests.reliability.large.between import Between, Call
from tests.reliability.large.kinds import message
from tests.reliability.large.leftovers import large_values, sweep_as_if_later
from tests.reliability.large.texts import MIB

TEXT = f"__mastra_large:{'0' * 32}:1:5 (x)"
LIKENESS = {"__mastra_large": TEXT}
LARGE = "x" * 2 * MIB


@pytest.fixture
def records(engine: Engine) -> Records:
    """As a domain has them."""
    return Records(with_large_values(engine, all_tables()), by_name(all_tables()))


async def test_metadata_that_looks_like_a_reference_is_merged(store: ConvexStore) -> None:
    await store.memory.save_thread(thread().model_copy(update={"metadata": LIKENESS}))
    changed = await store.memory.update_thread("t1", metadata={"more": 1})
    assert changed.metadata == LIKENESS | {"more": 1}
    content = {"parts": [], "metadata": LIKENESS}
    await store.memory.save_messages([message("a", "x").model_copy(update={"content": content})])
    [updated] = await store.memory.update_messages([{"id": "a", "content": {"metadata": {"more": 1}}}])
    assert updated.content == {"parts": [], "metadata": LIKENESS | {"more": 1}}
    assert await store.memory.list_messages_by_id(["a"]) == [updated]


async def test_step_results_that_look_like_references_are_merged(store: ConvexStore) -> None:
    old = {"status": "running", "context": {"step": {"output": [LIKENESS, {"__mastra_pending__": True}]}}}
    await store.workflows.persist_workflow_snapshot("w", run_id="r", snapshot=old)
    new = {"output": [None, LIKENESS]}  # what is null leaves the old one, what is pending is replaced
    context = await store.workflows.update_workflow_results("w", run_id="r", step_id="step", result=new)
    assert context == {"step": {"output": [LIKENESS, LIKENESS]}}
    assert await store.workflows.load_workflow_snapshot("w", run_id="r") == old | {"context": context}


async def chosen(records: Records, *paths: Path) -> list[Any]:
    """The values at paths of document t/a, which a get and a scan agree on."""
    got = await records.read(Get(table="mastra_documents", keys=[["t", "a"]], paths=paths))
    scanned = await records.read(Scan(table="mastra_documents", index="by_table", prefixes=[["t"]], paths=paths))
    assert got.values == scanned.values
    [texts] = got.values or ()
    return [text and orjson.loads(text) for text in texts or ()]


@pytest.mark.parametrize("likeness", [TEXT, LIKENESS, [LIKENESS]], ids=["text", "object", "array"])
async def test_paths_into_likenesses(store: ConvexStore, records: Records, likeness: Any) -> None:
    await store.documents.put("t", record={"id": "a", "is": likeness, "has": {"it": likeness}})
    inside = [["record", "is", "0"], ["record", "has", "it", "none"], ["record", "has"]]
    first = likeness[0] if isinstance(likeness, list) else None
    assert await chosen(records, *inside) == [first, None, {"it": likeness}]


async def test_members_that_convex_refuses_are_large(store: ConvexStore, records: Records, engine: Engine) -> None:
    document = {"id": "a", "$large": LARGE, "n": 1, "名": "name"}
    await store.documents.put("t", record=document)
    paths = [["record"], ["record", "$large"], ["record", "名"], ["record", "n"], ["record", "none"]]
    assert await chosen(records, *paths) == [document, LARGE, "name", 1, None]
    edits = [
        Edit(path=["record", "n"], reducer="add", value="1"),
        Edit(path=["record", "$more"], reducer="set", value="true"),
        Edit(path=["record"], reducer="merge", value='{"merged": []}'),
    ]
    for edit in edits:
        change = Patch(table="mastra_documents", keys=[["t", "a"]], change=Change(edits=[edit]))
        await records.commit([change])
    changed = document | {"n": 2, "$more": True, "merged": []}
    assert await store.documents.get("t", id="a") == changed
    assert await chosen(records, ["record"]) == [changed]
    replaced = Change(edits=[Edit(path=["record"], reducer="set", value='{"id": "a"}')])
    await records.commit([Patch(table="mastra_documents", keys=[["t", "a"]], change=replaced)])
    assert await store.documents.get("t", id="a") == {"id": "a"}
    await sweep_as_if_later(engine, "dropped")
    assert not (await large_values(engine)).chunked


async def test_hosted_tables_may_be_large(engine: Engine, store: ConvexStore) -> None:
    hosted = replace(THREADS, name="hosted_threads", stored_in=DOCUMENTS, shared=False)
    tables = [*all_tables(), hosted]
    records = Records(with_hosted_tables(with_large_values(engine, tables), tables), by_name(tables))
    times = {"createdAt": "2026", "updatedAt": "2026"}
    row = {"id": "a", "resourceId": "u1", "title": "t", "metadata": {"x": LARGE}, **times}
    await records.commit([Put(table=hosted.name, rows=[row, row | {"id": "b", "metadata": {"n": 1}}])])
    scan = Scan(table=hosted.name, index="by_resource", prefixes=[["u1"]])

    async def rows() -> list[Any]:
        return [{k: v for k, v in row.items() if k != "_creationTime"} for row in (await records.read(scan)).rows]

    assert await rows() == [row, row | {"id": "b", "metadata": {"n": 1}}]
    merge = Change(set={"title": "new"}, edits=[Edit(path=["metadata"], reducer="merge", value='{"n": 1}')])
    await records.commit([Patch(table=hosted.name, keys=[["a"], ["b"]], change=merge)])
    first, second = await rows()
    assert first == row | {"title": "new", "metadata": {"x": LARGE, "n": 1}}
    assert second == row | {"id": "b", "title": "new", "metadata": {"n": 1}}
    await records.commit([DeleteRange(range=IndexRange(table=hosted.name, index="by_resource", prefix=["u1"]))])
    await sweep_as_if_later(engine, "dropped")
    assert not (await large_values(engine)).chunked


@pytest.mark.parametrize("backend", ["server", "convex-test"], indirect=True)
@pytest.mark.parametrize("size", [1, 300_000])
async def test_a_repeated_commit_is_applied_once_though_what_it_returns_is_large_by_now(
    engine: Engine, size: int
) -> None:
    tables = by_name(all_tables())
    document = {"id": "a", "context": {"x": {"y": "z"}}}
    row = {"table": "t", "primaryKey": "a", "record": document}
    records = Records(with_large_values(engine, all_tables()), tables)
    await records.commit([Put(table="mastra_documents", rows=[row])])

    def edit(name: str, reducer: Any, value: str) -> Patch:
        edits = [Edit(path=["record", name], reducer=reducer, value=value)]
        return Patch(table="mastra_documents", keys=[["t", "a"]], change=Change(edits=edits))

    async def lose_an_answer(call: Call) -> None:
        if isinstance(call, Commit) and not lost:
            lost.append(await engine.commit(call))
            await records.commit([edit("context", "merge", f'{{"more": "{LARGE}"}}')])

    lost: list[CommitResult] = []
    repeating = Records(with_large_values(Between(engine, lose_an_answer), all_tables()), tables)
    returning = Get(table="mastra_documents", keys=[["t", "a"]], paths=[["record", "context", "x", "y"]])
    result = await repeating.commit([edit("list", "append", f'["{"x" * size}"]')], returning=[returning])
    assert result.returned[0].values == [['"z"']]
    assert await chosen(records, ["record", "list"]) == [["x" * size]]


async def test_keys_may_be_numbers() -> None:
    """Convex prints each as a float."""
    fields = (Field("page", "number"), Field("text", large=True))
    pages = Table("pages", fields, (Index("by_page", ("page",)),), key="by_page")
    async with aclosing(LocalEngine(":memory:", [pages])) as engine:
        records = Records(with_large_values(engine, [pages]), {"pages": pages})
        await records.commit([Put(table="pages", rows=[{"page": 2.0, "text": LARGE}])])
        for key in ([2], [2.0]):
            found = await records.read(Get(table="pages", keys=[key], paths=[["text"]]))
            assert found.values == [[f'"{LARGE}"']]
        await records.commit([Put(table="pages", rows=[{"page": 2, "text": "small"}])])
        await sweep_as_if_later(engine, "dropped")
        assert not (await Records(engine, {}).read(Scan(table="mastra_chunks", index="by_generation"))).rows
