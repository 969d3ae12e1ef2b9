"""Holds what every format is read into: dialogues of turns, with Mastra's parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from mastra_convex.adapters import projection
from mastra_convex.contract.items import ItemRole, ToolResult

_NAMESPACE: Final = UUID("2f0f7c64-6d0e-5c0d-8a3a-3b1f9a8f5e21")
_MILLISECONDS: Final = 100_000_000_000
"""Numbers from here on are milliseconds; as seconds they would be after the year 5000."""


@dataclass
class Turn:
    """Holds one message. `key` is what identifies it within its dialogue; without one, its content does."""

    role: ItemRole
    key: str | None = None
    time: datetime | None = None
    parts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rest: dict[str, Any] = field(default_factory=dict[str, Any])

    def keep(self, part: Mapping[str, Any], *shown: str) -> None:
        """Keeps the members of a foreign part that are not shown."""
        if unknown := without(part, *shown):
            self.rest.setdefault("parts", []).append({"index": len(self.parts) - 1, **unknown})


@dataclass
class Dialogue:
    """Holds one conversation. `key` identifies it within its format."""

    key: str
    title: str | None = None
    resource: str | None = None
    time: datetime | None = None
    turns: list[Turn] = field(default_factory=list[Turn])
    rest: dict[str, Any] = field(default_factory=dict[str, Any])

    def answer(self, turn: Turn, outcome: ToolResult) -> None:
        """Puts the result of a tool where its call is; a result without a call is a part of its own turn."""
        for earlier in (turn, *reversed(self.turns)):
            for n, part in enumerate(earlier.parts):
                called = part.get("toolInvocation", {})
                if called.get("toolCallId") == outcome.call_id and called.get("state") == "call":
                    earlier.parts[n] = projection.ran(part, outcome)
                    return
        name = outcome.tool_name or "tool"
        turn.parts.append(projection.ran(projection.call(outcome.call_id, name, None), outcome))


def without(value: Mapping[str, Any], *shown: str) -> dict[str, Any]:
    """Returns the members that are not shown elsewhere, without those that are null."""
    return {key: each for key, each in value.items() if key not in shown and each is not None}


def derived_id(*parts: str) -> str:
    """Returns a UUID that is the same for the same parts."""
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


def time_of(value: object) -> datetime | None:
    """Returns a time of seconds, milliseconds or ISO text (UTC where no zone is named); ValueError for others."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS else value, UTC)
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(f"{str(value)[:40]!r} is no time")
