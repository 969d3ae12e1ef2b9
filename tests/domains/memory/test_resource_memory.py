"""The view for one resource: whatever ids it is given, it shows and changes nothing of another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import hypothesis
import pytest
from hypothesis import strategies as st

from mastra_convex import ConflictError, ConvexStore, NotFoundError, ValidationError
from mastra_convex.engine.protocol import Commit, Engine
from mastra_convex_domains import Include, MemoryStore, Message, MessageUpdate, Resource, ResourceMemory, Thread
from tests.backends import Backend
from tests.data import at, ids, message, messages, thread
from tests.effort import some_backends
from tests.reliability.large.between import Between

Call = Callable[[ResourceMemory], Awaitable[Any]]


@pytest.fixture
async def mine(memory: MemoryStore) -> ResourceMemory:
    """The view of user-1, beside what user-2 has: thread t2 with three messages, and a resource."""
    await memory.save_thread(thread("t1"))
    await memory.save_messages(messages(2))
    await memory.save_thread(thread("t2", resource_id="user-2"))
    await memory.save_messages(messages(3, thread_id="t2", resource_id="user-2"))
    await memory.save_resource(Resource(id="user-2", working_memory="secret", created_at=at(0), updated_at=at(0)))
    return memory.for_resource("user-1")


async def stored(memory: MemoryStore) -> list[Any]:
    """All that is stored, to compare."""
    rows: list[Any] = [thread async for thread in memory.iter_threads()]
    for thread_id in ("t1", "t2", "t3"):
        rows += [message async for message in memory.iter_messages(thread_id)]
    return [*rows, *[await memory.get_resource_by_id(f"user-{n}") for n in (1, 2)]]


async def seen(view: ResourceMemory) -> list[Any]:
    """All that a view shows of t2, and its resource."""
    return [await view.get_thread_by_id("t2"), await view.list_messages("t2"), await view.get_resource_by_id()]


FOREIGN = message(0, thread_id="t2").id

REFUSED: Mapping[str, Call] = {
    "save a message with a foreign id": lambda mine: mine.save_messages([given(id=FOREIGN)]),
    "among others": lambda mine: mine.save_messages([given(id="new"), given(id=FOREIGN)]),
    "keep": lambda mine: mine.save_messages([given(id=FOREIGN)], if_exists="keep"),
    "error": lambda mine: mine.save_messages([given(id=FOREIGN)], if_exists="error"),
    "save a message into a foreign thread": lambda mine: mine.save_messages([given(id="new", thread_id="t2")]),
    "save a message of another resource": lambda mine: mine.save_messages([given(id="new", resource_id="user-2")]),
    "in camel case": lambda mine: mine.save_messages([{**given(id="new"), "resourceId": "user-2"}]),
    "a message object": lambda mine: mine.save_messages([message(9, resource_id="user-2")]),
    "with a foreign thread": lambda mine: mine.save_messages([given(thread_id="t2")], thread={"id": "t2"}),
    "with a thread of another resource": lambda mine: mine.save_messages(
        [given(thread_id="t3")], thread=thread("t3", resource_id="user-2")
    ),
    "take over a thread": lambda mine: mine.save_thread({"id": "t2", "title": "Mine"}),
    "a thread object": lambda mine: mine.save_thread(thread("t2")),
    "keep a thread": lambda mine: mine.save_thread({"id": "t2"}, if_exists="keep"),
    "save a thread of another resource": lambda mine: mine.save_thread(thread("t3", resource_id="user-2")),
    "rename a thread": lambda mine: mine.update_thread("t2", title="Mine"),
    "patch a thread": lambda mine: mine.patch_thread("t2", metadata={"a": 1}),
    "delete a thread": lambda mine: mine.delete_thread("t2"),
    "with its vectors": lambda mine: mine.delete_thread("t2", deletes_vectors=True),
    "delete a message": lambda mine: mine.delete_messages([FOREIGN]),
    "delete a message among own ones": lambda mine: mine.delete_messages([message(0).id, FOREIGN]),
    "move a message into a foreign thread": lambda mine: mine.update_messages(
        [MessageUpdate(id=message(0).id, thread_id="t2")]
    ),
    "give a message away": lambda mine: mine.update_messages([{"id": message(0).id, "resource_id": "user-2"}]),
    "save another resource": lambda mine: mine.save_resource({"id": "user-2", "working_memory": "x"}),
    "copy onto a foreign thread": lambda mine: mine.clone_thread("t1", new_thread_id="t2"),
}


def given(**members: Any) -> dict[str, Any]:
    """A message that names no resource."""
    return {"thread_id": "t1", "role": "user", "content": "mine", **members}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_write_with_foreign_ids_is_refused_whole(mine: ResourceMemory, memory: MemoryStore, name: str) -> None:
    before = await stored(memory)
    with pytest.raises(ConflictError):
        await REFUSED[name](mine)
    assert await stored(memory) == before


async def test_foreign_messages_and_threads_are_not_shown(mine: ResourceMemory) -> None:
    own = messages(2)
    assert await mine.get_thread_by_id("t2") is None
    own_thread = await mine.get_thread_by_id("t1")
    assert own_thread is not None
    assert own_thread.title == "A talk"
    assert ids((await mine.list_threads()).threads) == ["t1"]
    assert [each.id async for each in mine.iter_threads()] == ["t1"]
    assert await mine.list_messages_by_id([FOREIGN, own[0].id]) == [own[0]]
    page = await mine.list_messages(["t1", "t2"])
    assert (page.messages, page.total) == (own, 2)
    assert (await mine.list_messages_by_resource_id()).messages == own
    assert await mine.latest_messages(["t1", "t2"]) == own
    assert await mine.latest_messages("t2") == []
    assert [each async for each in mine.iter_messages(["t1", "t2"])] == own
    include: list[Include | dict[str, Any]] = [
        Include(id=FOREIGN, with_next_messages=3),
        {"id": own[0].id, "threadId": "t2"},
    ]
    assert (await mine.list_messages("t1", include=include)).messages == own
    assert (await mine.list_messages("t2", include=include, per_page=0)).messages == own[:1]
    assert (await mine.list_messages_by_resource_id(include=include)).messages == own
    assert await mine.get_resource_by_id() is None
    assert await mine.update_thread_metadata("t2", update=lambda thread: {"a": 1}) is None
    assert await mine.update_messages([{"id": FOREIGN, "role": "assistant"}]) == []
    with pytest.raises(NotFoundError):
        await mine.clone_thread("t2")
    assert (await mine.clone_thread("t1", message_ids=[FOREIGN])).cloned_messages == []


async def test_neighbours_in_a_shared_thread_are_only_own_ones(mine: ResourceMemory, memory: MemoryStore) -> None:
    foreign = [message(n, thread_id="t1", resource_id="user-2") for n in range(10, 20)]
    own = [message(n) for n in range(20, 22)]
    await memory.save_messages([*foreign, *own])
    include = [Include(id=own[0].id, with_previous_messages=5, with_next_messages=5)]
    page = await mine.list_messages("none", include=include)
    assert page.messages == [*messages(2), *own]
    assert await mine.latest_messages("t1", limit=3) == [message(1), *own]
    with pytest.raises(ConflictError, match="t1-m00010"):
        await mine.delete_messages(ids([own[0], foreign[0]]))
    await mine.delete_thread("t1")
    assert (await memory.list_messages("t1")).messages == foreign


async def test_the_methods_work_without_naming_the_resource(memory: MemoryStore) -> None:
    mine = memory.for_resource("user-1")
    made = await mine.save_thread({"id": "t1", "title": "Trip"})
    saved = await mine.save_messages([given(id="m1", created_at=at(0)), {**given(id="m2"), "resourceId": None}])
    assert (made.resource_id, [each.resource_id for each in saved]) == ("user-1", ["user-1"] * 2)
    model = Message(thread_id="t1", role="user", content="x")
    assert (await mine.save_messages([model]))[0].resource_id == "user-1"
    assert model.resource_id is None
    await mine.save_messages([given(id="m3", thread_id="t3")], thread={"id": "t3", "title": "Other"})
    assert {each.id for each in (await mine.list_threads()).threads} == {"t1", "t3"}
    assert (await mine.update_thread("t1", title="New")).title == "New"
    changed = await mine.update_thread_metadata("t1", update=lambda thread: {"title": thread.title})
    assert changed is not None
    assert changed.metadata == {"title": "New"}
    [updated] = await mine.update_messages([{"id": "m1", "content": {"metadata": {"read": True}}}])
    assert updated.text == "mine"
    assert (await mine.save_resource({"working_memory": "tea"})).id == "user-1"
    assert (await mine.save_resource(Resource(working_memory="tea"), if_exists="keep")).id == "user-1"
    assert (await mine.update_resource(metadata={"a": 1})).metadata == {"a": 1}
    appended = await mine.update_resource(update=lambda r: {"working_memory": f"{r.working_memory}!"})
    assert appended.working_memory == "tea!"
    copied = await mine.clone_thread("t1", message_limit=2)
    assert (copied.thread.resource_id, len(copied.cloned_messages)) == ("user-1", 2)
    await mine.delete_messages(["m1", "unknown"])
    await mine.delete_thread("t1")
    await mine.delete_thread("unknown")
    assert ids((await mine.list_messages("t3")).messages) == ["m3"]
    assert await mine.get_thread_by_id("t1") is None
    with pytest.raises(ValidationError, match="resource_id must be a non-empty string"):
        memory.for_resource(" ")


async def test_ids_are_guarded_in_the_commit_not_by_a_read_before(memory: MemoryStore, engine: Engine) -> None:
    """Another process takes each id between the reads and the commit."""
    other = MemoryStore.on(engine)

    async def taken(call: Any) -> None:
        if not isinstance(call, Commit):
            return
        await other.save_messages([message(5, thread_id="t2", resource_id="user-2")])
        await other.save_thread(thread("t2", resource_id="user-2"))

    between = Between(engine, before=taken)
    mine = MemoryStore.on(between).for_resource("user-1")
    id = message(5, thread_id="t2").id
    with pytest.raises(ConflictError, match=id):
        await mine.delete_messages([id])
    with pytest.raises(ConflictError, match="t2"):
        await mine.delete_thread("t2")
    assert ids((await memory.list_messages("t2")).messages) == [id]


async def test_one_call_is_one_round_trip(memory: MemoryStore, engine: Engine) -> None:
    between = Between(engine)
    mine = MemoryStore.on(between).for_resource("user-1")
    await mine.save_messages([given(id=f"m{n}", created_at=at(n)) for n in range(50)], thread={"id": "t1"})
    await mine.latest_messages("t1")
    await mine.list_messages("t1")
    await mine.update_thread("t1", title="x")
    assert len(between.calls) == 4


async def test_what_belongs_to_a_thread_goes_with_it_and_only_with_it(store: ConvexStore) -> None:
    mine, theirs = (store.memory.for_resource(f"user-{n}") for n in (1, 2))
    for view, id in ((mine, "t1"), (theirs, "t2")):
        await view.save_thread({"id": id})
    for id in ("t1", "t2", "t3"):
        await store.thread_state.set_state(id, type="goal", value={"n": id})
    with pytest.raises(ConflictError):
        await mine.delete_thread("t2")
    await mine.delete_thread("t3")  # there is no such thread, so whose state that is, is not known
    await mine.delete_thread("t1")
    states = [await store.thread_state.get_state(id, type="goal") for id in ("t1", "t2", "t3")]
    assert states == [None, {"n": "t2"}, {"n": "t3"}]


@some_backends("sqlite")
async def test_many_messages_are_saved_in_parts(memory: MemoryStore) -> None:
    mine = memory.for_resource("user-1")
    many = messages(2_500)
    assert await mine.save_messages(many) == many
    with pytest.raises(ConflictError):
        await memory.for_resource("user-2").save_messages([message(2_499, resource_id="user-2")])
    await mine.delete_messages(ids(many))
    assert (await memory.list_messages("t1")).total == 0


async def test_views_that_race_for_an_id_leave_it_to_one(backend: Backend) -> None:
    won: list[str] = []

    async def save(n: int) -> None:
        view = backend.store().memory.for_resource(f"user-{n}")
        try:
            await view.save_messages([given(id="m1")], thread={"id": "t1"})
            won.append(f"user-{n}")
        except ConflictError:
            pass

    async with anyio.create_task_group() as group:
        for n in range(12):
            group.start_soon(save, n)
    [found] = await backend.store().memory.list_messages_by_id(["m1"])
    assert won == [found.resource_id]


@hypothesis.given(st.data())
async def test_two_views_never_touch_each_other(data: st.DataObject) -> None:
    """Random calls of one view, with ids of both, leave everything of the other as it is."""
    known = st.sampled_from(["t1", "t2", "m1", "m2", "user-1", "user-2", "new"])
    async with ConvexStore.local(":memory:") as store:
        for n in (1, 2):
            view = store.memory.for_resource(f"user-{n}")
            await view.save_messages([given(id=f"m{n}", thread_id=f"t{n}", created_at=at(n))], thread={"id": f"t{n}"})
            await view.save_resource({"working_memory": f"w{n}"})
        theirs = store.memory.for_resource("user-2")
        before = await seen(theirs)
        mine = store.memory.for_resource("user-1")
        for _ in range(data.draw(st.integers(1, 6))):
            one, other = data.draw(known), data.draw(known)
            calls: list[Callable[[], Awaitable[Any]]] = [
                partial(mine.save_messages, [given(id=one, thread_id=other)]),
                partial(mine.save_messages, [given(id=one, thread_id=other, resource_id=other)]),
                partial(mine.save_thread, {"id": one}),
                partial(mine.save_thread, Thread(id=one, resource_id=other)),
                partial(mine.update_messages, [{"id": one, "thread_id": other}]),
                partial(mine.delete_thread, one),
                partial(mine.delete_messages, [one]),
                partial(mine.clone_thread, one, new_thread_id=other),
                partial(mine.save_resource, {"id": one}),
            ]
            with suppress(ConflictError, NotFoundError):
                await data.draw(st.sampled_from(calls))()
        assert await seen(theirs) == before
        assert all(each.resource_id == "user-1" for each in (await mine.list_messages(["t1", "t2"])).messages)
