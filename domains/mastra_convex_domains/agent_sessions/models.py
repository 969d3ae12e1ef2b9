"""Declares the records of the agent sessions domain."""

from __future__ import annotations

from typing import Any

from mastra_convex.domain import Id, Page, Record, UtcDatetime


class AgentSession(Record):
    """Represents a session of an agent whose main transcript has entries.

    Example:
        await store.agent_sessions.append_entries("app", session_id="s1", entries=[{"type": "user"}])
        [session] = (await store.agent_sessions.list_sessions("app")).sessions
        assert (session.session_id, session.summary) == ("s1", None)
    """

    project_key: Id
    """Names the project."""
    session_id: Id
    """Identifies the session within its project."""
    updated_at: UtcDatetime
    """Records when an entry was last appended to one of its transcripts; it only grows."""
    summary: Any = None
    """Holds what the last append made of all entries of the main transcript, or None."""


class AgentSessionPage(Page):
    """Holds a page of sessions.

    Example:
        page = await store.agent_sessions.list_sessions("app", per_page=10)
        assert (page.sessions, page.total) == ([], 0)
    """

    sessions: list[AgentSession]
    """The sessions on this page."""
