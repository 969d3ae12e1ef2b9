"""The cache of Python and of the stock TypeScript package on one database."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore, ValidationError
from tests.interop.conftest import StockStore

VALUE: dict[str, Any] = {"text": "чай", "list": [1, 2.5, None, {"a": True}]}


async def test_values_both_ways(ours: ConvexStore, stock: StockStore) -> None:
    await stock.call("cache", "set", "ts", VALUE)
    await ours.cache.set("py", VALUE, ttl_ms=0)
    assert await ours.cache.get("ts") == await stock.call("cache", "get", "py") == VALUE
    await ours.cache.delete("ts")
    await stock.call("cache", "delete", "py")
    assert await stock.call("cache", "get", "ts") is None
    assert await ours.cache.get("py") is None


async def test_lists_and_counters_go_on_in_the_other_language(ours: ConvexStore, stock: StockStore) -> None:
    for n in range(3):
        await stock.call("cache", "listPush", "l", {"n": 2 * n})
        await ours.cache.list_push("l", {"n": 2 * n + 1})
        assert await stock.call("cache", "increment", "c") == 2 * n + 1
        assert await ours.cache.increment("c") == 2 * n + 2
    items = [{"n": n} for n in range(6)]
    assert await ours.cache.list_from_to("l", 0) == await stock.call("cache", "listFromTo", "l", 0) == items
    assert await ours.cache.list_from_to("l", -2) == await stock.call("cache", "listFromTo", "l", -2) == items[-2:]
    assert await ours.cache.list_length("l") == await stock.call("cache", "listLength", "l") == 6
    with pytest.raises(ValidationError, match="exists but is not an array"):
        await ours.cache.list_push("c", 1)
    await stock.call("cache", "set", "l", 1)
    assert (await ours.cache.get("l"), await ours.cache.list_from_to("l", 0)) == (1, [])
    await ours.cache.list_push("l2", 1)
    await stock.call("cache", "clear")
    assert (await ours.cache.get("l"), await ours.cache.list_length("l2")) == (None, 0)
    await ours.cache.set("x", 1)
    await ours.cache.clear()
    assert await stock.call("cache", "get", "x") is None
