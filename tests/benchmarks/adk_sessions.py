"""The operations on session services of ADK, the same for every side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from google.adk.events import Event
from google.adk.sessions import BaseSessionService
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from .groups import Call, Make

_LOREM = "lorem ipsum dolor sit amet " * 10


def event(n: int) -> Event:
    """Makes an event of some 300 bytes of text."""
    return Event(author="agent", content=types.ModelContent(f"{n} {_LOREM}"))


async def operations(service: BaseSessionService) -> Mapping[str, Make]:
    """Fills a session and gives the operations on it and on another."""
    big, one = [
        await service.create_session(app_name="app", user_id="user-1", session_id=name) for name in ("big", "one")
    ]
    for n in range(2_000):
        await service.append_event(big, event(n))
    get = partial(service.get_session, app_name="app", user_id="user-1", session_id="big")

    def append(n: int) -> Call:
        return partial(service.append_event, one, event(n))

    return {
        "adk_append": append,
        "adk_last_20": lambda _: partial(get, config=GetSessionConfig(num_recent_events=20)),
        "adk_all_2000": lambda _: get,
    }
