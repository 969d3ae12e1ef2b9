"""Turns the parts of a message into what a page shows, whatever program has written them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from markupsafe import Markup

from mastra_convex.view.markdown import rendered
from mastra_convex.view.shown import Room, as_json, short

_PICTURE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s]+")
_PICTURE_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True)
class Block:
    """Holds one part of a message as a page shows it.

    Attributes:
        kind: `text` is open, `picture` is an image in the page, everything else is folded.
        label: what the folded part is called.
        text: the text as HTML, for `text`.
        source: the data URL of a picture.
        status: state of a tool call.
        details: further texts by their names, such as arguments and result.
    """

    kind: Literal["text", "tool", "reasoning", "picture", "file", "other"]
    label: str = ""
    text: Markup | None = None
    source: str = ""
    status: str = ""
    details: Mapping[str, str] | None = None


def blocks_of(content: Any, room: Room | None = None) -> list[Block]:
    """Returns the blocks of the content of a message, which share the room of a page with others."""
    room = room or Room()
    if isinstance(content, str):
        return [_text(content, room)]
    if isinstance(content, list):
        parts: Any = content
    elif isinstance(content, Mapping):
        parts = content.get("parts")
        if not isinstance(parts, list):
            text = content.get("content")
            return [_text(text, room)] if isinstance(text, str) else [folded(content, room)]
    else:
        return [] if content is None else [folded(content, room)]
    return [block for part in parts for block in _blocks(part, room)]


def _blocks(part: Any, room: Room) -> Iterator[Block]:
    if isinstance(part, str):
        yield _text(part, room)
        return
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(kind, str):
        yield folded(part, room)
    elif kind == "text" and isinstance(part.get("text"), str):
        yield _text(part["text"], room)
    elif kind == "reasoning":
        yield Block("reasoning", "Reasoning", details={"": room.cut(_reasoning(part))})
    elif kind == "tool-invocation" and isinstance(part.get("toolInvocation"), Mapping):
        yield _tool(part["toolInvocation"], part["toolInvocation"].get("toolName"), room)
    elif kind in ("tool-call", "tool-result"):
        yield _tool(part, part.get("toolName"), room)
    elif kind == "dynamic-tool" or (kind.startswith("tool-") and "toolCallId" in part):
        yield _tool(part, part.get("toolName") or kind.removeprefix("tool-"), room)
    elif kind in ("file", "image"):
        yield _file(part)
    elif kind != "step-start":
        yield folded(part, room, kind)


def _text(text: str, room: Room) -> Block:
    return Block("text", text=rendered(room.cut(text)))


def _reasoning(part: Mapping[str, Any]) -> str:
    texts = [part.get("reasoning"), part.get("text")]
    details = part.get("details")
    texts += [
        detail.get("text") or ("(redacted)" if detail.get("type") == "redacted" else None)
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping)
    ]
    found = list(dict.fromkeys(text for text in texts if isinstance(text, str) and text))
    return "\n".join(found) or "(its text is not stored)"


def _tool(call: Mapping[str, Any], name: Any, room: Room) -> Block:
    details: dict[str, str] = {}
    for label, keys in _TOOL_MEMBERS.items():
        for key in keys:
            if call.get(key) is not None:
                details[label] = room.cut(_readable(call[key]))
                break
    return Block("tool", short(name) or "tool", status=short(call.get("state")), details=details)


_TOOL_MEMBERS: Final = {
    "Arguments": ("args", "input", "rawInput"),
    "Result": ("result", "output"),
    "Error": ("errorText", "error"),
}


def _file(part: Mapping[str, Any]) -> Block:
    kind = part.get("mediaType") or part.get("mimeType")
    data = next((part[name] for name in ("data", "url", "image") if isinstance(part.get(name), str)), "")
    name = short(part.get("filename") or part.get("name") or kind or "file")
    if kind in _PICTURE_TYPES and _BASE64.fullmatch(data):
        data = f"data:{kind};base64,{data}"
    if _PICTURE.fullmatch(data):
        return Block("picture", name, source=data)
    return Block("file", name, details={"Type": short(kind), "Data": short(data)})


def folded(value: Any, room: Room, label: str = "other") -> Block:
    """Returns the block of a value of any kind."""
    return Block("other", short(label), details={"": room.cut(_readable(value))})


def _readable(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)
