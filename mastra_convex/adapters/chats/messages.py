"""Reads dialogues that are lists of messages: OpenAI's, Responses items, ShareGPT, LangChain's dumps, Mastra's."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex.adapters import projection
from mastra_convex.adapters.chats.content import add_calls, add_content
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn, time_of, without
from mastra_convex.contract.items import ItemRole

OPENAI: Final = "OpenAI messages"
RESPONSES: Final = "OpenAI Responses items"
SHAREGPT: Final = "ShareGPT"
LANGCHAIN: Final = "LangChain messages"
MASTRA: Final = "Mastra messages"

_ROLES: Final[dict[str, ItemRole]] = {
    **dict.fromkeys(("human", "user", "HumanMessage"), "user"),
    **dict.fromkeys(("system", "developer", "SystemMessage"), "system"),
}
"""All other speakers are assistants: models and tools."""

_ITEMS: Final = ("function_call", "function_call_output", "reasoning", "message")
_LANGCHAIN: Final = ("human", "ai", "system", "tool", "function", "chat", "remove")


def name_of(message: Any) -> str | None:
    """Returns the format of a message; None when it is none of these."""
    match message:
        case {"type": str(kind), "data": dict()} if kind in _LANGCHAIN:
            return LANGCHAIN
        case {"lc": int(), "kwargs": dict(), "id": [*_, str()]}:
            return LANGCHAIN
        case {"type": str(kind)} if kind in _ITEMS:
            return RESPONSES
        case {"from": str(), "value": _}:
            return SHAREGPT
        case {"role": str(), "content": {"format": 2, "parts": list()}}:
            return MASTRA
        case {"role": str()} if {"content", "tool_calls"} & message.keys():
            return OPENAI
        case _:
            return None


def dialogue_of(messages: list[Any], key: str, rest: dict[str, Any]) -> Dialogue:
    """Returns the dialogue of messages, each of any of these formats."""
    dialogue = Dialogue(key=key, rest=rest)
    for n, message in enumerate(messages, 1):
        name = name_of(message)
        if name is None:
            raise ValueError(f"message {n} has no role and content that are known")
        dialogue.turns.append(_READERS[name](dialogue, message))
    return dialogue


def _openai(dialogue: Dialogue, message: dict[str, Any]) -> Turn:
    role = message["role"]
    turn = Turn(_ROLES.get(role, "assistant"), rest=without(message, "content", "tool_calls", "tool_call_id"))
    if role == "tool" and message.get("tool_call_id"):
        _answer(dialogue, turn, message["tool_call_id"], message.get("content"), message.get("name"))
    else:
        add_content(dialogue, turn, message.get("content"))
    add_calls(turn, message.get("tool_calls"))
    return turn


def _responses(dialogue: Dialogue, item: dict[str, Any]) -> Turn:
    turn = Turn(_ROLES.get(str(item.get("role")), "assistant"))
    shown: tuple[str, ...]
    match item:
        case {"type": "function_call", "call_id": str(id), "name": str(name)}:
            turn.parts.append(projection.call(id, name, item.get("arguments")))
            shown = ("call_id", "name", "arguments")
        case {"type": "function_call_output", "call_id": str(id)}:
            _answer(dialogue, turn, id, item.get("output"), None)
            shown = ("call_id", "output")
        case {"type": "reasoning"}:
            said = [each["text"] for each in item.get("summary") or () if isinstance(each, dict) and "text" in each]
            turn.parts.append(projection.reasoning("\n".join(said)) if said else projection.data("reasoning", {}))
            shown = ()
        case _:
            add_content(dialogue, turn, item.get("content"))
            shown = ("content",)
    turn.rest = {**turn.rest, **without(item, *shown)}
    return turn


def _sharegpt(dialogue: Dialogue, message: dict[str, Any]) -> Turn:
    turn = Turn(_ROLES.get(message["from"], "assistant"), rest=without(message, "value"))
    add_content(dialogue, turn, message["value"])
    return turn


def _langchain(dialogue: Dialogue, message: dict[str, Any]) -> Turn:
    kind = message["type"] if "data" in message else message["id"][-1]
    data = message["data"] if "data" in message else message["kwargs"]
    speaker = str(data.get("role")) if kind == "chat" else kind
    shown = ("content", "tool_calls", "tool_call_id")
    turn = Turn(_ROLES.get(speaker, "assistant"), rest={"kind": kind, **without(data, *shown)})
    if data.get("tool_call_id"):
        _answer(dialogue, turn, data["tool_call_id"], data.get("content"), data.get("name"))
    else:
        add_content(dialogue, turn, data.get("content"))
    add_calls(turn, data.get("tool_calls"))
    return turn


def _mastra(dialogue: Dialogue, message: dict[str, Any]) -> Turn:
    content = message["content"]
    if not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content["parts"]):
        raise ValueError("a part of a message has no type")
    times = [message.get(name) for name in ("createdAt", "created_at")]
    turn = Turn(
        _ROLES.get(message["role"], "assistant"),
        message.get("id"),
        time_of(times[0] or times[1]),
        list(content["parts"]),
        without(message, "id", "createdAt", "created_at", "content"),
    )
    if unknown := without(content, "format", "parts"):
        turn.rest["content"] = unknown
    return turn


def _answer(dialogue: Dialogue, turn: Turn, call_id: object, value: Any, name: str | None) -> None:
    dialogue.answer(turn, projection.result(str(call_id), projection.output(value), name))


_READERS: Final = {
    OPENAI: _openai,
    RESPONSES: _responses,
    SHAREGPT: _sharegpt,
    LANGCHAIN: _langchain,
    MASTRA: _mastra,
}
