"""Stores the installations and configurations of channels (docs/contract.md, "Channels").

A channel is a platform, such as Slack, through which people talk to an agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field as Attribute
from pydantic import WrapValidator

from mastra_convex.domain import (
    Delete,
    DomainStore,
    Field,
    Get,
    Id,
    Index,
    Put,
    Record,
    Row,
    Scan,
    Table,
    UtcDatetime,
    about,
    checked_when_given,
    decode_row,
    each,
    encode_row,
    exactly,
    new_id,
    now,
    parse,
    register,
    text,
)
from mastra_convex.errors import MastraConvexError

JsonObject = Annotated[dict[str, Any], exactly(dict)]
InstallationStatus = Literal["pending", "active", "error"]

_RANKS: Final = {"active": 0, "pending": 1, "error": 2}
"""Orders the statuses: of several installations of an agent an active one is found first."""

INSTALLATIONS = Table(
    name="mastra_channel_installations",
    fields=(
        Field("id"),
        Field("platform"),
        Field("agentId"),
        Field("status"),
        Field("webhookId", optional=True, nullable=True),
        Field("data", json=True),
        Field("configHash", optional=True, nullable=True),
        Field("error", optional=True, nullable=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_webhook", ("webhookId",)),
        Index("by_platform_agent", ("platform", "agentId")),
        Index("by_platform", ("platform",)),
    ),
    shared=True,
)
"""Each row holds the installation of one agent on a platform."""

CONFIGS = Table(
    name="mastra_channel_config",
    fields=(Field("id"), Field("platform"), Field("data", json=True), Field("updatedAt")),
    indexes=(Index("by_record_id", ("id",)), Index("by_platform", ("platform",))),
    shared=True,
)
"""Each row holds the configuration of one platform, whose name is its id."""


class ChannelInstallation(Record):
    """Represents an agent that is installed on a platform.

    Example:
        given = {"id": "i1", "platform": "slack", "agent_id": "writer", "status": "active", "data": {"token": "..."}}
        saved = await store.channels.save_installation(given)
        assert await store.channels.get_installation_by_agent("slack", agent_id="writer") == saved
    """

    id: Id = Attribute(default_factory=new_id)
    """Identifies the installation; a new UUID by default."""
    platform: Id
    """Names the platform, such as `slack`."""
    agent_id: Id
    """Identifies the agent."""
    status: Annotated[InstallationStatus, WrapValidator(checked_when_given)]
    """Tells how far the installation is: `pending`, `active` or `error`."""
    webhook_id: str | None = None
    """Identifies the webhook of the platform, or is None."""
    data: JsonObject = Attribute(default_factory=dict)
    """Holds what the platform needs. Secrets in it are the caller's to encrypt."""
    config_hash: str | None = None
    """Tells which configuration was installed, or is None."""
    error: str | None = None
    """Explains the status `error`, or is None."""
    created_at: UtcDatetime = Attribute(default_factory=now)
    """Records when it was saved first, in UTC."""
    updated_at: UtcDatetime = Attribute(default_factory=now)
    """Records when it was saved last, in UTC."""


class ChannelConfig(Record):
    """Represents the configuration of a platform.

    Example:
        await store.channels.save_config({"platform": "slack", "data": {"team": "T1"}})
        config = await store.channels.get_config("slack")
        assert config is not None and config.data == {"team": "T1"}
    """

    platform: Id
    """Names the platform."""
    data: JsonObject = Attribute(default_factory=dict)
    """Holds the configuration. Secrets in it are the caller's to encrypt."""
    updated_at: UtcDatetime = Attribute(default_factory=now)
    """Records when it was saved, in UTC."""


