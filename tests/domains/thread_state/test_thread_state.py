"""One JSON value per thread and type."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import MemoryStore, ThreadStateStore
from tests.backends import Backend
from tests.data import messages, thread

TASKS = [{"id": "1", "content": "买面粉", "status": "pending", "activeForm": "…", "$ref": {"ключ": [1.5, None]}}]


@pytest.fixture
def state(store: ConvexStore) -> ThreadStateStore:
    return store.thread_state


@pytest.mark.parametrize("value", [TASKS, {"objective": "x", "runsUsed": 0}, "[1]", 3, 2.5, True, False, [], {}, None])
async def test_a_value_comes_back_equal(state: ThreadStateStore, value: Any) -> None:
    await state.set_state("t1", type="task", value=value)
    found = await state.get_state("t1", type="task")
    assert found == value
    assert type(found) is type(value)


async def test_values_belong_to_a_thread_and_a_type(state: ThreadStateStore) -> None:
    await state.set_state("t1", type="task", value=1)
    await state.set_state("t1", type="goal", value=2)
    await state.set_state("t2", type="task", value=3)
    assert await state.get_state("t1", type="task") == 1
    assert await state.get_state("t1", type="goal") == 2
    assert await state.get_state("t2", type="task") == 3
    assert await state.get_state("t2", type="goal") is None


async def test_a_value_is_replaced_as_a_whole(state: ThreadStateStore) -> None:
    await state.set_state("t1", type="goal", value={"a": 1, "b": {"c": 2}})
    await state.set_state("t1", type="goal", value={"b": {"d": 3}})
    assert await state.get_state("t1", type="goal") == {"b": {"d": 3}}


async def test_deleting_one_value_leaves_the_others(state: ThreadStateStore) -> None:
    await state.set_state("t1", type="task", value=1)
    await state.set_state("t1", type="goal", value=2)
    await state.delete_state("t1", type="task")
    await state.delete_state("t1", type="task")
    assert await state.get_state("t1", type="task") is None
    assert await state.get_state("t1", type="goal") == 2


async def test_deleting_a_thread_deletes_its_state(state: ThreadStateStore, memory: MemoryStore) -> None:
    for id in ("t1", "t2"):
        await memory.save_thread(thread(id))
        await memory.save_messages(messages(3, thread_id=id))
        await state.set_state(id, type="task", value=TASKS)
        await state.set_state(id, type="goal", value={"objective": id})
    await memory.delete_thread("t1")
    assert [await state.get_state("t1", type=type) for type in ("task", "goal")] == [None, None]
    assert await state.get_state("t2", type="task") == TASKS
    assert await state.get_state("t2", type="goal") == {"objective": "t2"}


async def test_state_is_seen_by_another_store(backend: Backend) -> None:
    async with anyio.create_task_group() as tasks:
        for n in range(5):
            tasks.start_soon(_set, backend.store().thread_state, f"type-{n}", n)
    other = backend.store().thread_state
    assert [await other.get_state("t1", type=f"type-{n}") for n in range(5)] == [0, 1, 2, 3, 4]


async def _set(state: ThreadStateStore, type: str, value: Any) -> None:
    await state.set_state("t1", type=type, value=value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"thread_id": "", "type": "task", "value": 1}, "thread_id"),
        ({"thread_id": "t1", "type": " ", "value": 1}, "type"),
        ({"thread_id": "t1", "type": "task", "value": {1: 2}}, "value"),
        ({"thread_id": "t1", "type": "task", "value": [2**60]}, "value"),
    ],
)
async def test_wrong_arguments_are_refused_by_name(
    state: ThreadStateStore, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        await state.set_state(**arguments)
    assert await state.get_state("t1", type="task") is None


async def test_clearing_deletes_all_state(state: ThreadStateStore) -> None:
    await state.set_state("t1", type="task", value=1)
    await state.dangerously_clear_all()
    assert await state.get_state("t1", type="task") is None
