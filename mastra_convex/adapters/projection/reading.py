"""Reads messages that have no item of a framework, as TypeScript writes them, from their parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """Holds text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Holds what a model thought, and the provider's signature of it."""

    text: str
    signature: str | None


@dataclass(frozen=True, slots=True)
class File:
    """Holds a file: a data URI or an URL (or a provider's id), its MIME type and name."""

    where: str
    media_type: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """Holds a tool call. `is_done` says whether it has an outcome: `result`, or text in `problem`."""

    id: str
    tool_name: str
    args: Any
    is_done: bool
    result: Any
    problem: str | None


Piece = Said | Reasoning | File | Call


def read_parts(content: Mapping[str, Any]) -> Iterator[Piece]:
    """Yields what a framework can take over from content in format 2, in order; all else is left out."""
    parts = content.get("parts")
    found = False
    for part in parts if isinstance(parts, list) else ():
        piece = _piece(part) if isinstance(part, dict) else None
        if piece is not None:
            found = True
            yield piece
    if not found and isinstance(content.get("content"), str) and content["content"]:
        yield Said(content["content"])


def _piece(part: dict[str, Any]) -> Piece | None:
    match part:
        case {"type": "text", "text": str(text)} if text:
            return Said(text)
        case {"type": "reasoning"}:
            return _reasoning(part)
        case {"type": "file", "data": str(where)}:
            media_type = part.get("mimeType") or "application/octet-stream"
            if ":" not in where and not where.startswith("file-"):  # bare base64
                where = f"data:{media_type};base64,{where}"
            return File(where, media_type, part.get("filename"))
        case {"type": "tool-invocation", "toolInvocation": {"toolCallId": str(id), "toolName": str(name)} as call}:
            return _call(id, name, call)
        case _:
            return None


def _reasoning(part: dict[str, Any]) -> Reasoning | None:
    details = [each for each in part.get("details") or () if isinstance(each, dict) and each.get("type") == "text"]
    text = "".join(str(each.get("text") or "") for each in details) or part.get("reasoning")
    signature = next((each["signature"] for each in details if isinstance(each.get("signature"), str)), None)
    return Reasoning(text, signature) if isinstance(text, str) and text else None


def _call(id: str, name: str, call: Mapping[str, Any]) -> Call:
    state, args = call.get("state"), call.get("args")
    problem: str | None = None
    if state == "output-error":
        problem = str(call.get("errorText") or "the tool failed")
    elif state == "output-denied":
        approval = call.get("approval")
        problem = str((approval.get("reason") if isinstance(approval, dict) else None) or "the tool was not allowed")
    return Call(id, name, args, state == "result" or problem is not None, call.get("result"), problem)
