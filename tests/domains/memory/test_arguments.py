"""Wrong arguments: our error, naming the Python parameter, before anything is sent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from operator import methodcaller

import pytest

from mastra_convex import MastraConvexError, TooLargeError, ValidationError
from mastra_convex_domains import MemoryStore, Thread
from tests.data import message
from tests.effort import once

pytestmark = once

MESSAGE = {"thread_id": "t1", "resource_id": "u", "role": "user", "content": "Hello"}
_EARLIEST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))  # not a year in UTC


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (methodcaller("save_messages", None), "messages must be a list"),
        (methodcaller("save_thread", {"id": " ", "resource_id": "u"}), "thread.id: must be a non-empty string"),
        (methodcaller("save_resource", {"id": ""}), "resource.id: must be a non-empty string"),
        (methodcaller("update_messages", [{"id": "m1", "thread_id": " "}]), r"messages\[0\].thread_id: must be"),
        (methodcaller("save_messages", {"id": "m1"}), "messages must be a list"),
        (methodcaller("update_messages", "m1"), "messages must be a list"),
        (methodcaller("list_messages", "t1", include=None), "include must be a list"),
        (methodcaller("list_messages", "t1", include=[{"id": "m", "with_next_messages": 2**70}]), "with_next"),
        (methodcaller("list_messages", "t1", order_by=None), "order_by must be one of"),
        (methodcaller("list_threads", order_by=1), "order_by must be one of"),
        (methodcaller("list_messages", "t1", start=_EARLIEST), "start"),
        (methodcaller("save_thread", {"resource_id": "u", "created_at": _EARLIEST}), "thread.created_at"),
        (methodcaller("list_messages", "t1", resource_id=5), "resource_id must be a string"),
        (methodcaller("list_threads", resource_id=5), "resource_id must be a string"),
        (methodcaller("get_thread_by_id", "t1", resource_id=5), "resource_id must be a string"),
        (methodcaller("update_thread_metadata", "t1", update=None), "update must be a function"),
        (
            methodcaller("update_thread_metadata", "t1", update=dict, resource_id=5),
            "resource_id must be a string",
        ),
        (methodcaller("list_messages", "\ud800"), "thread_id contains a lone surrogate"),
        (methodcaller("list_threads", resource_id="\ud800"), "resource_id contains a lone surrogate"),
        (methodcaller("list_messages", "t1", resource_id="\ud800"), "resource_id contains a lone surrogate"),
        (methodcaller("clone_thread", "t1", title=5), "title must be a string"),
        (methodcaller("clone_thread", "t1", resource_id=5), "resource_id must be a string"),
        (methodcaller("update_thread", "t1", title=None), "title must be a string"),
        (methodcaller("update_resource", "u", working_memory=None), "working_memory must be a string"),
    ],
)
async def test_a_wrong_argument_is_named(memory: MemoryStore, call: methodcaller, named: str) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="u"))
    with pytest.raises(ValidationError, match=named):
        await call(memory)


@pytest.mark.parametrize(
    ("call", "named", "operation"),
    [
        (methodcaller("save_thread", {"resource_id": "u", "metadata": {"a": 2**60}}), "thread: ", "SAVE_THREAD"),
        (methodcaller("save_resource", {"metadata": {"a": 2**60}}), "resource: ", "SAVE_RESOURCE"),
        (methodcaller("update_thread", "t1", metadata={"a": 2**60}), "metadata.a", "UPDATE_THREAD"),
        (methodcaller("update_thread", "t1", title="\ud800"), "title", "UPDATE_THREAD"),
        (methodcaller("get_thread_by_id", "\ud800"), "thread_id", "GET_THREAD_BY_ID"),
        (
            methodcaller("update_messages", [{"id": "m1", "content": {"a": 2**60}}]),
            r"messages\[0\]: content.a",
            "UPDATE_MESSAGES",
        ),
        (
            methodcaller("save_messages", [message(0), {**MESSAGE, "content": {"parts": [], "a": 2**60}}]),
            r"messages\[1\]: content.a",
            "SAVE_MESSAGES",
        ),
        (methodcaller("list_messages_by_id", ["m", " "]), r"message_ids\[1\]", "LIST_MESSAGES_BY_ID"),
    ],
)
async def test_a_refused_value_is_named_with_its_record(
    memory: MemoryStore, call: methodcaller, named: str, operation: str
) -> None:
    with pytest.raises(MastraConvexError, match=named) as raised:
        await call(memory)
    assert raised.value.id.startswith(f"MASTRA_STORAGE_CONVEX_{operation}_INVALID_")
    assert not raised.value.id[-1].isdigit()


async def test_a_message_that_is_too_large_is_named(memory: MemoryStore) -> None:
    with pytest.raises(TooLargeError, match=r"messages\[1\]: ") as raised:
        await memory.save_messages([message(0), message(1).model_copy(update={"type": "x" * (1 << 20)})])
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_SAVE_MESSAGES_TOO_LARGE"
    assert raised.value.details["limit"] == 1 << 20
