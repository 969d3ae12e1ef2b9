"""Key-values (docs/contract.md, "Key-values")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mastra_convex import ConvexStore, ValidationError
from mastra_convex_domains import KeyValuesStore, NamespacedKey
from tests.backends import Backend
from tests.effort import some_backends

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """Tells a time that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, time: timedelta) -> None:
        self.time += time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_values(store: ConvexStore, clock: Clock) -> KeyValuesStore:
    store.key_values.clock = clock
    return store.key_values


async def values(key_values: KeyValuesStore, *keys: NamespacedKey, **options: Any) -> list[Any]:
    return [one and one.value for one in await key_values.get_many("c", keys=keys, **options)]


@pytest.mark.parametrize("value", [None, 0, 2.5, "", "чай", b"", b"\x00\xff", [1, {"$a": None}], {"$schema": [True]}])
async def test_a_value_comes_back_equal(key_values: KeyValuesStore, value: Any) -> None:
    await key_values.set_many("c", entries=[{"key": "k", "value": value}])
    [found] = await key_values.get_many("c", keys=["k"])
    assert found is not None
    assert found.value == value
    assert type(found.value) is type(value)
    assert (found.key, found.namespace, found.ttl, found.expires_at) == ("k", (), None, None)


async def test_values_come_in_the_order_of_the_keys(key_values: KeyValuesStore) -> None:
    await key_values.set_many("c", entries=[{"key": f"{n}", "value": n, "namespace": [f"{n % 2}"]} for n in range(5)])
    keys: list[NamespacedKey] = [(["0"], "4"), "4", (["1"], "3"), (["0"], "4"), (["1"], "4")]
    assert await values(key_values, *keys) == [4, None, 3, 4, None]
    assert await values(key_values) == []
    assert await key_values.get_many("other", keys=keys) == [None] * 5


async def test_a_value_that_is_set_again_keeps_its_first_time(key_values: KeyValuesStore, clock: Clock) -> None:
    await key_values.set_many("c", entries=[{"key": "k", "value": 1, "ttl": 60}])
    clock.advance(HOUR / 2)
    await key_values.set_many("c", entries=[{"key": "k", "value": 1}, {"key": "k", "value": 2}])
    [found] = await key_values.get_many("c", keys=["k"])
    assert found is not None
    assert (found.value, found.created_at, found.updated_at) == (2, START, START + HOUR / 2)
    assert (found.ttl, found.expires_at) == (None, None)


async def test_sets_and_deletes_are_one_commit(backend: Backend, key_values: KeyValuesStore) -> None:
    await key_values.set_many("c", entries=[{"key": "old", "value": 1}])
    await key_values.set_many("c", entries=[{"key": "new", "value": 2}], delete=["old", "unknown"])
    assert await values(backend.store().key_values, "old", "new") == [None, 2]
    with pytest.raises(ValidationError, match="delete must not name a key that is set"):
        await key_values.set_many("c", entries=[{"key": "a", "value": 1}], delete=["a"])
    await key_values.delete_many("c", keys=["new", "unknown"])
    assert await values(key_values, "a", "new") == [None, None]


async def test_what_has_expired_is_nowhere(key_values: KeyValuesStore, clock: Clock) -> None:
    entries = [{"key": f"{n}", "value": {"n": n}, "namespace": [f"{n}"], "ttl": HOUR * n} for n in range(4)]
    await key_values.set_many("c", entries=[*entries, {"key": "kept", "value": {"n": 9}}])
    clock.advance(HOUR)
    assert await values(key_values, (["0"], "0"), (["1"], "1"), (["2"], "2"), filter={"n": {"$gte": 0}}) == [
        None,
        None,
        {"n": 2},
    ]
    assert await values(key_values, (["0"], "0"), (["1"], "1"), (["2"], "2")) == [None, None, {"n": 2}]
    page = await key_values.list("c", nested=True, per_page=1, page=1)
    assert ([one.key for one in page.key_values], page.total) == (["2"], 3)
    assert [one async for one in key_values.iter_namespaces("c")] == [(), ("2",), ("3",)]
    assert [key async for key in key_values.iter_keys("c", namespace=["1"])] == []


