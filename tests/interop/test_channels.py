"""Channels of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import ChannelConfig
from tests.data import at
from tests.interop.conftest import StockStore

FULL: dict[str, Any] = {
    "id": "i1",
    "platform": "slack",
    "agentId": "writer",
    "status": "active",
    "webhookId": "w1",
    "data": {"$token": "x", "名": [1, 2.5, None]},
    "configHash": "h",
    "error": "e",
}
BARE = {key: FULL[key] for key in ("platform", "agentId", "status", "data")} | {"id": "i2"}


async def test_installations_both_ways(ours: ConvexStore, stock: StockStore) -> None:
    for given in (FULL, BARE):
        await stock.call(
            "channels", "saveInstallation", {**given, "createdAt": to_iso(at(0)), "updatedAt": to_iso(at(0))}
        )
        found = await ours.channels.get_installation(given["id"])
        assert found is not None
        shown = found.model_dump(by_alias=True, exclude_none=True, exclude={"created_at", "updated_at"})
        assert (shown, found.created_at) == (given, at(0))
        saved = await ours.channels.save_installation({**given, "id": f"py-{given['id']}", "createdAt": at(5)})
        there = await stock.call("channels", "getInstallation", saved.id)
        expected = {**given, "id": saved.id, "createdAt": to_iso(at(5)), "updatedAt": to_iso(saved.updated_at)}
        assert {key: value for key, value in there.items() if not key.startswith("_")} == expected
    newest = await ours.channels.get_installation_by_agent("slack", agent_id="writer")
    theirs = await stock.call("channels", "getInstallationByAgent", "slack", "writer")
    assert newest is not None
    assert newest.id == theirs["id"] == "py-i2"
    listed = [found.id for found in await ours.channels.list_installations("slack")]
    assert listed[:2] == ["py-i1", "py-i2"]
    assert sorted(listed) == sorted(found["id"] for found in await stock.call("channels", "listInstallations", "slack"))


async def test_configurations_both_ways(ours: ConvexStore, stock: StockStore) -> None:
    data = {"$team": "T1"}
    await stock.call("channels", "saveConfig", {"platform": "slack", "data": data, "updatedAt": to_iso(at(0))})
    found = await ours.channels.get_config("slack")
    assert found is not None
    assert (found.platform, found.data) == ("slack", data)
    await ours.channels.save_config(ChannelConfig(platform="teams", data=data))
    assert (await stock.call("channels", "getConfig", "teams"))["data"] == data
    await ours.channels.delete_config("slack")
    assert await stock.call("channels", "getConfig", "slack") is None
