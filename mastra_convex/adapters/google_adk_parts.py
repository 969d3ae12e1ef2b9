"""Shows events of ADK, as JSON, as parts of Mastra's format 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mastra_convex.adapters import projection as to
from mastra_convex.adapters.projection import ItemRole, ToolResult
from mastra_convex.adapters.projection.parts import PartDict

DATA: Final = "adk"
"""The name of the data part of an event that shows nothing else."""

_URL_SAFE: Final = str.maketrans("-_", "+/")
"""pydantic writes bytes in the alphabet for URLs, data URIs have the other one."""

_CODE: Final = "code_execution"

Shown = PartDict | ToolResult


def parts_of(event: dict[str, Any]) -> tuple[ItemRole, list[Shown]]:
    """Returns who speaks in an event, and what is shown of it."""
    return "user" if event.get("author") == "user" else "assistant", list(_shown(event))


def _shown(event: dict[str, Any]) -> Iterator[Shown]:
    """Yields what Mastra shows of an event."""
    code_id = ""
    for position, part in enumerate(event.get("content", {}).get("parts", ())):
        own_id = f"{event['id']}/{position}"
        match part:
            case {"executableCode": code}:
                code_id = code.get("id") or own_id
                yield to.call(code_id, _CODE, code, by_provider=True)
            case {"codeExecutionResult": result}:
                yield to.result(result.get("id") or code_id or own_id, result, _CODE)
            case {"text": ""}:
                pass
            case _:
                yield _shown_part(part, own_id)
    for name in ("inputTranscription", "outputTranscription"):
        if said := event.get(name, {}).get("text"):
            yield to.text(said)
    if problem := event.get("errorMessage") or event.get("errorCode"):
        yield to.error(event.get("errorCode") or "Error", problem)


def _shown_part(part: dict[str, Any], own_id: str) -> Shown:
    match part:
        case {"text": str(text), "thought": True}:
            return to.reasoning(text, part.get("thoughtSignature"))
        case {"text": str(text)}:
            return to.text(text)
        case {"functionCall": call}:
            return to.call(call.get("id") or own_id, call.get("name") or "tool", call.get("args"))
        case {"functionResponse": response}:
            return _response(response, own_id)
        case {"inlineData": {"data": str(encoded)} as blob}:
            media_type = blob.get("mimeType") or "application/octet-stream"
            where = to.data_uri(encoded.translate(_URL_SAFE), media_type)
            return to.file(where, media_type, blob.get("displayName"))
        case {"fileData": {"fileUri": str(where)} as file}:
            return to.file(where, file.get("mimeType"), file.get("displayName"), name=DATA)
        case _:
            return to.data(DATA, {"part": sorted(part)})


def _response(response: dict[str, Any], own_id: str) -> ToolResult:
    call_id, name, answer = response.get("id") or own_id, response.get("name"), response.get("response")
    match answer:
        case {"error": problem, **others} if not others:  # so a tool tells that it failed
            return to.failed(call_id, problem, name)
        case _:
            return to.result(call_id, answer, name)
