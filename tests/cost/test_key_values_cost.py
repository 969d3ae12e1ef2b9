"""What key-values cost beside 2,000 others (docs/cost.md)."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import KeyValuesStore, NamespacedKey
from tests.backends import ConvexHost
from tests.cost.conftest import Meter, page_bytes
from tests.data import at

TEXT = "lorem ipsum dolor sit amet " * 40


def row(n: int) -> dict[str, Any]:
    """Each of 20 namespaces has 100 values."""
    times = {"createdAt": to_iso(at(n)), "updatedAt": to_iso(at(n)), "expiresAt": None}
    names = {"collection": "c", "namespace": f"users\x01u{n // 100:02}\x01", "key": f"k{n % 100:02}"}
    return {**names, "kind": "json", "value": f'{{"n":{n},"text":"{TEXT[:1000]}"}}', **times}


ROWS = [row(n) for n in range(2_000)]
KEYS: list[NamespacedKey] = [(["users", f"u{n:02}"], f"k{n:02}") for n in range(20)]


@pytest.fixture
async def key_values(store: ConvexStore, host: ConvexHost) -> KeyValuesStore:
    await host.load({"mastra_key_values": ROWS})
    return store.key_values


async def test_20_keys(key_values: KeyValuesStore, meter: Meter) -> None:
    await meter.start()
    found = await key_values.get_many("c", keys=KEYS)
    cost = await meter.cost()
    assert all(found)
    assert (cost.calls, cost.documents_read) == (1, 20)
    await meter.start()
    entries = [{"namespace": one[0], "key": one[1], "value": 1, "ttl": 60} for one in KEYS]
    await key_values.set_many("c", entries=entries, delete=[(["users", "u00"], "k50")])
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.documents_read <= 2 * 21
    found = await key_values.get_many("c", keys=KEYS)
    await meter.start()
    await key_values.renew_many("c", found=[one for one in found if one])
    cost = await meter.cost()
    assert cost.calls == 1
    assert cost.documents_read <= 2 * 20


async def test_20_values_within_a_namespace(key_values: KeyValuesStore, meter: Meter) -> None:
    await meter.start()
    page = await key_values.list("c", namespace=["users", "u07"], nested=True, per_page=20, include_total=False)
    cost = await meter.cost()
    assert [one.value["n"] for one in page.key_values] == list(range(700, 720))
    assert (cost.calls, cost.documents_read) == (1, 21)
    assert cost.response_bytes <= 1.1 * page_bytes(ROWS[700:721])


async def test_keys_without_their_values(key_values: KeyValuesStore, meter: Meter) -> None:
    await meter.start()
    keys = [key async for key in key_values.iter_keys("c", namespace=["users", "u07"], key_prefix="k4")]
    cost = await meter.cost()
    assert keys == [f"k{n}" for n in range(40, 50)]
    assert (cost.calls, cost.documents_read) == (1, 10)
    assert cost.response_bytes <= 1_000


async def test_namespaces(key_values: KeyValuesStore, meter: Meter) -> None:
    await meter.start()
    assert [one async for one in key_values.iter_namespaces("c", max_depth=1)] == [("users",)]
    cost = await meter.cost()
    assert cost.calls <= 2
    assert cost.documents_read <= 256  # however many values there are
    await meter.start()
    found = [one async for one in key_values.iter_namespaces("c", prefix=["users"])]
    cost = await meter.cost()
    assert len(found) == 20
    assert cost.calls <= 10
    assert cost.response_bytes <= 100_000
