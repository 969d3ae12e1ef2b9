"""Makes items of events, and events of what is stored in a thread."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from google.adk.events import Event
from google.genai import types
from pydantic_core import PydanticSerializationError

from mastra_convex.adapters import projection
from mastra_convex.adapters.projection import NewItem, ToolResult
from mastra_convex.adapters.projection.parts import PartDict
from mastra_convex.adapters.projection.stored import Stored
from mastra_convex.errors import ValidationError

KEY: Final = "adk"
"""The member of `content.metadata` with the event, and of the metadata of threads and resources with the state."""

_URL_SAFE: Final = str.maketrans("-_", "+/")
"""pydantic writes bytes in the alphabet for URLs, data URIs have the other one."""

_CODE: Final = "code_execution"

Shown = PartDict | ToolResult


def event_as_json(event: Event) -> dict[str, Any]:
    """Returns an event as it is stored, a JSON object. ValidationError if something in it is no JSON value."""
    try:
        return event.model_dump(mode="json", by_alias=True, exclude_none=True)
    except PydanticSerializationError as error:
        raise ValidationError(f"event must be JSON: {error}", operation="APPEND_EVENT") from error


def item_of_event(event: dict[str, Any], *, id: str, created_at: datetime, shows_parts: bool) -> NewItem:
    """Makes the item of an event that `event_as_json` returned."""
    return projection.new_item(
        event,
        "user" if event.get("author") == "user" else "assistant",
        _shown(event),
        name=KEY,
        id=id,
        created_at=created_at,
        shows_parts=shows_parts,
    )


def events_of(stored: Stored) -> list[Event]:
    """Returns the event of a message; of one that another writer made, the events that stand for its parts."""
    if stored.item is not None:
        return [Event.model_validate_json(stored.item)]
    return [] if stored.message is None else list(_events_of_message(stored.message))


def _shown(event: dict[str, Any]) -> Iterator[Shown]:
    """Yields what Mastra shows of an event."""
    code_id = ""
    for position, part in enumerate(event.get("content", {}).get("parts", ())):
        own_id = f"{event['id']}/{position}"
        match part:
            case {"executableCode": code}:
                code_id = code.get("id") or own_id
                yield projection.call(code_id, _CODE, code, by_provider=True)
            case {"codeExecutionResult": result}:
                yield projection.result(result.get("id") or code_id or own_id, result, _CODE)
            case {"text": ""}:
                pass
            case _:
                yield _shown_part(part, own_id)
    for name in ("inputTranscription", "outputTranscription"):
        if said := event.get(name, {}).get("text"):
            yield projection.text(said)
    if problem := event.get("errorMessage") or event.get("errorCode"):
        yield projection.error(event.get("errorCode") or "Error", problem)


def _shown_part(part: dict[str, Any], own_id: str) -> Shown:
    match part:
        case {"text": str(text), "thought": True}:
            return projection.reasoning(text, part.get("thoughtSignature"))
        case {"text": str(text)}:
            return projection.text(text)
        case {"functionCall": call}:
            return projection.call(call.get("id") or own_id, call.get("name") or "tool", call.get("args"))
        case {"functionResponse": response}:
            return _response(response, own_id)
        case {"inlineData": {"data": str(encoded)} as blob}:
            media_type = blob.get("mimeType") or "application/octet-stream"
            where = projection.data_uri(encoded.translate(_URL_SAFE), media_type)
            return projection.file(where, media_type, blob.get("displayName"))
        case {"fileData": {"fileUri": str(where)} as file}:
            return projection.file(where, file.get("mimeType"), file.get("displayName"), name=KEY)
        case _:
            return projection.data(KEY, {"part": sorted(part)})


def _response(response: dict[str, Any], own_id: str) -> ToolResult:
    call_id, name, answer = response.get("id") or own_id, response.get("name"), response.get("response")
    match answer:
        case {"error": problem, **others} if not others:  # so a tool tells that it failed
            return projection.failed(call_id, problem, name)
        case _:
            return projection.result(call_id, answer, name)


def _events_of_message(message: Any) -> Iterator[Event]:
    """Yields the events of a message that has none: a call and its result are in different events."""
    author = "user" if message.role == "user" else "assistant"
    role = "user" if message.role == "user" else "model"
    parts: list[types.Part] = []
    count = 0

    def event(role: str, parts: Sequence[types.Part]) -> Event:
        nonlocal count
        count += 1
        return Event(
            id=f"{message.id}/{count}",
            invocation_id=message.id,
            author=author,
            timestamp=message.created_at.timestamp(),
            content=types.Content(role=role, parts=list(parts)),
        )

    for piece in projection.read_parts(message.content) if message.role in ("user", "assistant") else ():
        match piece:
            case projection.Said(text):
                parts.append(types.Part(text=text))
            case projection.Reasoning(text):
                parts.append(types.Part(text=text, thought=True))
            case projection.File(where, media_type, filename):
                parts.append(_file(where, media_type, filename))
            case projection.Call(id, name, args):
                parts.append(types.Part(function_call=types.FunctionCall(id=id, name=name, args=_object(args))))
                if piece.is_done:
                    answer = {"error": piece.problem} if piece.problem is not None else _object(piece.result)
                    response = types.FunctionResponse(id=id, name=name, response=answer)
                    yield event("model", parts)
                    yield event("user", [types.Part(function_response=response)])
                    parts.clear()
    if parts:
        yield event(role, parts)


def _file(where: str, media_type: str, filename: str | None) -> types.Part:
    if where.startswith("data:"):
        encoded = where.partition(",")[2]
        try:
            data = base64.b64decode(encoded, validate=True)
        except ValueError:
            data = encoded.encode()
        return types.Part(inline_data=types.Blob(data=data, mime_type=media_type, display_name=filename))
    return types.Part(file_data=types.FileData(file_uri=where, mime_type=media_type, display_name=filename))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"result": value}
