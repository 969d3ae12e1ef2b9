"""Shows entries of pydantic-ai, in their JSON form, as parts of Mastra's format 2. The framework is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mastra_convex.adapters import projection as to
from mastra_convex.adapters.projection import ItemRole, ToolResult

PartDict = dict[str, Any]

DATA: Final = "pydantic-ai"
"""The name of the data part of what is not shown otherwise."""

_STANDARD_BASE64: Final = str.maketrans("-_", "+/")
"""pydantic writes base64 for URLs; data URIs have the standard one."""


def parts_of(entry: Mapping[str, Any]) -> tuple[ItemRole, list[PartDict | ToolResult]]:
    """Returns who speaks in the message of an entry, and what is shown of it."""
    message = entry["message"]
    role: ItemRole = "assistant" if message["kind"] == "response" else "user"
    return role, [shown for part in message["parts"] for shown in _parts(part)]


def _parts(part: Mapping[str, Any]) -> Iterator[PartDict | ToolResult]:
    match part:
        case {"part_kind": "user-prompt" | "file", "content": content}:
            yield from _content(content)
        case {"part_kind": "text", "content": str(said)} if said:
            yield to.text(said)
        case {"part_kind": "thinking", "content": str(thought)} if thought:
            yield to.reasoning(thought, part.get("signature"))
        case {"part_kind": "speech", "transcript": str(said)} if said:
            yield to.text(said)
        case {"part_kind": "tool-call", "tool_call_id": str(id), "tool_name": str(name)}:
            yield to.call(id, name, part.get("args"))
        case {"part_kind": "builtin-tool-call", "tool_call_id": str(id), "tool_name": str(name)}:
            yield to.call(id, name, part.get("args"), by_provider=True)
        case {"part_kind": "tool-return" | "builtin-tool-return", "tool_call_id": str(id), "tool_name": str(name)}:
            yield _result(id, name, part)
        case {"part_kind": "retry-prompt", "tool_call_id": str(id), "tool_name": str(name)}:
            yield to.failed(id, part.get("content"), name)
        case _:
            yield to.data(DATA, {"kind": part.get("part_kind")})


def _result(id: str, name: str, part: Mapping[str, Any]) -> ToolResult:
    content = part.get("content")
    match part.get("outcome"):
        case "denied":
            return to.denied(id, content if isinstance(content, str) else to.item_text(content), name)
        case "failed":
            return to.failed(id, content, name)
        case _:
            return to.result(id, content, name)


def _content(content: Any) -> Iterator[PartDict]:
    for piece in content if isinstance(content, list) else [content]:
        match piece:
            case str(said) | {"kind": "text-content" | "structured-content", "content": str(said)}:
                if said:
                    yield to.text(said)
            case {"url": str(where), "media_type": str(media_type)}:
                yield to.file(where, media_type, name=DATA)
            case {"kind": "binary", "data": str(base64), "media_type": str(media_type)}:
                yield to.file(to.data_uri(base64.translate(_STANDARD_BASE64), media_type), media_type)
            case {"kind": "uploaded-file", "file_id": str(id), "media_type": str(media_type)}:
                yield to.file(id, media_type, name=DATA)
            case {"kind": "cache-point"} | None:
                pass
            case _:
                yield to.data(DATA, {"kind": piece.get("kind") if isinstance(piece, Mapping) else None})
