"""Threads (docs/contract.md, "Threads" and "Clones")."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from mastra_convex import ConflictError, MetadataFilterError, NotFoundError, ValidationError
from mastra_convex_domains import MemoryStore, Thread
from tests.backends import Backend
from tests.data import at, ids, message, messages, thread
from tests.effort import once


async def test_a_saved_thread_comes_back_equal(memory: MemoryStore) -> None:
    saved = await memory.save_thread(
        Thread(id="t1", resource_id="user-1", title="Первый 第一 🎉", metadata={"a": {"b": [1, 2.5, None, True]}})
    )
    assert await memory.get_thread_by_id("t1") == saved


async def test_a_mapping_in_either_spelling_is_a_thread(memory: MemoryStore) -> None:
    await memory.save_thread({"id": "t1", "resourceId": "user-1", "title": "camel"})
    await memory.save_thread({"id": "t2", "resource_id": "user-1", "created_at": at(0)})
    first, second = await memory.get_thread_by_id("t1"), await memory.get_thread_by_id("t2")
    assert first is not None
    assert second is not None
    assert (first.title, second.title, second.created_at) == ("camel", "", at(0))


@once
@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"id": "t1"}, "thread.resource_id"),
        ({"id": "t1", "resource_id": "u", "resourceId": "u"}, "resource_id"),
        ({"id": "t1", "resource_id": "u", "colour": "red"}, "colour"),
        ({"id": "t1", "resource_id": "u", "created_at": datetime(2026, 1, 1)}, "thread.created_at"),
        ({"id": "t1", "resource_id": "u", "metadata": {"n": 2**60}}, "metadata.n"),
        ({"id": "t1", "resource_id": "u", "metadata": {"n": float("nan")}}, "metadata.n"),
        ({"id": "t1", "resource_id": "u", "title": "\ud800"}, "title"),
        ({"id": "t1", "resource_id": "u", "metadata": {"when": datetime(2026, 1, 1)}}, "metadata.when"),
    ],
)
async def test_a_bad_thread_is_refused_by_name(memory: MemoryStore, value: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        await memory.save_thread(value)
    assert (await memory.list_threads()).total == 0


async def test_an_unknown_thread_is_none(memory: MemoryStore) -> None:
    assert await memory.get_thread_by_id("nobody") is None


async def test_a_thread_of_another_resource_is_none(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    assert await memory.get_thread_by_id("t1", resource_id="user-2") is None
    assert await memory.get_thread_by_id("t1", resource_id="") is None
    assert await memory.get_thread_by_id("t1", resource_id="user-1") is not None


async def test_saving_again_replaces_every_field(memory: MemoryStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="user-1", title="old", metadata={"a": 1}))
    await memory.save_thread(Thread(id="t1", resource_id="user-2", created_at=at(1), updated_at=at(2)))
    expected = Thread(id="t1", resource_id="user-2", created_at=at(1), updated_at=at(2))
    assert await memory.get_thread_by_id("t1") == expected


async def test_times_are_cut_to_milliseconds_in_utc(memory: MemoryStore) -> None:
    given = datetime(2026, 5, 4, 3, 2, 1, 999_999, tzinfo=UTC).astimezone()
    saved = await memory.save_thread(Thread(id="t1", resource_id="u", created_at=given))
    assert saved.created_at == datetime(2026, 5, 4, 3, 2, 1, 999_000, tzinfo=UTC)
    assert saved.created_at.tzinfo is UTC
    assert await memory.get_thread_by_id("t1") == saved


async def test_keys_that_convex_refuses_survive_in_metadata(memory: MemoryStore) -> None:
    metadata = {
        "$schema": "x",
        "ключ": {"$ref": 1, "ok": [{"名": 2}]},
        "__proto__": {"polluted": True},
        "__mastra_json": "mine",
        "": 0,
        "plain": {"a b": 1},
    }
    await memory.save_thread(Thread(id="t1", resource_id="u", metadata=metadata))
    updated = await memory.update_thread("t1", metadata={"$defs": [1], "plain": 2})
    assert updated.metadata == {**metadata, "$defs": [1], "plain": 2}
    assert await memory.get_thread_by_id("t1") == updated


async def test_an_update_changes_only_what_is_given(memory: MemoryStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="u", title="old", metadata={"a": 1, "b": 1}, updated_at=at(0)))
    with_metadata = await memory.update_thread("t1", metadata={"b": {"c": 2}})
    assert (with_metadata.title, with_metadata.metadata) == ("old", {"a": 1, "b": {"c": 2}})
    with_title = await memory.patch_thread("t1", title="")
    assert (with_title.title, with_title.metadata) == ("", {"a": 1, "b": {"c": 2}})
    assert with_title.updated_at >= with_metadata.updated_at > at(0)
    assert await memory.get_thread_by_id("t1") == with_title


async def test_updating_an_unknown_thread_fails_and_creates_nothing(memory: MemoryStore) -> None:
    with pytest.raises(NotFoundError, match="not found") as raised:
        await memory.update_thread("nobody", title="x")
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_UPDATE_THREAD_THREAD_NOT_FOUND"
    assert (await memory.list_threads()).threads == []


async def test_concurrent_metadata_merges_are_all_kept(backend: Backend) -> None:
    await backend.store().memory.save_thread(thread())
    async with anyio.create_task_group() as tasks:
        for n in range(20):
            tasks.start_soon(update, backend.store().memory, n)
    merged = await backend.store().memory.get_thread_by_id("t1")
    assert merged is not None
    assert merged.metadata == {f"k{n}": n for n in range(20)}


async def update(memory: MemoryStore, n: int) -> None:
    await memory.update_thread("t1", metadata={f"k{n}": n})


async def test_a_metadata_callback_loses_no_concurrent_change(backend: Backend) -> None:
    await backend.store().memory.save_thread(Thread(id="t1", resource_id="u", metadata={"count": 0}))
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(count_up, backend.store().memory)
    counted = await backend.store().memory.get_thread_by_id("t1")
    assert counted is not None
    assert counted.metadata == {"count": 8}


async def count_up(memory: MemoryStore) -> None:
    await memory.update_thread_metadata("t1", update=lambda current: {"count": current.metadata["count"] + 1})


async def test_a_metadata_callback_may_decline(memory: MemoryStore) -> None:
    saved = await memory.save_thread(thread())

    async def decline(_: Thread) -> None:
        return None

    assert await memory.update_thread_metadata("t1", update=decline) == saved
    assert await memory.update_thread_metadata("t1", resource_id="other", update=decline) is None
    assert await memory.update_thread_metadata("nobody", update=decline) is None
    assert await memory.get_thread_by_id("t1") == saved


async def test_deleting_a_thread_removes_its_messages_and_nothing_else(memory: MemoryStore) -> None:
    for id in ("t1", "t2"):
        await memory.save_thread(thread(id))
        await memory.save_messages(messages(3, thread_id=id))
    await memory.delete_thread("t1")
    assert await memory.get_thread_by_id("t1") is None
    assert (await memory.list_messages("t1")).messages == []
    assert (await memory.list_messages("t2")).total == 3
    await memory.delete_thread("nobody")


async def test_threads_are_listed_newest_first_by_default(memory: MemoryStore) -> None:
    for n in (1, 0, 2):
        await memory.save_thread(thread(f"t{n}", n=n))
    page = await memory.list_threads(resource_id="user-1")
    assert ids(page.threads) == ["t2", "t1", "t0"]
    assert (page.total, page.page, page.per_page, page.has_more) == (3, 0, 100, False)


async def test_threads_can_be_ordered_by_either_time_in_either_direction(memory: MemoryStore) -> None:
    for n, id in enumerate(["a", "b", "c"]):
        await memory.save_thread(thread(id, n=n))
    await memory.save_thread(Thread(id="a", resource_id="user-1", created_at=at(0), updated_at=at(9)))
    assert ids((await memory.list_threads(order_by="created_at")).threads) == ["a", "b", "c"]
    assert ids((await memory.list_threads(order_by="-updated_at")).threads) == ["a", "c", "b"]
    assert ids((await memory.list_threads(order_by="updated_at", resource_id="user-1")).threads) == ["b", "c", "a"]
    with pytest.raises(ValidationError, match="order_by"):
        await memory.list_threads(order_by="title")  # type: ignore[arg-type]  # what type checkers refuse


async def test_pages_of_threads(memory: MemoryStore) -> None:
    for n in range(5):
        await memory.save_thread(thread(f"t{n}", n=n))
    for include_total, total in ((True, 5), (False, None)):
        middle = await memory.list_threads(page=1, per_page=2, include_total=include_total)
        assert (ids(middle.threads), middle.total, middle.has_more) == (["t2", "t1"], total, True)
        last = await memory.list_threads(page=2, per_page=2, include_total=include_total)
        assert (ids(last.threads), last.total, last.has_more) == (["t0"], total, False)
        beyond = await memory.list_threads(page=9, per_page=2, include_total=include_total)
        assert (beyond.threads, beyond.total, beyond.has_more) == ([], total, False)
        none = await memory.list_threads(per_page=0, include_total=include_total)
        assert (none.threads, none.total, none.has_more) == ([], total, True)
        every = await memory.list_threads(per_page=False, include_total=include_total)
        assert (len(every.threads), every.total, every.per_page, every.has_more) == (5, total, False, False)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"per_page": -1}, "per_page must be >= 0"),
        ({"per_page": 1.5}, "per_page must be >= 0"),
        ({"per_page": True}, "per_page must be >= 0"),
        ({"page": -1}, "page must be >= 0"),
        ({"page": 1, "per_page": False}, "page must be 0 when per_page is False"),
        ({"page": 2**52, "per_page": 100}, "page value too large"),
    ],
)
async def test_impossible_pages_are_refused(memory: MemoryStore, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text) as raised:
        await memory.list_threads(**arguments)
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_LIST_THREADS_INVALID_PAGE"


async def test_threads_are_filtered_by_deep_equality_of_metadata(memory: MemoryStore) -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": {"x": [1, 2], "y": None}},
        {"a": True},
        {"a": "1"},
        {"a": None},
        {},
        {"a": 1, "c": {"$schema": "s", "名": 1}},
    ]
    for n, metadata in enumerate(rows):
        await memory.save_thread(Thread(id=f"t{n}", resource_id="u", metadata=metadata, created_at=at(n)))

    async def matching(metadata: dict[str, Any]) -> list[str]:
        return ids((await memory.list_threads(metadata=metadata, order_by="created_at")).threads)

    assert await matching({"a": 1}) == ["t0", "t5"]
    assert await matching({"a": 1.0, "b": {"y": None, "x": [1, 2]}}) == ["t0"]
    assert await matching({"b": {"x": [1, 2]}}) == []
    assert await matching({"b": {"x": [2, 1], "y": None}}) == []
    assert await matching({"a": True}) == ["t1"]
    assert await matching({"a": None}) == ["t3"]
    assert await matching({"c": {"名": 1, "$schema": "s"}}) == ["t5"]
    assert len(await matching({})) == 6


@pytest.mark.parametrize("key", ["a-b", "1a", "", "a.b", "é", "__proto__", "constructor", "a" * 129])
async def test_metadata_keys_that_filters_do_not_take_are_refused(memory: MemoryStore, key: str) -> None:
    """The error tells which keys they take. In Mastra it is a TypeError."""
    with pytest.raises(
        MetadataFilterError, match="a key is a letter or _, followed by letters, digits and _"
    ) as raised:
        await memory.list_threads(metadata={key: 1})
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_LIST_THREADS_INVALID_METADATA_KEY"
    assert raised.value.details == {"metadataKeys": key}
    with pytest.raises(TypeError, match=re.escape(repr(key))) as raised_too:
        await memory.list_messages("t1", metadata={key: 1})
    assert isinstance(raised_too.value, ValidationError)


@pytest.mark.parametrize(
    "metadata", [[], "a", 1, {1: 2}, {"a": {1}}, {"a": float("nan")}, {"a": 2**53}, {"a": object()}]
)
async def test_a_metadata_filter_that_is_none_is_a_type_error(memory: MemoryStore, metadata: Any) -> None:
    calls: list[Awaitable[object]] = [
        memory.list_threads(metadata=metadata),
        memory.list_messages("t1", metadata=metadata),
        memory.list_messages_by_resource_id("user-1", metadata=metadata),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="metadata") as raised:
            await call
        assert isinstance(raised.value, ValidationError)


async def test_moving_a_thread_moves_its_messages(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    await memory.save_messages([*messages(3), message(9, resource_id="guest")])
    moved = await memory.update_thread_resource_id("t1", resource_id="user-2")
    assert moved.resource_id == "user-2"
    assert (await memory.list_messages("t1", resource_id="user-2")).total == 4
    assert (await memory.list_messages_by_resource_id("user-1")).messages == []
    assert await memory.update_thread_resource_id("t1", resource_id="user-2") == moved
    with pytest.raises(NotFoundError, match="not found"):
        await memory.update_thread_resource_id("nobody", resource_id="user-2")


async def test_iterating_threads_neither_repeats_nor_skips(memory: MemoryStore) -> None:
    for n in range(7):
        await memory.save_thread(thread(f"t{n}", n=n))
    seen: list[str] = []
    async for each in memory.iter_threads(batch_size=2):
        seen.append(each.id)
        if each.id == "t5":
            await memory.save_thread(thread("newer", n=99))
            await memory.delete_thread("t5")
            await memory.delete_thread("t3")
            await memory.update_thread("t6", title="touched")
    assert seen == ["t6", "t5", "t4", "t2", "t1", "t0"]
    oldest = [each.id async for each in memory.iter_threads(order_by="created_at", resource_id="user-1")]
    assert oldest == ["t0", "t1", "t2", "t4", "t6", "newer"]


async def test_clearing_removes_everything_of_the_domain(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    await memory.save_messages(messages(2))
    await memory.update_resource("user-1", working_memory="x")
    await memory.dangerously_clear_all()
    assert (await memory.list_threads()).total == 0
    assert (await memory.list_messages("t1")).total == 0
    assert await memory.get_resource_by_id("user-1") is None


async def test_a_clone_copies_thread_and_messages(memory: MemoryStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="user-1", title="Plan", metadata={"own": 1}))
    originals = messages(4)
    await memory.save_messages(originals)
    clone = await memory.clone_thread("t1", new_thread_id="c1", metadata={"given": True})
    assert (clone.thread.id, clone.thread.title, clone.thread.resource_id) == ("c1", "Clone of Plan", "user-1")
    assert clone.thread.metadata["given"] is True
    assert "own" not in clone.thread.metadata
    assert clone.thread.metadata["clone"]["sourceThreadId"] == "t1"
    assert clone.thread.metadata["clone"]["lastMessageId"] == originals[-1].id
    copied = (await memory.list_messages("c1")).messages
    assert copied == clone.cloned_messages
    assert [m.content for m in copied] == [m.content for m in originals]
    assert [m.created_at for m in copied] == [m.created_at for m in originals]
    assert clone.message_id_map == {old.id: new.id for old, new in zip(originals, copied, strict=True)}
    assert await memory.get_thread_by_id("c1") == clone.thread
    assert (await memory.list_messages("t1")).messages == originals


async def test_a_clone_takes_chosen_messages(memory: MemoryStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="user-1"))
    await memory.save_messages(messages(6))

    async def cloned(**options: Any) -> list[str]:
        clone = await memory.clone_thread("t1", **options)
        assert clone.thread.title == options.get("title", "")
        return [id.removeprefix("t1-m0000") for id in clone.message_id_map]

    assert await cloned(message_limit=2) == ["4", "5"]
    assert await cloned(start=at(1), end=at(3), title="Some") == ["1", "2", "3"]
    assert await cloned(start=at(1), end=at(4), message_limit=2) == ["3", "4"]
    assert await cloned(message_ids=["t1-m00004", "t1-m00000", "elsewhere"]) == ["0", "4"]


async def test_a_clone_for_another_resource_moves_its_copies(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    await memory.save_messages([message(0), message(1, resource_id="guest")])
    kept = await memory.copy_thread("t1")
    assert [m.resource_id for m in kept.cloned_messages] == ["user-1", "guest"]
    given = await memory.clone_thread("t1", resource_id="user-2")
    assert [m.resource_id for m in given.cloned_messages] == ["user-2", "user-2"]
    assert given.thread.resource_id == "user-2"


async def test_clones_need_a_source_and_a_free_id(memory: MemoryStore) -> None:
    with pytest.raises(NotFoundError, match="not found") as missing:
        await memory.clone_thread("nobody")
    assert missing.value.id == "MASTRA_STORAGE_CONVEX_CLONE_THREAD_THREAD_NOT_FOUND"
    await memory.save_thread(thread("t1"))
    await memory.save_thread(thread("t2"))
    with pytest.raises(ConflictError, match="already exists"):
        await memory.clone_thread("t1", new_thread_id="t2")
    assert (await memory.list_threads()).total == 2


async def test_an_empty_thread_can_be_cloned(memory: MemoryStore) -> None:
    await memory.save_thread(thread())
    clone = await memory.clone_thread("t1")
    assert clone.cloned_messages == []
    assert "lastMessageId" not in clone.thread.metadata["clone"]


async def test_a_clone_has_times_of_its_own(memory: MemoryStore) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    await memory.save_thread(Thread(id="t1", resource_id="user-1", created_at=long_ago, updated_at=long_ago))
    clone = (await memory.clone_thread("t1")).thread
    assert clone.created_at == clone.updated_at > long_ago
    assert datetime.fromisoformat(clone.metadata["clone"]["clonedAt"]) == clone.created_at
    assert await memory.get_thread_by_id(clone.id) == clone
