"""Lists with included messages and their neighbours (docs/contract.md, "Messages")."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ValidationError
from mastra_convex_domains import Include, MemoryStore, Message
from tests.data import at, message, messages


def numbers(items: list[Message]) -> list[int]:
    return [int((item.created_at - at(0)).total_seconds()) for item in items]


async def test_only_included_messages_with_neighbours(memory: MemoryStore) -> None:
    await memory.save_messages([*messages(20), *messages(20, thread_id="t2", first=100)])
    page = await memory.list_messages(
        "t1",
        per_page=0,
        include=[
            Include(id="t1-m00005", with_previous_messages=2, with_next_messages=1),
            {"id": "t2-m00100", "withPreviousMessages": 3, "withNextMessages": 1, "threadId": "ignored"},
            {"id": "nobody", "with_next_messages": 5},
        ],
    )
    assert numbers(page.messages) == [3, 4, 5, 6, 100, 101]
    assert (page.total, page.has_more) == (0, False)


async def test_included_messages_join_a_page_each_once_in_its_order(memory: MemoryStore) -> None:
    await memory.save_messages(messages(20))
    include = [Include(id="t1-m00003", with_next_messages=2), Include(id="t1-m00019", with_next_messages=9)]
    page = await memory.list_messages("t1", per_page=4, include=include)
    assert numbers(page.messages) == [0, 1, 2, 3, 4, 5, 19]
    assert (page.total, page.has_more) == (20, True)
    newest = await memory.list_messages("t1", per_page=2, include=include, order_by="-created_at")
    assert numbers(newest.messages) == [19, 18, 5, 4, 3]


@pytest.mark.parametrize("include_total", [True, False])
async def test_more_follow_only_when_something_was_not_returned(memory: MemoryStore, include_total: bool) -> None:
    await memory.save_messages([*messages(4), *messages(2, thread_id="t2", first=50)])

    async def has_more(per_page: int, page: int, *include: Include, threads: Any = "t1") -> bool:
        found = await memory.list_messages(
            threads, per_page=per_page, page=page, include=include, include_total=include_total
        )
        return found.has_more

    rest = Include(id="t1-m00003", with_previous_messages=1)
    assert await has_more(2, 0, rest) is False
    assert await has_more(1, 0, rest) is True
    assert await has_more(2, 1, rest) is True
    assert await has_more(2, 1, Include(id="t1-m00000", with_next_messages=1)) is False
    assert await has_more(9, 7, rest) is True
    assert await has_more(4, 0, rest, threads=["t1", "t2"]) is True
    assert await has_more(6, 0, rest, threads=["t1", "t2"]) is False
    assert await has_more(4, 0, Include(id="t2-m00050")) is False


@pytest.mark.parametrize("include_total", [True, False])
async def test_more_follow_when_what_was_included_does_not_match(memory: MemoryStore, include_total: bool) -> None:
    await memory.save_messages(messages(10))
    older = Include(id="t1-m00002", with_previous_messages=2)
    page = await memory.list_messages("t1", start=at(6), per_page=2, include=[older], include_total=include_total)
    assert numbers(page.messages) == [0, 1, 2, 6, 7]
    assert page.has_more


async def test_included_messages_of_another_resource_stay_hidden(memory: MemoryStore) -> None:
    await memory.save_messages([message(n, resource_id="ann" if n % 2 else "bob") for n in range(10)])
    include = [Include(id="t1-m00005", with_previous_messages=2, with_next_messages=1), Include(id="t1-m00004")]
    scoped = await memory.list_messages("t1", resource_id="ann", per_page=0, include=include)
    assert numbers(scoped.messages) == [1, 3, 5, 7]
    open_to_all = await memory.list_messages("t1", per_page=0, include=include)
    assert numbers(open_to_all.messages) == [3, 4, 5, 6]


async def test_filters_do_not_apply_to_included_messages(memory: MemoryStore) -> None:
    await memory.save_messages(messages(10))
    page = await memory.list_messages(
        "t1", start=at(8), include=[Include(id="t1-m00002", with_previous_messages=1)], metadata=None
    )
    assert numbers(page.messages) == [1, 2, 8, 9]
    assert page.total == 2


async def test_a_resource_list_includes_only_its_own(memory: MemoryStore) -> None:
    await memory.save_messages([message(n, resource_id="ann" if n % 2 else "bob") for n in range(10)])
    page = await memory.list_messages_by_resource_id(
        "ann",
        per_page=1,
        order_by="-created_at",
        include=[Include(id="t1-m00003", with_previous_messages=1), Include(id="t1-m00004")],
    )
    assert numbers(page.messages) == [9, 3, 1]
    assert (page.total, page.has_more) == (5, True)


async def test_a_window_larger_than_the_thread_is_the_thread(memory: MemoryStore) -> None:
    await memory.save_messages(messages(5))
    page = await memory.list_messages(
        "t1", per_page=0, include=[Include(id="t1-m00002", with_previous_messages=99, with_next_messages=99)]
    )
    assert numbers(page.messages) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("include", "named"),
    [
        ({"id": ""}, r"include\[0\].id"),
        ({"id": "x", "with_next_messages": -1}, r"include\[0\].with_next_messages"),
        ({"id": "x", "around": 1}, "around"),
    ],
)
async def test_bad_includes_are_refused_by_name(memory: MemoryStore, include: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        await memory.list_messages("t1", include=[include])
