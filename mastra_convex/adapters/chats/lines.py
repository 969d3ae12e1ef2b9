"""Reads formats of one message a line: Claude Code sessions, and the lines that `mastra-convex demo` takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from mastra_convex.adapters.chats.content import add_content
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn, time_of, without

CLAUDE_CODE: Final = "Claude Code session"
OWN: Final = "lines of mastra-convex"
_UNNAMED: Final = "session"
"""The key of lines before the first that names its session."""


def name_of(line: Any) -> str | None:
    """Returns the format of a line; None when it is none of these."""
    match line:
        case {"resource": str(), "thread": str(), "role": _, "text": _}:
            return OWN
        case {"type": str(), "sessionId": str()} | {"type": "summary", "leafUuid": str()}:
            return CLAUDE_CODE
        case {"type": "user" | "assistant", "message": dict()}:
            return CLAUDE_CODE
        case _:
            return None


def add_line(dialogues: dict[str, Dialogue], line: dict[str, Any], name: str) -> None:
    """Adds a line to the dialogue that it belongs to."""
    (_add_own if name == OWN else _add_claude_code)(dialogues, line)


def _add_own(dialogues: dict[str, Dialogue], line: dict[str, Any]) -> None:
    role, text = line["role"], line["text"]
    if role not in ("user", "assistant", "system", "signal") or not isinstance(text, str):
        raise ValueError("role must be user, assistant, system or signal, and text a string")
    resource, thread = line["resource"], line["thread"]
    turn = Turn(role, time=time_of(line.get("time")), rest=without(line, "resource", "thread", "role", "text", "time"))
    key = f"{len(resource)} {resource} {thread}"
    dialogue = dialogues.setdefault(key, Dialogue(key, thread, resource))
    add_content(dialogue, turn, text)
    dialogue.turns.append(turn)


def _add_claude_code(dialogues: dict[str, Dialogue], line: dict[str, Any]) -> None:
    """Lines of a sub-agent are a dialogue of their own; lines that are no messages are metadata of their dialogue."""
    key = str(line.get("sessionId") or next(iter(dialogues), _UNNAMED))
    if line.get("isSidechain"):
        key = f"{key}/{line.get('agentId') or 'sidechain'}"
    if key != _UNNAMED and (unnamed := dialogues.pop(_UNNAMED, None)) is not None:
        dialogues[key] = replace(unnamed, key=key)
    dialogue = dialogues.setdefault(key, Dialogue(key))
    if line["type"] not in ("user", "assistant"):
        dialogue.rest.setdefault("lines", []).append(line)
        if line["type"] == "summary" and isinstance(line.get("summary"), str):
            dialogue.title = dialogue.title or line["summary"]
        return
    message = line.get("message")
    if not isinstance(message, dict):
        raise ValueError("message is no object")
    rest = without(line, "uuid", "timestamp", "message")
    rest["message"] = without(message, "role", "content")
    turn = Turn(
        "user" if line["type"] == "user" else "assistant", line.get("uuid"), time_of(line.get("timestamp")), rest=rest
    )
    add_content(dialogue, turn, message.get("content"))
    dialogue.turns.append(turn)
