"""Reads conversations of a ChatGPT data export."""

from __future__ import annotations

from typing import Any

from mastra_convex.adapters import projection
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn, time_of, without

NAME = "ChatGPT export"


def recognises(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("mapping"), dict)


def dialogue_of(value: dict[str, Any], number: int) -> Dialogue:
    """Returns the visible conversation: the path from `current_node` to the root. Other branches are metadata."""
    mapping: dict[str, Any] = value["mapping"]
    dialogue = Dialogue(
        key=str(value.get("conversation_id") or value.get("id") or number),
        title=value.get("title"),
        time=time_of(value.get("create_time")),
        rest=without(value, "id", "conversation_id", "title", "create_time", "mapping"),
    )
    path: dict[str, Any] = {}
    at = value.get("current_node") or _newest_leaf(mapping)
    while isinstance(at, str) and isinstance(mapping.get(at), dict):
        if at in path:
            raise ValueError("the messages form a circle")
        path[at] = mapping[at]
        at = mapping[at].get("parent")
    for key, node in reversed(path.items()):
        if message := node.get("message"):
            dialogue.turns.append(_turn(key, message))
    if others := {key: node for key, node in mapping.items() if key not in path}:
        dialogue.rest["other_branches"] = others
    return dialogue


def _newest_leaf(mapping: dict[str, Any]) -> str | None:
    leaves = [key for key, node in mapping.items() if isinstance(node, dict) and not node.get("children")]
    return max(leaves, key=lambda key: (mapping[key].get("message") or {}).get("create_time") or 0, default=None)


def _turn(key: str, message: Any) -> Turn:
    if not isinstance(message, dict) or not isinstance(message.get("content"), dict):
        raise ValueError(f"message {key} has no content")
    author = (message.get("author") or {}).get("role")
    turn = Turn(
        role="user" if author == "user" else "system" if author == "system" else "assistant",
        key=str(message.get("id") or key),
        time=time_of(message.get("create_time")),
        rest=without(message, "id", "create_time", "content"),
    )
    content = message["content"]
    recipient = message.get("recipient") or "all"
    hidden = message.get("weight") == 0 or (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    match content:
        case _ if hidden:
            turn.parts.append(projection.data("hidden", content))
        case {"content_type": "text" | "multimodal_text", "parts": list(parts)} if recipient == "all":
            for part in parts:
                turn.parts.append(_part(part, is_thought=message.get("channel") == "commentary"))
            turn.rest |= _rest_of(content, "content_type", "parts")
        case {"content_type": "code", "text": str(text)} if recipient != "all":
            turn.parts.append(projection.call(str(turn.key), recipient, text))
            turn.rest |= _rest_of(content, "content_type", "text")
        case {"content_type": "code" | "execution_output", "text": str(text)}:
            turn.parts.append(projection.text(text))
            turn.rest |= _rest_of(content, "text")
        case {"content_type": "thoughts", "thoughts": list(thoughts)}:
            for thought in thoughts:
                said = thought.get("content") if isinstance(thought, dict) else None
                turn.parts.append(projection.reasoning(said) if said else projection.data("thoughts", thought))
            turn.rest |= _rest_of(content)
        case _:
            turn.parts.append(projection.data(str(content.get("content_type") or "content"), content))
    return turn


def _part(part: Any, *, is_thought: bool) -> dict[str, Any]:
    if isinstance(part, str):
        return projection.reasoning(part) if is_thought else projection.text(part)
    kind = part.get("content_type") if isinstance(part, dict) else None
    return projection.data(str(kind or "part"), part)


def _rest_of(content: dict[str, Any], *shown: str) -> dict[str, Any]:
    unknown = without(content, *shown)
    return {"content": unknown} if unknown else {}
