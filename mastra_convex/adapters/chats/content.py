"""Reads content that is text or a list of typed parts, as Claude, OpenAI and LangChain write it."""

from __future__ import annotations

from typing import Any

from mastra_convex.adapters import projection
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn


def add_content(dialogue: Dialogue, turn: Turn, content: Any) -> None:
    """Adds the parts of a content to a turn; a part of an unknown type becomes a `data-` part."""
    if content is None or content == "":
        return
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            turn.parts.append(projection.text(part))
        elif isinstance(part, dict):
            _add(dialogue, turn, part)
        else:
            raise ValueError("a part of the content is neither text nor an object")


def add_calls(turn: Turn, calls: Any) -> None:
    """Adds `tool_calls` of OpenAI or LangChain."""
    for call in calls or ():
        if not isinstance(call, dict):
            raise ValueError("a tool call is no object")
        function = call.get("function") or call
        args = function.get("arguments", function.get("args"))
        name = str(function.get("name") or "tool")
        turn.parts.append(projection.call(str(call.get("id") or f"call-{len(turn.parts)}"), name, args))
        turn.keep(call, "id", "type", "function", "name", "args", "arguments")


def _add(dialogue: Dialogue, turn: Turn, part: dict[str, Any]) -> None:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            turn.parts.append(projection.text(text))
            turn.keep(part, "type", "text")
        case {"type": "refusal", "refusal": str(text)}:
            turn.parts.append(projection.text(text))
            turn.keep(part, "refusal")
        case {"type": "thinking", "thinking": str(text)}:
            signature = part.get("signature")
            turn.parts.append(projection.reasoning(text, signature if isinstance(signature, str) else None))
            turn.keep(part, "type", "thinking", "signature")
        case {"type": "tool_use", "name": str(name)}:
            turn.parts.append(projection.call(_call_id(turn, part, "id"), name, part.get("input")))
            turn.keep(part, "type", "id", "name", "input")
        case {"type": "tool_result"}:
            tell = projection.failed if part.get("is_error") else projection.result
            dialogue.answer(turn, tell(_call_id(turn, part, "tool_use_id"), part.get("content"), part.get("name")))
            turn.keep(part, "type", "tool_use_id", "content", "is_error", "name")
        case {"type": "image", "source": {"type": "base64", "data": str(data), "media_type": str(media)}}:
            turn.parts.append(projection.file(projection.data_uri(data, media), media))
            turn.keep(part, "type", "source")
        case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
            turn.parts.append(projection.file(url, projection.media_type_of(url, "image/*")))
            turn.keep(part, "type", *(["image_url"] if _is_only_url(part["image_url"]) else []))
        case {"type": "input_image", "image_url": str(url)}:
            turn.parts.append(projection.file(url, projection.media_type_of(url, "image/*")))
            turn.keep(part, "type", "image_url")
        case _:
            turn.parts.append(projection.data(str(part.get("type") or "part"), part))


def _call_id(turn: Turn, part: dict[str, Any], member: str) -> str:
    return str(part.get(member) or f"call-{len(turn.parts)}")


def _is_only_url(value: Any) -> bool:
    return isinstance(value, str) or set(value) == {"url"}
