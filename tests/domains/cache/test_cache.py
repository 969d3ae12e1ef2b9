"""The cache (docs/contract.md, "Cache")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import CacheStore
from tests.backends import Backend
from tests.effort import some_backends


@pytest.fixture
def cache(store: ConvexStore) -> CacheStore:
    return store.cache


async def expired() -> None:
    """Ends when what lives a millisecond has expired."""
    end = datetime.now(UTC) + timedelta(milliseconds=2)
    while datetime.now(UTC) <= end:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("value", [None, 0, 2.5, "", "чай", [], [1, {"$a": None}], {"$schema": 1, "名": [True]}])
async def test_a_value_comes_back_equal(cache: CacheStore, value: Any) -> None:
    await cache.set("k", value)
    assert await cache.get("k") == value
    assert await cache.get("other") is None


async def test_a_value_replaces_whatever_has_the_key(cache: CacheStore) -> None:
    await cache.list_push("k", "old")
    await cache.set("k", 1)
    assert (await cache.get("k"), await cache.list_from_to("k", 0)) == (1, [])
    await cache.delete("k")
    await cache.list_push("k", "new")
    assert await cache.list_from_to("k", 0) == ["new"]
    assert await cache.get("k") is None


async def test_what_has_expired_is_never_returned(cache: CacheStore) -> None:
    short = cache.configured(ttl_ms=1)
    await short.set("value", 1)
    await short.list_push("list", 1)
    await short.list_push("list", 2)
    await short.increment("counter")
    await cache.set("given", 1, ttl_ms=1)
    await cache.set("kept", 1, ttl_ms=0)
    await expired()
    assert (await cache.get("value"), await cache.get("given"), await cache.get("kept")) == (None, None, 1)
    assert (await cache.list_length("list"), await cache.list_from_to("list", 0)) == (0, [])
    await cache.list_push("list", 3)
    assert (await cache.list_length("list"), await cache.list_from_to("list", 0)) == (1, [3])
    assert await cache.increment("counter") == 1
    await cache.list_push("value", 1)
    assert await cache.list_from_to("value", 0) == [1]


async def test_a_sweep_deletes_what_has_expired(cache: CacheStore) -> None:
    short = cache.configured(key_prefix="short:", ttl_ms=1)
    for n in range(5):
        await short.set(f"{n}", n)
    for n in range(30):
        await short.configured(key_prefix="short:", ttl_ms=1).list_push("list", n)
    await cache.set("lives", 1)
    await cache.set("for ever", 1, ttl_ms=0)
    await expired()
    assert await cache.sweep() == 6
    assert await cache.sweep() == 0
    assert (await cache.get("lives"), await cache.get("for ever")) == (1, 1)


async def test_counters(cache: CacheStore) -> None:
    assert [await cache.increment("n") for _ in range(3)] == [1, 2, 3]
    assert await cache.get("n") is None
    await cache.set("v", 5)
    for key in ("v", "l"):
        await cache.list_push("l", 1)
        with pytest.raises(ValidationError, match="exists but is not a number"):
            await cache.increment(key)
    await cache.delete("n")
    assert await cache.increment("n") == 1


async def test_lists(cache: CacheStore) -> None:
    assert await cache.list_length("l") == 0
    for n in range(10):
        await cache.list_push("l", {"n": n})
    assert await cache.list_length("l") == 10

    async def part(*bounds: int) -> list[int]:
        return [item["n"] for item in await cache.list_from_to("l", *bounds)]

    assert await part(0) == list(range(10))
    assert await part(3) == list(range(3, 10))
    assert await part(2, 4) == [2, 3, 4]
    assert await part(8, 100) == [8, 9]
    assert await part(-3) == [7, 8, 9]
    assert await part(-100, 1) == [0, 1]
    assert await part(2, -7) == [2, 3]
    assert await part(5, 2) == await part(10) == await part(0, -11) == []
    await cache.set("v", 1)
    assert await cache.list_from_to("v", 0) == []
    with pytest.raises(ValidationError, match="exists but is not an array"):
        await cache.list_length("v")
    with pytest.raises(ValidationError, match="exists but is not an array"):
        await cache.list_push("v", 1)
    with pytest.raises(ValidationError, match="from_ must be an integer"):
        await cache.list_from_to("l", 1.5)  # type: ignore[arg-type]


async def test_a_numbered_push(cache: CacheStore) -> None:
    numbers = [await cache.list_push_indexed("l", counter_key="c", value={"text": f"{n}"}) for n in range(3)]
    assert numbers == [0, 1, 2]
    assert await cache.list_from_to("l", 0) == [{"text": f"{n}", "index": n} for n in range(3)]


async def test_a_clear_leaves_other_prefixes(cache: CacheStore) -> None:
    other = cache.configured(key_prefix="other:")
    for one in (cache, other):
        await one.set("v", 1)
        await one.increment("c")
        await one.list_push("l", 1)
    await cache.clear()
    assert (await cache.get("v"), await cache.list_length("l"), await cache.increment("c")) == (None, 0, 1)
    assert (await other.get("v"), await other.list_from_to("l", 0), await other.increment("c")) == (1, [1], 2)


@some_backends("sqlite")
async def test_concurrent_pushes_and_increments_are_all_kept(backend: Backend) -> None:
    caches = [backend.store().cache for _ in range(2)]
    numbers: list[int] = []

    async def work(n: int) -> None:
        await caches[n % 2].list_push("l", n)
        numbers.append(await caches[n % 2].increment("c"))

    async with anyio.create_task_group() as group:
        for n in range(25):
            group.start_soon(work, n)
    assert sorted(await caches[0].list_from_to("l", 0)) == list(range(25))
    assert sorted(numbers) == list(range(1, 26))


async def test_large_values(cache: CacheStore) -> None:
    await cache.set("big", "x" * 3_000_000)
    await cache.list_push("list", "y" * 2_000_000)
    assert await cache.get("big") == "x" * 3_000_000
    assert await cache.list_from_to("list", 0) == ["y" * 2_000_000]


async def test_wrong_arguments_are_refused(cache: CacheStore) -> None:
    with pytest.raises(ValidationError, match="ttl_ms must be an integer"):
        await cache.set("k", 1, ttl_ms=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="value"):
        await cache.set("k", {"a": float("nan")})
    with pytest.raises(ValidationError, match="key must be a string"):
        await cache.get(1)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="key_prefix"):
        cache.configured(key_prefix=" ")
    assert await cache.get("k") is None
