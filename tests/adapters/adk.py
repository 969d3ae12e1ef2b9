"""Sessions of ADK as its tests make and find them."""

from __future__ import annotations

from typing import Any

from google.adk.events import Event, EventActions
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from mastra_convex.adapters.google_adk import StoreSessionService

APP, USER = "weather", "user-1"


def said(text: str, *, author: str = "user", state: dict[str, Any] | None = None, **options: Any) -> Event:
    content = types.Content(role="user" if author == "user" else "model", parts=[types.Part(text=text)])
    return Event(author=author, content=content, actions=EventActions(state_delta=state or {}), **options)


def texts(session: Session | None) -> list[str]:
    assert session is not None
    return [part.text or "" for event in session.events if event.content for part in event.content.parts or []]


async def made(service: StoreSessionService, session_id: str = "s1", **options: Any) -> Session:
    return await service.create_session(app_name=APP, user_id=USER, session_id=session_id, **options)


async def found(service: StoreSessionService, session_id: str = "s1", **config: Any) -> Session | None:
    wanted = GetSessionConfig(**config) if config else None
    return await service.get_session(app_name=APP, user_id=USER, session_id=session_id, config=wanted)