@register
class ChannelsStore(DomainStore):
    """Stores which agents are installed on which platforms, and how each platform is configured.

    Example:
        await store.channels.save_installation({"platform": "slack", "agent_id": "writer", "status": "pending"})
        [installation] = await store.channels.list_installations("slack")
        assert installation.webhook_id is None
    """

    name: ClassVar[str] = "channels"
    tables: ClassVar[tuple[Table, ...]] = (INSTALLATIONS, CONFIGS)

    async def save_installation(self, installation: ChannelInstallation | Mapping[str, Any]) -> ChannelInstallation:
        """Stores the installation under its id and returns it as stored.

        `updated_at` is now. The `created_at` of an installation that exists stays.
        """
        operation = "SAVE_INSTALLATION"
        checked = parse(ChannelInstallation, installation, "installation", operation=operation)
        with about("installation"):
            row = _row(INSTALLATIONS, checked.model_copy(update={"updated_at": now()}))
        key = [[row["id"]]]
        result = await self._records.commit(
            [Put(table=INSTALLATIONS.name, rows=[row], keep=["createdAt"])],
            returning=[Get(table=INSTALLATIONS.name, keys=key)],
        )
        [stored] = result.returned[0].rows
        if stored is None:
            raise MastraConvexError(f"installation {row['id']!r} was deleted meanwhile", operation=operation)
        return _installation(stored)

    async def get_installation(self, id: str) -> ChannelInstallation | None:
        """Returns the installation, or None when there is none with this id."""
        text(id, "id", operation="GET_INSTALLATION")
        [row] = (await self._records.read(Get(table=INSTALLATIONS.name, keys=[[id]]))).rows
        return None if row is None else _installation(row)

    async def get_installation_by_agent(self, platform: str, *, agent_id: str) -> ChannelInstallation | None:
        """Returns the installation of an agent on a platform, or None.

        Of several it is an active one before a pending one before one with an error, then the one saved last.
        """
        operation = "GET_INSTALLATION_BY_AGENT"
        prefix = [text(platform, "platform", operation=operation), text(agent_id, "agent_id", operation=operation)]
        return _first(await self._installations("by_platform_agent", prefix), by_status=True)

    async def get_installation_by_webhook_id(self, webhook_id: str) -> ChannelInstallation | None:
        """Returns the installation with this webhook, or None; of several the one saved last."""
        prefix = [text(webhook_id, "webhook_id", operation="GET_INSTALLATION_BY_WEBHOOK_ID")]
        return _first(await self._installations("by_webhook", prefix), by_status=False)

    async def list_installations(self, platform: str) -> list[ChannelInstallation]:
        """Lists the installations on a platform, newest first."""
        prefix = [text(platform, "platform", operation="LIST_INSTALLATIONS")]
        found = await self._installations("by_platform", prefix)
        return sorted(found, key=lambda installation: installation.created_at, reverse=True)

    async def delete_installation(self, id: str) -> None:
        """Deletes the installation; an unknown id is no error."""
        text(id, "id", operation="DELETE_INSTALLATION")
        await self._records.commit([Delete(table=INSTALLATIONS.name, keys=[[id]])])

    async def save_config(self, config: ChannelConfig | Mapping[str, Any]) -> ChannelConfig:
        """Stores the configuration of its platform and returns it as stored: `updated_at` is now."""
        checked = parse(ChannelConfig, config, "config", operation="SAVE_CONFIG")
        saved = checked.model_copy(update={"updated_at": now()})
        with about("config"):
            row = _row(CONFIGS, saved)
        await self._records.commit([Put(table=CONFIGS.name, rows=[row])])
        return saved

    async def get_config(self, platform: str) -> ChannelConfig | None:
        """Returns the configuration of a platform, or None."""
        text(platform, "platform", operation="GET_CONFIG")
        [row] = (await self._records.read(Get(table=CONFIGS.name, keys=[[platform]]))).rows
        if row is None:
            return None
        columns = decode_row(CONFIGS, row)
        columns.pop("id", None)
        return ChannelConfig.stored(columns)

    async def delete_config(self, platform: str) -> None:
        """Deletes the configuration of a platform; it is no error when there is none."""
        text(platform, "platform", operation="DELETE_CONFIG")
        await self._records.commit([Delete(table=CONFIGS.name, keys=[[platform]])])

    async def _installations(self, index: str, prefix: list[str]) -> list[ChannelInstallation]:
        scan = Scan(table=INSTALLATIONS.name, index=index, prefixes=[prefix])
        return await each(_installation, (await self._records.read(scan)).rows)


def _first(found: list[ChannelInstallation], *, by_status: bool) -> ChannelInstallation | None:
    newest = sorted(found, key=lambda installation: installation.updated_at, reverse=True)
    if by_status:
        newest.sort(key=lambda installation: _RANKS.get(installation.status, len(_RANKS)))
    return newest[0] if newest else None


def _row(table: Table, record: ChannelInstallation | ChannelConfig) -> Row:
    values = record.model_dump(by_alias=True)
    return encode_row(table, {"id": values.get("platform"), **values})


def _installation(row: Row) -> ChannelInstallation:
    return ChannelInstallation.stored(decode_row(INSTALLATIONS, row))
