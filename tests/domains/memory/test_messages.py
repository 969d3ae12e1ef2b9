"""Messages: saving, changing, deleting, listing (docs/contract.md, "Messages")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from typing import Any

import anyio
import pytest

from mastra_convex import ValidationError
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore, Message
from tests.backends import Backend
from tests.data import at, ids, message, messages, thread
from tests.reliability.large.between import Between


async def test_saved_messages_come_back_equal(memory: MemoryStore) -> None:
    given = [
        Message(
            id="m1", thread_id="t1", resource_id="u", role="user", content="Привет 你好 🎉 \x00\u2028", created_at=at(0)
        ),
        Message(
            id="m2",
            thread_id="t1",
            resource_id="u",
            role="signal",
            type="tool",
            content={"format": 2, "parts": [{"type": "x", "$ref": 1, "n": 1.5}], "metadata": {"ключ": {"a": [None]}}},
            created_at=at(1),
        ),
    ]
    assert await memory.save_messages(given) == given
    assert (await memory.list_messages("t1")).messages == given


async def test_text_becomes_one_text_part(memory: MemoryStore) -> None:
    [saved] = await memory.save_messages([{"thread_id": "t1", "resource_id": "u", "role": "user", "content": "Hello"}])
    assert saved.content == {"format": 2, "parts": [{"type": "text", "text": "Hello"}]}
    assert saved.text == "Hello"
    assert saved.type is None
    assert await memory.list_messages_by_id([saved.id]) == [saved]


async def test_nothing_to_save_change_or_delete_is_no_call(engine: Engine) -> None:
    between = Between(engine)
    memory = MemoryStore.on(between)
    assert await memory.save_messages([]) == []
    assert await memory.update_messages([]) == []
    await memory.delete_messages([])
    assert await memory.list_messages_by_id([]) == []
    assert between.calls == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"resource_id": None}, r"messages\[1\].resource_id"),
        ({"thread_id": None}, r"messages\[1\].thread_id"),
        ({"role": "robot"}, r"messages\[1\].role"),
        ({"content": {"parts": [], "a": float("inf")}}, "content.a"),
        ({"content": None}, r"messages\[1\].content"),
        ({"threadId": "t1"}, "thread_id"),
    ],
)
async def test_one_bad_message_refuses_the_whole_save(memory: MemoryStore, wrong: dict[str, Any], named: str) -> None:
    good = {"thread_id": "t1", "resource_id": "u", "role": "user", "content": "x"}
    with pytest.raises(ValidationError, match=named):
        await memory.save_messages([good, {**good, **wrong}])
    assert (await memory.list_messages("t1")).total == 0


async def test_the_last_of_one_id_wins_and_may_move_thread(memory: MemoryStore) -> None:
    await memory.save_messages([message(0, text="first")])
    again = [message(0, text="second"), message(0, thread_id="t1", text="third")]
    moved = message(0, text="third").model_copy(update={"thread_id": "t2"})
    assert await memory.save_messages([*again, moved]) == [moved]
    assert (await memory.list_messages("t1")).messages == []
    assert (await memory.list_messages("t2")).messages == [moved]


async def test_saving_returns_messages_in_order_without_system_ones(memory: MemoryStore) -> None:
    system = message(1).model_copy(update={"role": "system"})
    saved = await memory.save_messages([message(2), system, message(0)])
    assert ids(saved) == ["t1-m00000", "t1-m00002"]
    assert ids((await memory.list_messages("t1")).messages) == ["t1-m00000", "t1-m00001", "t1-m00002"]
    assert ids(await memory.list_messages_by_id([system.id, "t1-m00000"])) == ["t1-m00000"]


async def test_writing_bumps_the_threads(memory: MemoryStore) -> None:
    async def updated(id: str) -> object:
        found = await memory.get_thread_by_id(id)
        assert found is not None
        await memory.save_thread(thread(id))  # back to the old time
        return found.updated_at > at(0)

    for id in ("t1", "t2", "t3"):
        await memory.save_thread(thread(id))
    await memory.save_messages([message(0), message(0, thread_id="t2"), message(0, thread_id="no-such-thread")])
    assert [await updated(id) for id in ("t1", "t2", "t3")] == [True, True, False]
    await memory.update_messages([{"id": "t1-m00000", "thread_id": "t3"}])
    assert [await updated(id) for id in ("t1", "t2", "t3")] == [True, False, True]
    await memory.delete_messages(["t2-m00000", "unknown"])
    assert [await updated(id) for id in ("t1", "t2", "t3")] == [False, True, False]
    assert await memory.get_thread_by_id("no-such-thread") is None


async def test_an_update_merges_content_one_level_and_metadata_one_more(memory: MemoryStore) -> None:
    content = {"format": 2, "parts": [{"type": "text", "text": "a"}], "metadata": {"x": {"y": 1}, "keep": 1}, "z": 1}
    await memory.save_messages([message(0).model_copy(update={"content": content})])
    [updated] = await memory.update_messages(
        [{"id": "t1-m00000", "role": "assistant", "content": {"parts": [], "metadata": {"x": {"n": 2}, "$new": "名"}}}]
    )
    assert updated.content == {
        "format": 2,
        "parts": [],
        "metadata": {"x": {"n": 2}, "keep": 1, "$new": "名"},
        "z": 1,
    }
    assert (updated.role, updated.created_at) == ("assistant", at(0))
    assert (await memory.list_messages("t1")).messages == [updated]


async def test_updating_skips_unknown_ids_and_returns_the_changed(memory: MemoryStore) -> None:
    await memory.save_messages(messages(2))
    updated = await memory.update_messages([{"id": "nobody", "role": "user"}, {"id": "t1-m00001", "type": "note"}])
    assert [(m.id, m.type) for m in updated] == [("t1-m00001", "note")]
    assert await memory.list_messages_by_id(["nobody"]) == []


async def test_concurrent_updates_of_one_message_are_all_kept(backend: Backend) -> None:
    await backend.store().memory.save_messages([message(0)])
    async with anyio.create_task_group() as tasks:
        for n in range(12):
            tasks.start_soon(annotate, backend.store().memory, n)
    [merged] = await backend.store().memory.list_messages_by_id(["t1-m00000"])
    assert merged.content["metadata"] == {f"k{n}": n for n in range(12)}
    assert merged.text == "message 0"


async def annotate(memory: MemoryStore, n: int) -> None:
    await memory.update_messages([{"id": "t1-m00000", "content": {"metadata": {f"k{n}": n}}}])


async def test_many_messages_are_deleted_at_once(memory: MemoryStore) -> None:
    await memory.save_messages(messages(10))
    await memory.delete_messages([m.id for m in messages(9)])
    assert ids((await memory.list_messages("t1")).messages) == ["t1-m00009"]


async def test_pages_of_a_thread(memory: MemoryStore) -> None:
    await memory.save_messages([*messages(50), *messages(3, thread_id="t2")])
    first = await memory.list_messages("t1")
    assert (len(first.messages), first.total, first.per_page, first.has_more) == (40, 50, 40, True)
    for include_total, total in ((True, 50), (False, None)):
        newest = await memory.list_messages("t1", per_page=2, order_by="-created_at", include_total=include_total)
        assert (ids(newest.messages), newest.total) == (["t1-m00049", "t1-m00048"], total)
        assert newest.has_more
        last = await memory.list_messages("t1", page=4, per_page=10, include_total=include_total)
        assert (len(last.messages), last.total, last.has_more) == (10, total, False)
        every = await memory.list_messages("t1", per_page=False, include_total=include_total)
        assert (len(every.messages), every.total, every.has_more) == (50, total, False)
    none = await memory.list_messages("t1", per_page=0)
    assert (none.messages, none.total, none.has_more) == ([], 0, False)


async def test_equal_times_keep_the_order_of_saving(memory: MemoryStore) -> None:
    same = [message(n).model_copy(update={"created_at": at(0)}) for n in (5, 3, 4)]
    await memory.save_messages(same[:2])
    await memory.save_messages(same[2:])
    assert ids((await memory.list_messages("t1")).messages) == ids(same)
    newest = (await memory.list_messages("t1", order_by="-created_at")).messages
    assert ids(newest) == ids(same[::-1])


async def test_several_threads_are_merged_by_time(memory: MemoryStore) -> None:
    await memory.save_messages([message(n, thread_id=f"t{n % 3}") for n in range(9)])
    page = await memory.list_messages(["t0", "t2"], per_page=4)
    assert [m.created_at for m in page.messages] == [at(n) for n in (0, 2, 3, 5)]
    assert (page.total, page.has_more) == (6, True)
    newest = await memory.list_messages(["t0", "t2", "t0"], order_by="-created_at", per_page=2)
    assert [m.created_at for m in newest.messages] == [at(8), at(6)]


@pytest.mark.parametrize("thread_id", ["", " ", [], ["t1", ""], None, 7])
async def test_a_thread_id_must_be_given(memory: MemoryStore, thread_id: Any) -> None:
    with pytest.raises(ValidationError, match="thread_id must be a non-empty string") as raised:
        await memory.list_messages(thread_id)
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_LIST_MESSAGES_INVALID_THREAD_ID"


async def test_a_list_is_filtered_by_resource_and_time(memory: MemoryStore) -> None:
    await memory.save_messages([message(n, resource_id=f"user-{n % 2}") for n in range(8)])
    assert (await memory.list_messages("t1", resource_id="user-1")).total == 4
    assert (await memory.list_messages("t1", resource_id="")).total == 8

    async def seconds(**bounds: Any) -> list[float]:
        page = await memory.list_messages("t1", **bounds)
        return [(m.created_at - at(0)).total_seconds() for m in page.messages]

    assert await seconds(start=at(2), end=at(4)) == [2, 3, 4]
    assert await seconds(start=at(2), end=at(4), start_exclusive=True, end_exclusive=True) == [3]
    assert await seconds(end=at(1), resource_id="user-1") == [1]
    assert await seconds(start=at(99)) == []
    for start in (
        "2026-01-01T00:00:02Z",
        "2026-01-01T02:00:02.0009+02:00",
        "2025-12-31 19:00:02-05:00",
        "20260101T000002Z",
    ):
        assert await seconds(start=start, end=at(4).isoformat()) == [2, 3, 4], start


WRONG_TIMES: list[Any] = [
    datetime(2026, 1, 1),
    date(2026, 1, 1),
    time(12, tzinfo=UTC),
    "2026-01-01T00:00:00",
    "2026-01-01",
    "2026-02-30T00:00:00Z",
    "today",
    "",
    "1767225600",
    1767225600,
    True,
    b"2026-01-01T00:00:00Z",
]


@pytest.mark.parametrize("wrong", WRONG_TIMES, ids=repr)
async def test_a_time_without_a_zone_is_refused_with_the_remedy(memory: MemoryStore, wrong: Any) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: memory.list_messages("t1", start=wrong),
        lambda: memory.list_messages_by_resource_id("user-1", start=wrong),
        lambda: memory.clone_thread("t1", start=wrong),
    ]
    for call in calls:
        with pytest.raises(ValidationError, match=r"start must be a datetime with a time zone, as datetime.now\(UTC\)"):
            await call()


async def test_a_list_is_filtered_by_scalar_metadata(memory: MemoryStore) -> None:
    values: list[Any] = [1, True, "1", None, {"a": 1}]
    rows = [
        message(n).model_copy(update={"content": {"format": 2, "parts": [], "metadata": {"k": value, "n": n}}})
        for n, value in enumerate(values)
    ]
    await memory.save_messages([*rows, message(5)])

    async def matching(value: Any) -> list[str]:
        return ids((await memory.list_messages("t1", metadata={"k": value})).messages)

    assert await matching(1) == ["t1-m00000"]
    assert await matching(True) == ["t1-m00001"]
    assert await matching("1") == ["t1-m00002"]
    assert await matching(None) == ["t1-m00003"]
    assert (await memory.list_messages("t1", metadata={})).total == 6
    assert (await memory.list_messages("t1", metadata={"k": 1, "n": 1})).total == 0
    for value in ({"a": 1}, [1], []):
        with pytest.raises(TypeError, match=r"metadata\.k must be a string, number, boolean or None"):
            await matching(value)


async def test_messages_of_a_resource_across_threads(memory: MemoryStore) -> None:
    await memory.save_messages([message(n, thread_id=f"t{n % 3}", resource_id="ann") for n in range(9)])
    await memory.save_messages([message(20, resource_id="bob")])
    page = await memory.list_messages_by_resource_id("ann", per_page=2, page=1, order_by="-created_at")
    assert [m.created_at for m in page.messages] == [at(6), at(5)]
    assert (page.total, page.has_more) == (9, True)
    assert (await memory.list_messages_by_resource_id("ann", start=at(3), end=at(4))).total == 2
    none = await memory.list_messages_by_resource_id("ann", per_page=0)
    assert (none.messages, none.total, none.has_more) == ([], 9, True)
    with pytest.raises(ValidationError, match="resource_id"):
        await memory.list_messages_by_resource_id(" ")


async def test_messages_by_id_come_in_order_of_time_each_once(memory: MemoryStore) -> None:
    await memory.save_messages([message(2), message(0, thread_id="t2"), message(1)])
    found = await memory.list_messages_by_id(["t1-m00002", "t1-m00001", "nobody", "t2-m00000", "t1-m00001"])
    assert ids(found) == ["t2-m00000", "t1-m00001", "t1-m00002"]


async def test_iterating_messages_neither_repeats_nor_skips(memory: MemoryStore) -> None:
    await memory.save_messages(messages(7))
    seen: list[str] = []
    async for each in memory.iter_messages("t1", batch_size=2):
        seen.append(each.id)
        if each.id == "t1-m00001":
            await memory.delete_messages(["t1-m00000", "t1-m00001", "t1-m00003"])
            await memory.save_messages([message(99), message(0, text="before")])
    assert seen == [f"t1-m{n:05}" for n in (0, 1, 2, 4, 5, 6, 99)]
    newest = [m.id async for m in memory.iter_messages("t1", order_by="-created_at", start=at(5))]
    assert newest == ["t1-m00099", "t1-m00006", "t1-m00005"]
