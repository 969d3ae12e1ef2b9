"""Makes messages of foreign items: a result is shown in the message of its call (docs/contract.md, "Items of agent
frameworks").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mastra_convex.contract.items import NewItem, ToolResult
from mastra_convex.domain import Change, Condition, Edit, Guard, HoldsGuard, Patch, equals, to_json
from mastra_convex_domains.memory.tables import MESSAGES

RESULT_PART = "data-tool-result"
"""The type of the part that is left where a result was: its `data` name the call, and the message that shows it."""


@dataclass(frozen=True, slots=True)
class CallPlace:
    """Names where a tool call is stored: the message, and the position among its parts."""

    message_id: str
    position: int
    call_id: str

    def holds(self) -> Guard:
        """Returns the guard that the call is still there."""
        path = ["content", "parts", str(self.position), "toolInvocation", "toolCallId"]
        return HoldsGuard(table=MESSAGES.name, key=[self.message_id], where=[equals(path, self.call_id)])

    def shows(self, outcome: Mapping[str, Any]) -> Patch:
        """Returns the write that merges an outcome into the stored call."""
        path = ["content", "parts", str(self.position), "toolInvocation"]
        edit = Edit(path=path, reducer="merge", value=to_json(dict(outcome)))
        return Patch(table=MESSAGES.name, keys=[[self.message_id]], change=Change(edits=[edit]))


def calls_in(message_id: str, parts: Any) -> Iterator[CallPlace]:
    """Yields the places of the tool calls among the parts of a message."""
    for position, part in enumerate(parts if isinstance(parts, list | tuple) else ()):
        invocation = part.get("toolInvocation") if isinstance(part, Mapping) else None
        call_id = invocation.get("toolCallId") if isinstance(invocation, Mapping) else None
        if isinstance(call_id, str):
            yield CallPlace(message_id, position, call_id)


def has_call(call_id: str) -> Condition:
    """Returns the condition that a message shows this tool call."""
    part = {"$elemMatch": {"toolInvocation.toolCallId": {"$eq": call_id}}}
    return Condition(path=["content"], operator="match", value=to_json({"parts": part}))


def results_shown(parts: Any) -> list[CallPlace]:
    """Lists the calls in other messages that show results of a message with these parts."""
    found: list[CallPlace] = []
    for part in parts if isinstance(parts, list) else ():
        data = part.get("data") if isinstance(part, dict) and part.get("type") == RESULT_PART else None
        match data:
            case {"messageId": str(message_id), "part": int(position), "toolCallId": str(call_id)}:
                found.append(CallPlace(message_id, position, call_id))
            case _:
                pass
    return found


@dataclass(slots=True)
class Folded:
    """Holds what a batch of items becomes.

    Attributes:
        messages: role and parts of each item's message.
        outcomes: what calls in stored messages get.
    """

    messages: list[tuple[str, list[Any]]] = field(default_factory=list[tuple[str, list[Any]]])
    outcomes: list[tuple[CallPlace, Mapping[str, Any]]] = field(
        default_factory=list[tuple[CallPlace, Mapping[str, Any]]]
    )


def unknown_calls(items: Sequence[NewItem]) -> list[str]:
    """Lists the calls of which the batch has a result, but not the call before it."""
    if not any(isinstance(part, ToolResult) for item in items for part in item.parts):
        return []
    known: set[str] = set()
    unknown: dict[str, None] = {}
    for item in items:
        for part in item.parts:
            if isinstance(part, ToolResult):
                if part.call_id not in known:
                    unknown[part.call_id] = None
            else:
                known.update(place.call_id for place in calls_in(item.id, [part]))
    return list(unknown)


def folded(items: Sequence[NewItem], stored: Mapping[str, CallPlace]) -> Folded:
    """Gives each result to its call, in the batch or among the `stored` ones.

    A result without a call becomes a complete invocation without arguments.
    """
    result = Folded()
    batch: dict[str, CallPlace] = {}
    parts_of: dict[str, list[Any]] = {}
    for item in items:
        role, parts = str(item.role), list[Any]()
        parts_of[item.id] = parts
        for part in item.parts:
            if not isinstance(part, ToolResult):
                parts.append(dict(part))
                batch.update((place.call_id, place) for place in _placed(item.id, parts))
                continue
            place = batch.get(part.call_id) or stored.get(part.call_id)
            if place is None:
                is_of_user = any(map(_is_shown, parts)) and role == "user"
                parts.append(_mark(part) if is_of_user else _orphan(part))
                role = role if is_of_user else "assistant"
                continue
            if place.message_id in parts_of:
                invocation = parts_of[place.message_id][place.position]["toolInvocation"]
                parts_of[place.message_id][place.position]["toolInvocation"] = {**invocation, **part.outcome}
            else:
                result.outcomes.append((place, part.outcome))
            if place.message_id != item.id:
                data = {"toolCallId": part.call_id, "messageId": place.message_id, "part": place.position}
                parts.append({"type": RESULT_PART, "data": data})
        result.messages.append((role if any(map(_is_shown, parts)) else "system", parts))
    return result


def _placed(message_id: str, parts: list[Any]) -> Iterator[CallPlace]:
    """Yields the place of the last part, if it is a call."""
    for place in calls_in(message_id, parts[-1:]):
        yield CallPlace(message_id, len(parts) - 1, place.call_id)


def _is_shown(part: Mapping[str, Any]) -> bool:
    """Tells whether a user interface or a prompt of Mastra's shows something of the part."""
    kind = str(part.get("type"))
    return not kind.startswith("data-") and kind != "step-start"


def _orphan(result: ToolResult) -> dict[str, Any]:
    call = {"toolCallId": result.call_id, "toolName": result.tool_name or "tool", "args": {}}
    return {"type": "tool-invocation", "toolInvocation": {**call, **result.outcome}}


def _mark(result: ToolResult) -> dict[str, Any]:
    """Keeps a result whose call is not known beside what a user says: in a message of role `user` it breaks prompts."""
    return {"type": RESULT_PART, "data": {"toolCallId": result.call_id, **result.outcome}}
