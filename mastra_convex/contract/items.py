"""Items of agent frameworks on their way into a thread (docs/contract.md, "Items of agent frameworks")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex.contract.models import new_id

ItemRole = Literal["user", "assistant", "system"]
"""Names who speaks in an item. A row of role `system` is shown by no user interface and is in no prompt of Mastra's."""

Part = Mapping[str, Any]
"""Is one part of Mastra's format 2, as `{"type": "text", "text": "Hello"}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """Stands among the parts of an item for the result of a tool call, which is shown in the row of that call.

    Attributes:
        call_id: id of the call.
        outcome: members that the call's `toolInvocation` gets, `{"state": "result", "result": ...}` for instance.
        tool_name: name to show when the call is not known.

    Example:
        result = ToolResult(call_id="c1", outcome={"state": "result", "result": 21}, tool_name="weather")
        item = NewItem(role="assistant", parts=[result], item='{"output": 21}')
        thread = Thread(resource_id="user-1")
        await store.memory.items("myFramework").append(thread, [item])
        [message] = await store.memory.latest_messages(thread.id)
        assert message.content["parts"][0]["toolInvocation"]["result"] == 21
    """

    call_id: str
    outcome: Mapping[str, Any]
    tool_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """Represents a foreign item (message, entry, event) that becomes one message of a thread.

    Attributes:
        role: who speaks.
        parts: what Mastra shows of it, in format 2; a ToolResult where a call got its result. Without a part to show,
            the message gets the role `system`.
        item: the whole item as JSON text, which is given back unchanged; None to store only the parts.
        id: id of the message; a new UUID by default.
        created_at: earliest time for the message; now by default. It comes after all others of the thread anyway.

    Example:
        item = NewItem(role="user", parts=[{"type": "text", "text": "Hello"}], item='{"role": "user"}')
        thread = Thread(resource_id="user-1")
        await store.memory.items("myFramework").append(thread, [item])
        [stored] = await store.memory.items("myFramework").latest(thread.id)
        assert stored.item == '{"role": "user"}'
    """

    role: ItemRole
    parts: Sequence[Part | ToolResult]
    item: str | None = None
    id: str = field(default_factory=new_id)
    created_at: datetime | None = None
