"""Installations and configurations of channels (docs/contract.md, "Channels")."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore, MastraConvexError, ValidationError
from mastra_convex.engine.protocol import Commit, Engine, Put
from mastra_convex_domains import ChannelConfig, ChannelInstallation, ChannelsStore
from tests.data import at
from tests.effort import once


def installation(n: int = 0, **changes: Any) -> ChannelInstallation:
    given = {"id": f"i{n}", "platform": "slack", "agent_id": "writer", "status": "active", "created_at": at(n)}
    return ChannelInstallation(**{**given, **changes})


@pytest.fixture
def channels(store: ConvexStore) -> ChannelsStore:
    return store.channels


async def test_a_saved_installation_comes_back_equal(channels: ChannelsStore) -> None:
    full = installation(
        1, webhook_id="w1", data={"$token": "x", "名": [1, 2.5, None]}, config_hash="h", error="e", status="error"
    )
    for given in (installation(), full):
        saved = await channels.save_installation(given)
        assert saved == given.model_copy(update={"updated_at": saved.updated_at})
        assert await channels.get_installation(given.id) == saved
    bare = await channels.get_installation("i0")
    assert bare is not None
    assert (bare.webhook_id, bare.config_hash, bare.error, bare.data) == (None, None, None, {})
    assert await channels.get_installation("unknown") is None


async def test_a_save_replaces_all_but_the_time_of_the_first(channels: ChannelsStore) -> None:
    first = await channels.save_installation(installation(webhook_id="w1", error="e", data={"a": 1}))
    second = await channels.save_installation(
        {"id": "i0", "platform": "slack", "agentId": "other", "status": "pending", "created_at": at(50)}
    )
    assert (second.created_at, second.webhook_id, second.error, second.data) == (first.created_at, None, None, {})
    assert second.updated_at > first.created_at
    assert await channels.get_installation_by_webhook_id("w1") is None
    assert await channels.get_installation("i0") == second


async def test_the_best_installation_of_an_agent(channels: ChannelsStore) -> None:
    assert await channels.get_installation_by_agent("slack", agent_id="writer") is None
    for n, status in enumerate(["error", "pending", "error", "active", "active", "pending"]):
        saved = await channels.save_installation(installation(n, status=status))
        await channels.save_installation(installation(20 + n, agent_id="other"))
        await channels.save_installation(installation(40 + n, platform="teams"))
        found = await channels.get_installation_by_agent("slack", agent_id="writer")
        assert found is not None
        assert found.id == ["i0", "i1", "i1", "i3", "i4", "i4"][n]
        assert saved.platform == "slack"


async def test_by_webhook_the_one_saved_last(channels: ChannelsStore) -> None:
    await channels.save_installation(installation(1, webhook_id="w"))
    last = await channels.save_installation(installation(0, webhook_id="w", status="error"))
    assert await channels.get_installation_by_webhook_id("w") == last
    assert await channels.get_installation_by_webhook_id("unknown") is None


async def test_a_list_is_newest_first_and_of_one_platform(channels: ChannelsStore) -> None:
    for n in (2, 5, 1):
        await channels.save_installation(installation(n))
    await channels.save_installation(installation(9, platform="teams"))
    assert [found.id for found in await channels.list_installations("slack")] == ["i5", "i2", "i1"]
    assert await channels.list_installations("unknown") == []
    await channels.delete_installation("i5")
    await channels.delete_installation("unknown")
    assert [found.id for found in await channels.list_installations("slack")] == ["i2", "i1"]


async def test_a_platform_has_one_configuration(channels: ChannelsStore) -> None:
    assert await channels.get_config("slack") is None
    first = await channels.save_config(ChannelConfig(platform="slack", data={"$a": 1}))
    assert await channels.get_config("slack") == first
    second = await channels.save_config({"platform": "slack", "data": {"b": 2}})
    assert (second.data, await channels.get_config("slack")) == ({"b": 2}, second)
    await channels.delete_config("slack")
    await channels.delete_config("unknown")
    assert await channels.get_config("slack") is None


@once
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"status": "new"}, "status"),
        ({"platform": " "}, "platform"),
        ({"agent_id": None}, "agent_id"),
        ({"data": 1}, "data"),
    ],
)
async def test_a_wrong_installation_is_refused(channels: ChannelsStore, wrong: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        await channels.save_installation({"platform": "slack", "agent_id": "a", "status": "active", **wrong})
    assert await channels.list_installations("slack") == []


async def test_data_that_is_no_json_raises(channels: ChannelsStore, engine: Engine) -> None:
    row = {"id": "slack", "platform": "slack", "data": "{", "updatedAt": "2026-01-01T00:00:00.000Z"}
    await engine.commit(Commit(id="rows", ops=[Put(table="mastra_channel_config", rows=[row])]))
    with pytest.raises(MastraConvexError, match="data"):
        await channels.get_config("slack")
