"""Reads conversations of a Claude (claude.ai) data export."""

from __future__ import annotations

from typing import Any

from mastra_convex.adapters.chats.content import add_content
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn, time_of, without

NAME = "Claude export"


def recognises(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("chat_messages"), list)


def dialogue_of(value: dict[str, Any], number: int) -> Dialogue:
    """Returns the conversation in the order of the file."""
    dialogue = Dialogue(
        key=str(value.get("uuid") or number),
        title=value.get("name"),
        time=time_of(value.get("created_at")),
        rest=without(value, "uuid", "name", "created_at", "chat_messages"),
    )
    for message in value["chat_messages"]:
        if not isinstance(message, dict):
            raise ValueError("a message is no object")
        content = message.get("content") or message.get("text")
        shown = ("content",) if message.get("content") else ("text",)
        turn = Turn(
            role="user" if message.get("sender") in ("human", "user") else "assistant",
            key=message.get("uuid"),
            time=time_of(message.get("created_at")),
            rest=without(message, "uuid", "sender", "created_at", *shown),
        )
        add_content(dialogue, turn, content)
        dialogue.turns.append(turn)
    return dialogue