async def test_a_sweep_deletes_what_has_expired(key_values: KeyValuesStore) -> None:
    key_values.clock = lambda: datetime.now(UTC) - HOUR  # a sweep goes by the time of this machine
    for n in range(3):
        await key_values.set_many(f"c{n}", entries=[{"key": "k", "value": n, "ttl": 60}, {"key": "kept", "value": n}])
    assert (await key_values.sweep(), await key_values.sweep()) == (3, 0)
    assert await key_values.get_many("c1", keys=["k"]) == [None]
    [result] = await key_values.prune({"key_values": "30m"})
    assert (result.table, result.deleted) == ("mastra_key_values", 3)


async def test_a_renewal_begins_the_lifetime_anew(backend: Backend, key_values: KeyValuesStore, clock: Clock) -> None:
    entries = [{"key": key, "value": 1, "ttl": HOUR} for key in ("read", "set again", "deleted")]
    await key_values.set_many("c", entries=[*entries, {"key": "for ever", "value": 1}])
    keys = ["read", "set again", "deleted", "for ever"]
    found = [one for one in await key_values.get_many("c", keys=keys) if one is not None]
    clock.advance(HOUR / 2)
    await key_values.set_many("c", entries=[{"key": "set again", "value": 2, "ttl": HOUR / 4}], delete=["deleted"])
    await key_values.renew_many("c", found=found)
    clock.advance(HOUR * 0.75)
    assert await values(key_values, *keys) == [1, None, None, 1]
    clock.advance(HOUR)
    assert await values(key_values, *keys) == [None, None, None, 1]


async def test_keys_by_their_beginning(key_values: KeyValuesStore) -> None:
    keys = ["", "a", "a\U0010ffff", "a\U0010ffffb", "ab", "a\ud7ff", "a\ue000", "b", "чай", "чайка"]
    await key_values.set_many("c", entries=[{"key": key, "value": key} for key in keys])
    await key_values.set_many("c", entries=[{"key": "ax", "value": 1, "namespace": ["within"]}])
    await key_values.set_many("d", entries=[{"key": "ax", "value": 1}])
    for prefix in ("", "a", "a\U0010ffff", "a\ud7ff", "ab", "ча", "z", "\U0010ffff"):
        expected = sorted(key for key in keys if key.startswith(prefix))
        assert [key async for key in key_values.iter_keys("c", key_prefix=prefix, batch_size=2)] == expected
        page = await key_values.list("c", key_prefix=prefix)
        assert ([one.value for one in page.key_values], page.total) == (expected, len(expected))


async def test_namespaces_are_paths(key_values: KeyValuesStore) -> None:
    odd = ["\x00", "\x01", "\x02", "\x03", "", "a", "a\x00", "a\x01", "a b", "a-b", "b", "чай"]
    paths = [(), *[(one,) for one in odd], *[(one, other) for one in odd[3:8] for other in odd[:6]]]
    entries = [{"key": f"{n}", "value": list(path), "namespace": path} for n in range(3) for path in paths]
    await key_values.set_many("c", entries=entries)
    assert [path async for path in key_values.iter_namespaces("c")] == sorted(paths)
    assert [path async for path in key_values.iter_namespaces("c", max_depth=1)] == [
        (),
        *[(o,) for o in sorted(odd)],
    ]
    assert [path async for path in key_values.iter_namespaces("c", max_depth=0)] == [()]
    for prefix in (("a",), ("\x03",), ("a", "\x00"), ("a\x00",), ("none",)):
        within = sorted(path for path in paths if path[: len(prefix)] == prefix)
        assert [path async for path in key_values.iter_namespaces("c", prefix=prefix)] == within
        found = await key_values.list("c", namespace=prefix, nested=True, per_page=False)
        assert [one.namespace for one in found.key_values] == [path for path in within for _ in range(3)]
        alone = await key_values.list("c", namespace=prefix)
        assert [(*one.namespace,) for one in alone.key_values] == [prefix] * 3 * (prefix in paths)


