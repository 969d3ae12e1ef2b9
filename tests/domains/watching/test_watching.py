"""Methods that watch: they give what the list gives, now and after each kind of write, and nothing for other rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mastra_convex import ConvexStore, NotFoundError, RequestTimeoutError, TooLargeError, ValidationError, changes
from mastra_convex_domains import MemoryStore, Message
from tests.backends import Backend
from tests.data import ids
from tests.domains.watching.cases import CASES, a_schedule, message
from tests.effort import some_backends
from tests.watching import watching


@pytest.mark.parametrize("name", CASES)
async def test_a_watch_gives_what_the_list_gives(backend: Backend, name: str) -> None:
    case = CASES[name]
    reader, writer = backend.store(), backend.store()
    await case.setup(writer)
    async with watching(case.watch(reader)) as states:
        last = await states.next()
        assert last == await case.read(reader)
        for write in case.writes.values():
            await case.elsewhere(writer)  # a state that comes for this would be an equal one, which is none
            await write(writer)
            now = await case.read(reader)
            assert now != last
            seen = await states.until(now)  # a write of several commits has states between
            assert all(one != other for one, other in zip([last, *seen], seen, strict=False))
            last = now


@some_backends("sqlite", "convex-test")
async def test_what_does_not_fit_one_read_is_refused(store: ConvexStore) -> None:
    texts = [message(f"m{n}", n, "x" * 900_000) for n in range(10)]
    for each in texts:
        await store.memory.save_messages([each])
    async with watching(store.memory.watch_messages("t1", per_page=20)) as states:
        with pytest.raises(TooLargeError):
            await states.next()


@pytest.mark.parametrize(
    "watch",
    [
        lambda store: store.memory.watch_messages(""),
        lambda store: store.memory.watch_messages("t1", per_page=False),
        lambda store: store.memory.watch_messages("t1", order_by="x"),
        lambda store: store.memory.watch_thread(" "),
        lambda store: store.memory.watch_threads(per_page=0),
        lambda store: store.memory.follow_messages(""),
        lambda store: store.workflows.watch_workflow_run(""),
        lambda store: store.workflows.watch_workflow_runs(status="x"),
        lambda store: store.workflows.watch_workflow_runs(per_page=False),
        lambda store: store.thread_state.watch_state("t1", type=""),
        lambda store: store.schedules.watch_due(limit=0),
        lambda store: store.scores.watch_scores(source="x"),
        lambda store: store.scores.watch_scores(run_id="r", per_page=False),
        lambda store: store.scores.watch_scores(scorer_id=""),
        lambda store: store.documents.watch_documents(""),
        lambda store: store.documents.watch_documents("notes", per_page=0),
        lambda store: store.background_tasks.watch_task(""),
        lambda store: store.background_tasks.watch_task("a", give_up_after=0),
    ],
)
async def test_wrong_arguments_are_refused(watch: Callable[[ConvexStore], AsyncIterator[Any]]) -> None:
    async with ConvexStore.local(":memory:") as store, watching(watch(store)) as states:
        with pytest.raises(ValidationError) as error:
            await states.next()
        assert "_WATCH_" in error.value.id or "_FOLLOW_" in error.value.id


async def test_a_schedule_becomes_due_by_itself(store: ConvexStore) -> None:
    async with watching(store.schedules.watch_due()) as states:
        assert await states.next() == []
        await a_schedule(store)
        soon = asyncio.get_running_loop().time()
        await states.until(await store.schedules.list_due_schedules(2_000))
        schedule = await store.schedules.get_schedule("a")
        assert schedule is not None
        later = schedule.updated_at + 200
        await store.schedules.update_schedule("a", next_fire_at=later)
        while (due := await states.next()) == [] or due[0].next_fire_at != later:
            assert soon >= 0
        assert [each.id for each in due] == ["a"]


async def test_following_gives_each_message_once(backend: Backend) -> None:
    reader, writer = backend.store().memory, backend.store().memory
    await writer.save_messages([message("m0", 0), message("m1", 1)])
    async with (
        watching(reader.follow_messages("t1")) as followed,
        watching(reader.follow_messages("t1", after="m0")) as resumed,
    ):
        assert (await resumed.next()).id == "m1"
        first = asyncio.ensure_future(followed.next())
        await writer.save_messages([message("other", 1, thread_id="t2")])
        while not first.done():  # it may begin after a message that is saved at once
            await _save_another(writer)
            await asyncio.wait({first}, timeout=0.2)
        seen = [(await first).id]
        await writer.save_messages([message(f"n{n}", 50) for n in range(250)])
        await writer.save_messages([message("last", 51)])
        for states, found in ((followed, seen), (resumed, ["m1"])):
            while found[-1] != "last":
                found.append((await states.next()).id)
            assert len(found) == len(set(found))
            assert found[-251:-1] == [f"n{n}" for n in range(250)]


async def test_a_view_of_a_resource_watches_its_own_rows_alone(backend: Backend) -> None:
    view, writer = backend.store().memory.for_resource("r1"), backend.store().memory
    await writer.save_thread({"id": "t1", "resource_id": "r1"})
    await writer.save_thread({"id": "t2", "resource_id": "r2"})
    await writer.save_messages([message("m0", 0), message("theirs", 1, resource_id="r2")])
    async with (
        watching(view.watch_messages(["t1", "t2"], per_page=2)) as pages,
        watching(view.watch_thread("t1")) as thread,
        watching(view.watch_thread("t2")) as their_thread,
        watching(view.watch_threads()) as threads,
        watching(view.watch_resource()) as resource,
        watching(view.follow_messages("t1", after="m0")) as followed,
    ):
        assert ids((await pages.next()).messages) == ["m0"]
        own = [await thread.next(), *(await threads.next()).threads]
        assert own == [await writer.get_thread_by_id("t1")] * 2
        assert [await their_thread.next(), await resource.next()] == [None, None]
        await writer.save_messages([message("theirs too", 2, resource_id="r2")])  # the thread's page is full of theirs
        await writer.update_thread("t2", title="Theirs")
        await writer.update_resource("r2", working_memory="theirs")
        await writer.save_messages([message("m1", 3)])
        await writer.update_thread("t1", title="Mine")
        await writer.update_resource("r1", working_memory="mine")
        assert ids((await pages.next()).messages) == ["m1", "m0"]
        assert (await followed.next()).id == "m1"
        now = await writer.get_thread_by_id("t1")
        await thread.until(now)
        while (page := await threads.next()).threads != [now]:
            assert ids(page.threads) == ["t1"]
        assert await resource.next() == await writer.get_resource_by_id("r1")
        await writer.update_thread_resource_id("t2", resource_id="r1")
        await their_thread.until(await writer.get_thread_by_id("t2"))
    async with watching(view.follow_messages("t1", after="theirs")) as refused:
        with pytest.raises(NotFoundError):
            await refused.next()


async def _save_another(memory: MemoryStore) -> None:
    page = await memory.list_messages("t1", per_page=1)
    number = page.total or 0
    await memory.save_messages([message(f"m{number}", min(number, 49))])


async def test_following_after_what_is_not_there_is_refused(memory: MemoryStore) -> None:
    await memory.save_messages([message("other", 1, thread_id="t2")])
    for id in ("nothing", "other"):
        async with watching(memory.follow_messages("t1", after=id)) as states:
            with pytest.raises(NotFoundError):
                await states.next()


async def test_waiting_for_a_run(backend: Backend) -> None:
    reader, writer = backend.store().workflows, backend.store().workflows
    waiting = asyncio.ensure_future(reader.wait_for_run("1", workflow_name="trip", timeout=20))
    suspended = asyncio.ensure_future(reader.wait_for_run("1", status="running"))
    snapshot = {"status": "running", "context": {}}
    await writer.persist_workflow_snapshot("trip", run_id="1", snapshot=snapshot)
    assert (await suspended).status == "running"
    await writer.update_workflow_state("trip", run_id="1", status="suspended")
    assert (await waiting).status == "suspended"
    with pytest.raises(RequestTimeoutError, match="is suspended"):
        await reader.wait_for_run("1", status="success", timeout=0.05)
    with pytest.raises(ValidationError, match="status"):
        await reader.wait_for_run("1", status=[])


def test_changes_of_two_pages() -> None:
    old = [Message.model_validate(message(id, 1)) for id in ("a", "b")]
    new = [Message.model_validate(message("c", 2)), Message.model_validate(message("b", 1, "other"))]
    found = changes(old, new)
    assert [each.id for each in found.added] == ["c"]
    assert found.changed == [new[1]]
    assert found.removed == [old[0]]
    assert changes([], old).added == old
