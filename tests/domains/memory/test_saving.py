"""Saving again: what keeps its time, and what `if_exists` says (docs/contract.md, "Saving again")."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import ConflictError, ConvexStore, ValidationError
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore, Message, Resource, Thread
from tests.backends import Backend
from tests.data import at, ids, message, messages, thread
from tests.reliability.large.between import Between


def untimed(n: int, text: str = "again", *, thread_id: str = "t1") -> dict[str, Any]:
    """A message without a time."""
    return {"id": f"m{n}", "thread_id": thread_id, "resource_id": "u", "role": "user", "content": text}


async def texts(memory: MemoryStore, thread_id: str = "t1") -> list[str]:
    return [message.text for message in (await memory.list_messages(thread_id)).messages]


async def test_a_history_that_is_sent_again_keeps_its_order_and_times(memory: MemoryStore) -> None:
    saved = [(await memory.save_messages([{**untimed(n, f"text {n}"), "created_at": at(n)}]))[0] for n in range(5)]
    assert await memory.save_messages([untimed(n, f"text {n}") for n in (3, 0, 1)]) == [saved[0], saved[1], saved[3]]
    assert (await memory.list_messages("t1")).messages == saved
    new = [untimed(9, "new")]
    [*stored, last] = await memory.save_messages([*[untimed(n, f"text {n}") for n in range(5)], *new])
    assert stored == saved
    assert last.id == "m9"
    assert (await memory.list_messages("t1")).messages == [*saved, last]


async def test_one_message_saved_repeatedly_as_it_grows_keeps_its_time(memory: MemoryStore, engine: Engine) -> None:
    [first] = await memory.save_messages([untimed(0, "I")])
    between = Between(engine)
    for text in ("I th", "I think", "I think so"):
        [stored] = await MemoryStore.on(between).save_messages([untimed(0, text)])
        assert (stored.text, stored.created_at) == (text, first.created_at)
    assert len(between.calls) == 3
    assert (await memory.list_messages("t1")).messages == [stored]


async def test_a_given_time_replaces_the_stored_one(memory: MemoryStore) -> None:
    await memory.save_messages(messages(3))
    moved = message(0).model_copy(update={"created_at": at(9)})
    assert await memory.save_messages([moved]) == [moved]
    assert ids((await memory.list_messages("t1")).messages) == [message(1).id, message(2).id, moved.id]
    again = Message(id=moved.id, thread_id="t1", resource_id="user-1", role="user", content="x")
    again.created_at = at(20)  # given, though not to the constructor
    assert (await memory.save_messages([again]))[0].created_at == at(20)
    assert (await memory.list_messages_by_id([moved.id]))[0].created_at == at(20)


async def test_within_one_call_the_time_that_was_given_last_counts(memory: MemoryStore) -> None:
    twice: list[Message | dict[str, Any]] = [{**untimed(0), "created_at": at(3)}, untimed(0, "later"), message(7)]
    stored = await memory.save_messages(twice)
    assert [(each.id, each.created_at) for each in stored] == [("m0", at(3)), (message(7).id, at(7))]
    assert stored[0].text == "later"
    assert (await memory.list_messages("t1")).messages == stored


async def test_messages_of_one_time_keep_the_order_in_which_they_were_given(memory: MemoryStore) -> None:
    mixed = [{**untimed(n), **({"created_at": at(10**9)} if n % 2 else {})} for n in range(6)]
    stored = await memory.save_messages(mixed)
    assert ids([each for each in stored if each.created_at == at(10**9)]) == ["m1", "m3", "m5"]
    assert (await memory.list_messages("t1")).messages == stored


@pytest.mark.long
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 50)), min_size=1, max_size=12), st.data())
async def test_any_way_to_cut_saves_into_calls_gives_the_same(saves: list[Any], data: st.DataObject) -> None:
    given = [{**untimed(n), **({} if time is None else {"created_at": at(time)})} for n, time in saves]
    known = [{**untimed(n), "created_at": at(100 + n)} for n in range(4)]
    cut = data.draw(st.integers(0, len(given)))
    async with ConvexStore.local(":memory:") as one, ConvexStore.local(":memory:") as other:
        for store in (one, other):
            await store.memory.save_messages(known)
        await one.memory.save_messages(given)
        await other.memory.save_messages(given[:cut])
        await other.memory.save_messages(given[cut:])
        assert (await one.memory.list_messages("t1")).messages == (await other.memory.list_messages("t1")).messages


async def test_threads_and_resources_keep_the_time_of_their_making(memory: MemoryStore, engine: Engine) -> None:
    first = await memory.save_thread(thread("t1"))
    resource = await memory.save_resource(Resource(id="u", created_at=at(1)))
    between = Between(engine)
    direct = MemoryStore.on(between)
    again = await direct.save_thread(Thread(id="t1", resource_id="user-1", title="New"))
    assert (again.title, again.created_at) == ("New", first.created_at)
    assert again.updated_at > first.updated_at
    kept = await direct.save_resource({"id": "u", "working_memory": "tea"})
    assert (kept.working_memory, kept.created_at) == ("tea", resource.created_at)
    assert len(between.calls) == 2
    assert await memory.get_thread_by_id("t1") == again
    assert await memory.get_resource_by_id("u") == kept
    timed = await memory.save_thread({"id": "t1", "resource_id": "user-1", "createdAt": at(50)})
    assert timed.created_at == at(50)
    assert await memory.get_thread_by_id("t1") == timed


async def test_prune_reaches_what_was_sent_again_by_its_first_time(store: ConvexStore) -> None:
    await store.memory.save_messages([{**untimed(n), "created_at": at(n)} for n in range(3)])
    await store.memory.save_messages([untimed(n) for n in range(3)])
    [result] = await store.prune({"memory": {"messages": "1d"}})
    assert result.deleted == 3


@pytest.mark.parametrize("many", [1, 30])
async def test_keep_leaves_what_exists_and_returns_it(memory: MemoryStore, engine: Engine, many: int) -> None:
    stored = await memory.save_messages([{**untimed(n, "old"), "created_at": at(n)} for n in range(many)])
    between = Between(engine)
    given = [{**untimed(n, "new"), "created_at": at(100 + n), "thread_id": "t2"} for n in range(many + 2)]
    found = await MemoryStore.on(between).save_messages(given, if_exists="keep")
    assert len(between.calls) == 1
    assert found[:many] == stored
    assert [each.text for each in found[many:]] == ["new", "new"]
    assert (await memory.list_messages("t1")).messages == stored
    assert (await memory.list_messages("t2")).messages == found[many:]


async def test_keep_for_threads_and_resources(memory: MemoryStore, engine: Engine) -> None:
    between = Between(engine)
    direct = MemoryStore.on(between)
    new = await direct.save_thread(thread("t1"), if_exists="keep")
    resource = await direct.save_resource({"id": "u", "metadata": {"a": 1}}, if_exists="keep")
    assert new == thread("t1")
    assert resource.metadata == {"a": 1}
    assert await direct.save_thread(thread("t1", title="Other", resource_id="x"), if_exists="keep") == new
    assert await direct.save_resource({"id": "u", "metadata": {"b": 1}}, if_exists="keep") == resource
    assert len(between.calls) == 4
    assert await memory.get_thread_by_id("t1") == new
    assert await memory.get_resource_by_id("u") == resource


async def test_error_names_what_exists_and_writes_nothing(memory: MemoryStore, engine: Engine) -> None:
    await memory.save_messages(messages(15))
    await memory.save_thread(thread("t1", n=3))
    between = Between(engine)
    direct = MemoryStore.on(between)
    with pytest.raises(ConflictError, match="t1-m00003") as caught:
        await direct.save_messages(messages(20, first=3), if_exists="error")
    assert caught.value.details["ids"] == ids(messages(12, first=3))
    assert len(between.calls) == 1
    assert (await memory.list_messages("t1")).messages == messages(15)
    assert (await memory.get_thread_by_id("t1")) == thread("t1", n=3)
    assert await direct.save_messages(messages(5, first=15), if_exists="error") == messages(5, first=15)
    for save in (direct.save_thread(thread("t1"), if_exists="error"),):
        with pytest.raises(ConflictError, match="'t1'"):
            await save
    await direct.save_resource({"id": "u"}, if_exists="error")
    with pytest.raises(ConflictError, match="'u'"):
        await direct.save_resource({"id": "u"}, if_exists="error")
    with pytest.raises(ValidationError, match="if_exists must be 'replace', 'keep' or 'error'"):
        await direct.save_thread(thread("t9"), if_exists="ignore")  # type: ignore[arg-type]


async def test_error_looks_at_all_messages_before_the_first_of_several_commits(memory: MemoryStore) -> None:
    await memory.save_messages([message(2_990)])
    with pytest.raises(ConflictError, match="t1-m02990"):
        await memory.save_messages(messages(3_000), if_exists="error")
    assert (await memory.list_messages("t1")).messages == [message(2_990)]


async def test_of_many_that_save_first_one_wins(backend: Backend) -> None:
    saved: list[str] = []

    async def save(n: int) -> None:
        try:
            thread = Thread(id="t1", resource_id=f"u{n}", title=f"hello {n}")
            saved.append((await backend.store().memory.save_thread(thread, if_exists="error")).title)
        except ConflictError:
            pass

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(save, n)
    found = await backend.store().memory.get_thread_by_id("t1")
    assert found is not None
    assert saved == [found.title]


async def test_the_thread_of_messages_is_made_with_them(memory: MemoryStore, engine: Engine) -> None:
    between = Between(engine)
    direct = MemoryStore.on(between)
    parent = Thread(id="t1", resource_id="user-1", title="First", created_at=at(0), updated_at=at(0))
    await direct.save_messages(messages(2), thread=parent)
    made = await memory.get_thread_by_id("t1")
    assert made is not None
    assert (made.title, made.created_at) == ("First", at(0))
    await direct.save_messages(messages(2, first=2), thread={"id": "t1", "resource_id": "x", "title": "Second"})
    assert len(between.calls) == 2
    stays = await memory.get_thread_by_id("t1")
    assert stays is not None
    assert (stays.title, stays.resource_id) == ("First", "user-1")
    assert (await memory.list_messages("t1")).messages == messages(4)
    await direct.save_messages([], thread=thread("t2"))
    assert await memory.get_thread_by_id("t2") == thread("t2")


async def test_the_given_thread_must_be_that_of_the_messages(memory: MemoryStore) -> None:
    with pytest.raises(ValidationError, match=r"messages\[1\].thread_id must be that of the given thread, 't1'"):
        await memory.save_messages([message(0), message(1, thread_id="t2")], thread=thread("t1"))
    with pytest.raises(ValidationError, match=r"thread.resource_id"):
        await memory.save_messages([message(0)], thread={"id": "t1"})
    assert await texts(memory) == []
    assert await memory.get_thread_by_id("t1") is None


async def test_the_latest_messages_come_oldest_first(memory: MemoryStore) -> None:
    await memory.save_messages([*messages(50), *messages(3, thread_id="t2")])
    assert await memory.latest_messages("t1") == messages(20, first=30)
    assert await memory.latest_messages("t1", limit=3) == messages(3, first=47)
    assert await memory.latest_messages("t1", limit=100) == messages(50)
    assert await memory.latest_messages("t1", resource_id="nobody") == []
    assert await memory.latest_messages(["t1", "t2"], limit=2) == messages(2, first=48)
    for limit in (0, -1, True, 1.5):
        with pytest.raises(ValidationError, match="limit must be >= 1"):
            await memory.latest_messages("t1", limit=limit)  # type: ignore[arg-type]
