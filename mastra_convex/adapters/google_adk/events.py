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
from mastra_convex.adapters.google_adk_parts import DATA, parts_of
from mastra_convex.adapters.projection import NewItem
from mastra_convex.adapters.projection.stored import Stored
from mastra_convex.errors import ValidationError

KEY: Final = DATA
"""The member of `content.metadata` with the event, and of the metadata of threads and resources with the state."""


def event_as_json(event: Event) -> dict[str, Any]:
    """Returns an event as it is stored, a JSON object. ValidationError if something in it is no JSON value."""
    try:
        return event.model_dump(mode="json", by_alias=True, exclude_none=True)
    except PydanticSerializationError as error:
        raise ValidationError(f"event must be JSON: {error}", operation="APPEND_EVENT") from error


def item_of_event(event: dict[str, Any], *, id: str, created_at: datetime, shows_parts: bool) -> NewItem:
    """Makes the item of an event that `event_as_json` returned."""
    role, parts = parts_of(event)
    return projection.new_item(
        event,
        role,
        parts,
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
