"""One rule for values everywhere: what is taken, how it is kept, and what a refusal says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from mastra_convex import ConvexStore, ValidationError, to_jsonable
from tests.effort import once
from tests.reliability.hostile.carriers import OBJECT_CARRIERS, VALUE_CARRIERS, Carrier


class Colour(Enum):
    RED = 1


AT = datetime(2026, 1, 31, 14, 30, 15, 123_999, tzinfo=timezone(timedelta(hours=2)))
AT_TEXT = "2026-01-31T12:30:15.123Z"

REFUSED = [
    (datetime(2026, 1, 31), r"must be a datetime with a time zone, as datetime\.now\(UTC\)"),
    (date(2026, 1, 31), r"not datetime\.date"),
    (Decimal("0.1"), r"not decimal\.Decimal"),
    (UUID(int=1), r"not uuid\.UUID"),
    (Colour.RED, r"not tests\.domains\.values\.test_values\.Colour"),
    (PurePosixPath("a"), r"not pathlib\.(_local\.)?PurePosixPath"),
    (np.bool_(True), r"not numpy\.bool"),
    (np.int64(1), r"not numpy\.int64"),
    (np.float32(1), r"not numpy\.float32"),
    (np.array([1]), r"not numpy\.ndarray"),
    ({1}, "not set"),
    (b"a", "not bytes"),
    (2**53, r"must be within 2\^53.*str\(\.\.\.\)"),
    (float("nan"), "must be a finite number, not nan"),
    ("\ud800", "contains a lone surrogate"),
    ({1: "a"}, r"\[1\] is a key that is not text, but int"),
    ({None: "a"}, r"\.None is a key that is not text, but None"),
]
FILTERS: list[Callable[[ConvexStore, Any], Awaitable[Any]]] = [
    lambda store, value: store.memory.list_threads(metadata={"at": {"in": [value]}}),
    lambda store, value: store.documents.list("t", filter={"at": {"in": [value]}}),
]


@pytest.mark.parametrize("carrier", OBJECT_CARRIERS + VALUE_CARRIERS, ids=lambda carrier: carrier.__name__)
async def test_a_time_is_kept_as_text_everywhere(store: ConvexStore, carrier: Carrier) -> None:
    value = {"at": AT, "all": (AT, [MappingProxyType({"at": AT})])}
    found = await carrier(store, "id", value)
    assert found == {"at": AT_TEXT, "all": [AT_TEXT, [{"at": AT_TEXT}]]}


@once
@pytest.mark.parametrize("carrier", OBJECT_CARRIERS + VALUE_CARRIERS, ids=lambda carrier: carrier.__name__)
async def test_what_is_refused_is_named_with_the_way_to_convert_it(store: ConvexStore, carrier: Carrier) -> None:
    for value, problem in REFUSED:
        with pytest.raises(ValidationError, match=rf"inside\[0\].*{problem}") as raised:
            await carrier(store, "id", {"inside": [value]})
        assert "mastra_convex.to_jsonable" in raised.value.message
        assert raised.value.details["path"].partition("inside[0]")[1]
    converted = to_jsonable({"inside": [value for value, _ in REFUSED]})
    assert await carrier(store, "id", converted) == converted


@pytest.mark.parametrize("listed", FILTERS, ids=["threads", "documents"])
async def test_filters_take_the_values_that_are_kept(
    store: ConvexStore, listed: Callable[[ConvexStore, Any], Awaitable[Any]]
) -> None:
    await store.memory.save_thread({"id": "a", "resource_id": "u", "metadata": {"at": {"in": [AT]}}})
    await store.documents.put("t", record={"id": "a", "at": {"in": [AT]}})
    for same in [AT, AT.astimezone(UTC)]:
        assert (await listed(store, same)).total == 1
    assert (await listed(store, AT_TEXT)).total == 1
    for value, problem in REFUSED:
        with pytest.raises(ValidationError, match=problem):
            await listed(store, value)


async def test_messages_are_found_by_a_time(store: ConvexStore) -> None:
    content = {"format": 2, "parts": [], "metadata": {"at": AT}}
    message = {"id": "m", "thread_id": "t", "resource_id": "u", "role": "user", "content": content}
    await store.memory.save_messages([message])
    page = await store.memory.list_messages("t", metadata={"at": AT})
    assert [found.content["metadata"] for found in page.messages] == [{"at": AT_TEXT}]
    with pytest.raises(ValidationError, match="must be a string, number, boolean or None, not list"):
        await store.memory.list_messages("t", metadata={"at": [AT]})


async def test_what_a_save_returns_is_what_is_read(store: ConvexStore) -> None:
    given = {"at": AT, "pair": (1, 2.0), "deep": {"at": [AT]}}
    kept = {"at": AT_TEXT, "pair": [1, 2], "deep": {"at": [AT_TEXT]}}
    thread = await store.memory.save_thread({"id": "t", "resource_id": "u", "metadata": given})
    assert thread.metadata == kept
    assert thread == await store.memory.get_thread_by_id("t")
    resource = await store.memory.save_resource({"id": "u", "metadata": given})
    assert resource.metadata == kept
    assert resource == await store.memory.get_resource_by_id("u")
    content = {"parts": [], **given}
    message = {"thread_id": "t", "resource_id": "u", "role": "user", "content": content}
    saved = await store.memory.save_messages([message])
    assert saved[0].content == {"parts": [], **kept}
    assert saved == (await store.memory.list_messages("t")).messages
    assert given["pair"] == (1, 2.0)  # what was given stays what it was