async def test_values_by_a_filter(key_values: KeyValuesStore) -> None:
    entries = [{"key": f"{n}", "value": {"n": n, "tags": ["even"] * (n % 2 == 0)}} for n in range(6)]
    await key_values.set_many("c", entries=[*entries, {"key": "bytes", "value": b"n"}, {"key": "text", "value": "n"}])
    page = await key_values.list("c", filter={"n": {"$gt": 1}, "tags": "even"}, per_page=1)
    assert ([one.key for one in page.key_values], page.total, page.has_more) == (["2"], 2, True)
    assert await values(key_values, "1", "4", filter={"n": {"$gt": 1}}) == [None, {"n": 4, "tags": ["even"]}]
    with pytest.raises(ValidationError, match="filter"):
        await key_values.list("c", filter={"n": {"$over": 1}})


async def test_a_clear_takes_a_collection_or_single_namespaces(key_values: KeyValuesStore) -> None:
    paths = [(), ("a",), ("a", "b"), ("c",)]
    for name in ("c", "d"):
        await key_values.set_many(name, entries=[{"key": "k", "value": 1, "namespace": path} for path in paths])
    await key_values.clear("c", namespaces=[["a"], ["c"]])
    assert [path async for path in key_values.iter_namespaces("c")] == [(), ("a", "b")]
    await key_values.clear("c", namespaces=[])
    assert [path async for path in key_values.iter_namespaces("c")] == [(), ("a", "b")]
    await key_values.clear("c")
    assert [path async for path in key_values.iter_namespaces("c")] == []
    assert [path async for path in key_values.iter_namespaces("d")] == paths


@some_backends("sqlite", "convex-test")
async def test_many_and_large_values(key_values: KeyValuesStore) -> None:
    large = bytes(range(256)) * 12_000
    names = [f"{n:04}" for n in range(2100)]
    entries = [{"key": name, "value": {"name": name}} for name in names]
    await key_values.set_many("c", entries=[*entries, {"key": "large", "value": large}])
    assert await values(key_values, "large", "2099") == [large, {"name": "2099"}]
    found = await values(key_values, *names, *names, filter={"name": {"$gte": "1000"}})
    assert sum(map(bool, found)) == 2 * 1100
    await key_values.set_many("c", entries=[{"key": "large", "value": {"text": "x" * 2_000_000, "n": 1}}])
    [large_one] = (await key_values.list("c", filter={"n": 1}, include_total=False)).key_values
    assert large_one.value["text"] == "x" * 2_000_000
    await key_values.delete_many("c", keys=names)
    assert [key async for key in key_values.iter_keys("c")] == ["large"]


async def test_wrong_arguments_are_refused(key_values: KeyValuesStore) -> None:
    for entry, problem in (
        ({"key": 1, "value": 1}, "key"),
        ({"key": "k"}, "value"),
        ({"key": "k", "value": {"a": b""}}, r"entries\[1\]: value.a must be a JSON value"),
        ({"key": "k", "value": float("nan")}, "value must be a finite number"),
        ({"key": "k", "value": 1, "ttl": -1}, r"entries\[1\]\.ttl: must not be negative"),
        ({"key": "k", "value": 1, "namespace": "ab"}, "namespace"),
        ({"key": "k", "value": 1, "life": 1}, "unknown key 'life'"),
    ):
        with pytest.raises(ValidationError, match=problem):
            await key_values.set_many("c", entries=[{"key": "first", "value": 1}, entry])
    with pytest.raises(ValidationError, match=r"keys must be a list"):
        await key_values.get_many("c", keys="k")
    with pytest.raises(ValidationError, match=r"keys\[0\]\[0\] must be a list"):
        await key_values.get_many("c", keys=[("a", "k")])
    with pytest.raises(ValidationError, match="collection"):
        await key_values.delete_many("", keys=["k"])
    with pytest.raises(ValidationError, match="key_prefix"):
        await key_values.list("c", nested=True, key_prefix="a")
    assert await values(key_values, "first") == [None]
