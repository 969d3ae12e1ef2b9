"""Large records are changed, copied, listed and deleted as others are; their chunks go along."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore, TooLargeError
from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Delete, DeleteRange, Engine, Get, IndexRange, PatchRange, Put
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change
from mastra_convex.rows.large_values import Reference
from mastra_convex.tables import Field
from mastra_convex_domains import MemoryStore, WorkflowsStore
from mastra_convex_domains.memory.messages import message_row
from mastra_convex_domains.memory.tables import MESSAGES
from tests.backends import Backend
from tests.data import thread
from tests.effort import effort
from tests.reliability.large.between import Between
from tests.reliability.large.kinds import KINDS, Kind, attachment, message, snapshot
from tests.reliability.large.leftovers import large_values, sweep_as_if_later
from tests.reliability.large.texts import MIB, attachment_text
from tests.summary import Figure

LARGE = attachment_text(3 * MIB // 2)


async def assert_tidy(engine: Engine) -> None:
    """All that is kept is referred to, once what is dropped was swept."""
    await sweep_as_if_later(engine, "dropped", "pending")
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred


async def test_small_changes_leave_the_large_value_where_it_is(engine: Engine, store: ConvexStore) -> None:
    await store.memory.save_messages([message("a", LARGE)])
    before = await large_values(engine)
    changes = {"id": "a", "role": "assistant", "content": {"metadata": {"seen": True}}}
    [changed] = await store.memory.update_messages([changes])
    assert changed.content == attachment(LARGE) | {"metadata": {"topic": "images", "seen": True}}
    assert await large_values(engine) == before
    assert (await store.memory.list_messages("t1", metadata={"seen": True})).total == 1


async def test_an_update_may_give_a_large_value_and_take_it_away(engine: Engine, store: ConvexStore) -> None:
    await store.memory.save_messages([message("a", "small"), message("b", "small")])
    [changed] = await store.memory.update_messages([{"id": "a", "content": attachment(LARGE)}])
    assert changed.content == attachment(LARGE)
    assert (await store.memory.list_messages_by_id(["a"])) == [changed]
    [again] = await store.memory.update_messages([{"id": "a", "content": attachment("small")}])
    assert again.content == attachment("small")
    await assert_tidy(engine)


async def test_working_memory_and_metadata_grow_together(store: ConvexStore, engine: Engine) -> None:
    await store.memory.update_resource("user-1", metadata={"plan": "free"})
    await store.memory.update_resource("user-1", working_memory=LARGE)
    changed = await store.memory.update_resource("user-1", metadata={"note": "x" * 900_000})
    assert changed.working_memory == LARGE
    assert changed.metadata == {"plan": "free", "note": "x" * 900_000}
    assert await store.memory.get_resource_by_id("user-1") == changed
    await assert_tidy(engine)


async def test_a_row_that_grows_beyond_a_document_bit_by_bit(workflows: WorkflowsStore, engine: Engine) -> None:
    await workflows.persist_workflow_snapshot("w", run_id="r", snapshot={"status": "running", "context": {}})
    steps: dict[str, Any] = {f"step-{n}": {"status": "success", "output": {"text": "y" * 100_000}} for n in range(15)}
    for name, result in steps.items():
        context = await workflows.update_workflow_results("w", run_id="r", step_id=name, result=result)
    assert context == steps
    assert await workflows.load_workflow_snapshot("w", run_id="r") == {"status": "running", "context": steps}
    await assert_tidy(engine)


@pytest.fixture
def workflows(store: ConvexStore) -> WorkflowsStore:
    return store.workflows


async def test_no_step_result_of_a_large_run_is_lost(backend: Backend) -> None:
    first, count = backend.store().workflows, effort(12, 60)
    many = {f"old-{n}": {"output": "z" * 15_000} for n in range(100)}
    await first.persist_workflow_snapshot("w", run_id="r", snapshot={"status": "running", "context": many})
    stores = [backend.store().workflows for _ in range(4)]
    await asyncio.gather(
        *(
            stores[n % 4].update_workflow_results(
                "w", run_id="r", step_id=f"new-{n}", result={"n": n}, return_context=False
            )
            for n in range(count)
        )
    )
    snapshot = await first.load_workflow_snapshot("w", run_id="r")
    assert snapshot == {"status": "running", "context": many | {f"new-{n}": {"n": n} for n in range(count)}}


async def test_exactly_one_claims_a_large_run(backend: Backend) -> None:
    workflows = [backend.store().workflows for _ in range(4)]
    await workflows[0].persist_workflow_snapshot("w", run_id="r", snapshot=snapshot(LARGE))
    answers = await asyncio.gather(
        *(
            workflows[n % 4].update_workflow_state("w", run_id="r", status="running", expected_status="suspended")
            for n in range(12)
        )
    )
    assert [answer for answer in answers if answer is not None] == [snapshot(LARGE) | {"status": "running"}]
    page = await workflows[0].list_workflow_runs(workflow_name="w", status="running")
    assert [run.snapshot for run in page.runs] == [snapshot(LARGE) | {"status": "running"}]


async def test_a_clone_has_its_own_chunks(store: ConvexStore, engine: Engine) -> None:
    await store.memory.save_thread(thread())
    await store.memory.save_messages([message(f"m{n}", attachment_text(2 * MIB, seed=n), n=n) for n in range(8)])
    originals = (await store.memory.list_messages("t1")).messages
    clone = await store.memory.clone_thread("t1", new_thread_id="t2")
    await store.memory.delete_thread("t1")
    await sweep_as_if_later(engine, "dropped")
    copies = (await store.memory.list_messages("t2")).messages
    assert copies == clone.cloned_messages
    assert [each.content for each in copies] == [each.content for each in originals]
    await assert_tidy(engine)


async def test_deletes_and_prunes_take_their_chunks_along(store: ConvexStore, engine: Engine) -> None:
    old = [message(f"old-{n}", LARGE, n=n) for n in range(3)]
    await store.memory.save_thread(thread())
    await store.memory.save_messages([*old, message("b", LARGE, thread_id="t2"), message("c", LARGE, thread_id="t2")])
    await store.thread_state.set_state("t1", type="task", value=LARGE)
    assert len((await large_values(engine)).live) == 6
    await store.memory.delete_messages(["b"])
    await store.memory.prune({"messages": "1d"}, max_rows=1)
    await store.memory.delete_thread("t1")
    await store.memory.dangerously_clear_all()
    await store.thread_state.dangerously_clear_all()
    found = await large_values(engine)
    assert (len(found.dropped), found.live, found.referred) == (6, set(), set())
    await sweep_as_if_later(engine, "dropped")
    assert not (await large_values(engine)).chunked


async def test_a_thread_of_many_large_messages_is_deleted_in_steps(store: ConvexStore, engine: Engine) -> None:
    count = effort(60, 400)
    await store.memory.save_thread(thread())
    text = "x" * MIB  # deflates well: the rows are what counts here
    await store.memory.save_messages([message(f"m{n:03}", text, n=n) for n in range(count)])
    await store.memory.delete_thread("t1")
    assert (await store.memory.list_messages("t1")).total == 0
    assert len((await large_values(engine)).dropped) == count


async def test_many_documents_replace_large_ones(store: ConvexStore, engine: Engine) -> None:
    await store.documents.put_many("t", records=[{"id": str(n), "text": "x" * 700_000} for n in range(30)])
    small = [{"id": str(n), "n": n} for n in range(30)]
    await store.documents.put_many("t", records=small)
    assert (await store.documents.list("t")).documents == small
    likeness = f"__mastra_large:{'0' * 32}:1:5 (x)"
    alike = [{"id": str(n), "text": likeness} for n in range(effort(700, 3_000))]
    await store.documents.put_many("t", records=alike)
    assert (await store.documents.list("t", per_page=False)).documents == alike
    await store.documents.clear("t")
    await assert_tidy(engine)


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_what_looks_like_a_reference_stays_what_it_is(store: ConvexStore, engine: Engine, kind: Kind) -> None:
    await store.memory.save_messages([message("secret", LARGE)])
    [row] = (await Records(engine, {}).read(Get(table="mastra_messages", keys=[["secret"]]))).rows
    assert row is not None
    reference = row["content"].split('"data":"')[1].split('"')[0]
    assert reference.startswith("__mastra_large:")
    for likeness in (reference, {"__mastra_large": reference}, [{"__mastra_large": reference}], f"see {reference}"):
        if kind.name == "working memory" and not isinstance(likeness, str):
            continue
        await kind.save(store, "a", likeness)
        assert await kind.load(store, "a") == likeness
        await kind.save(store, "a", "nothing")
    await assert_tidy(engine)


async def test_edits_may_give_what_looks_like_a_reference(store: ConvexStore) -> None:
    likeness = {"__mastra_large": f"__mastra_large:{'0' * 32}:1:5 (x)"}
    await store.memory.save_messages([message("a", "small")])
    [changed] = await store.memory.update_messages([{"id": "a", "content": {"extra": likeness}}])
    assert changed.content["extra"] == likeness
    assert (await store.memory.list_messages_by_id(["a"])) == [changed]


async def test_a_reference_copied_by_another_writer_shows_nothing(store: ConvexStore, engine: Engine) -> None:
    await store.memory.save_messages([message("secret", LARGE)])
    records = Records(engine, {})
    [row] = (await records.read(Get(table="mastra_messages", keys=[["secret"]]))).rows
    assert row is not None
    copied = {name: value for name, value in row.items() if name != "_creationTime"}
    await records.commit([Put(table="mastra_messages", rows=[copied | {"id": "copy", "resourceId": "user-2"}])])
    [copy] = await store.memory.list_messages_by_id(["copy"])
    assert copy.content["parts"][1]["data"].startswith("__mastra_large:")
    await store.memory.delete_messages(["copy"])
    assert (await store.memory.list_messages_by_id(["secret"])) == [message("secret", LARGE)]


async def test_large_values_cost_few_calls(engine: Engine, figure: Figure) -> None:
    between = Between(engine)
    memory = MemoryStore.on(between)
    await memory.save_messages([message("a", attachment_text(6 * MIB))])
    await memory.list_messages_by_id(["a"])
    await memory.update_messages([{"id": "a", "content": {"metadata": {"seen": True}}}])
    figure("calls to save, read and annotate a message of 6 MiB", len(between.calls))
    assert len(between.calls) == 1 + 2 + 4


async def test_columns_of_a_later_version_stay(tmp_path: Path) -> None:
    later = replace(MESSAGES, fields=(*MESSAGES.fields, Field("later", optional=True)))
    async with aclosing(LocalEngine(tmp_path / "store.db", [later])) as engine:
        row = message_row(message("a", "small")) | {"later": "kept"}
        await Records(engine, {}).commit([Put(table=MESSAGES.name, rows=[row])])
        async with aclosing(ConvexStore.local(tmp_path / "store.db")) as store:
            [changed] = await store.memory.update_messages([{"id": "a", "content": attachment(LARGE)}])
            assert await store.memory.list_messages_by_id(["a"]) == [changed]
            [changed] = await store.memory.update_messages([{"id": "a", "content": attachment("small again")}])
        [found] = (await Records(engine, {}).read(Get(table=MESSAGES.name, keys=[["a"]]))).rows
        assert found is not None
        assert found["later"] == "kept"


async def put_likenesses(engine: Engine, count: int) -> None:
    """Documents that refer to large values, of which there are only the names."""
    references = [Reference(f"{n:032x}", 1, 5) for n in range(count)]
    rows = [{"table": "t", "primaryKey": f"{n}", "record": {"text": str(each)}} for n, each in enumerate(references)]
    live = [
        {"id": each.generation, "owner": f'["mastra_documents","t","{n}"]', "chunks": 1, "state": "live", "since": 0}
        for n, each in enumerate(references)
    ]
    records = Records(engine, {})
    await records.commit([Put(table="mastra_documents", rows=rows)])
    await records.commit([Put(table="mastra_large_values", rows=live)])


@pytest.mark.parametrize("kind", ["patch", "delete"])
async def test_a_range_of_many_large_rows_is_changed_in_steps(engine: Engine, kind: str) -> None:
    count = 1_500
    await put_likenesses(engine, count)
    target = IndexRange(table="mastra_documents", index="by_table", prefix=["t"])
    change = PatchRange(range=target, change=Change(set={"record": {}}))
    op = change if kind == "patch" else DeleteRange(range=target)
    result = await Records(engine, {}).commit([op], mode="resumable")
    assert result.outcomes[0].changed == count
    assert len((await large_values(engine)).dropped) == count


async def test_more_large_rows_than_one_commit_may_delete_are_refused_whole(engine: Engine) -> None:
    await put_likenesses(engine, 1_500)
    records = Records(engine, {})
    keys = [["t", f"{n}"] for n in range(1_500)]
    with pytest.raises(TooLargeError) as raised:
        await records.commit([Delete(table="mastra_documents", keys=keys)])
    assert raised.value.details["limit"] == "ranges"
    assert not (await large_values(engine)).dropped
    await records.commit([Delete(table="mastra_documents", keys=keys[:900])])
    assert len((await large_values(engine)).dropped) == 900
