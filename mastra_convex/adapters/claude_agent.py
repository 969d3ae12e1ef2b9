"""Keeps the sessions of the Claude Agent SDK in a store (docs/adapters/claude-agent.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from claude_agent_sdk import fold_session_summary

from mastra_convex.adapters.opening import OverStore

if TYPE_CHECKING:
    from claude_agent_sdk import (
        SessionKey,
        SessionListSubkeysKey,
        SessionStoreEntry,
        SessionStoreListEntry,
        SessionSummaryEntry,
    )


class StoreSessions(OverStore):
    """Is a `SessionStore` of the Claude Agent SDK over a store, for `ClaudeAgentOptions(session_store=...)`.

    Sessions are kept in the domain `agent_sessions`, and are no threads of Mastra.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        sessions = StoreSessions(store)
        key = {"project_key": "app", "session_id": "s1"}
        await sessions.append(key, [{"type": "user", "uuid": "1", "message": {"role": "user", "content": "Hi"}}])
        assert [entry["uuid"] for entry in await sessions.load(key)] == ["1"]
    """

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Appends entries to a transcript; those whose `uuid` it has are left out. No entries begin no session."""
        subpath = key.get("subpath") or ""

        def summarize(before: Any, fresh: list[Mapping[str, Any]]) -> Any:
            last: SessionSummaryEntry | None = None
            if before is not None:
                last = {"session_id": key["session_id"], "mtime": 0, "data": before}  # the time is that of the session
            return fold_session_summary(last, key, cast("list[SessionStoreEntry]", fresh))["data"]

        await self.store.agent_sessions.append_entries(
            key["project_key"],
            session_id=key["session_id"],
            entries=cast("list[Mapping[str, Any]]", entries),
            subpath=subpath,
            summarize=None if subpath else summarize,
        )

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """Returns the entries of a transcript in their order; None for one that was never written."""
        found = await self.store.agent_sessions.get_entries(
            key["project_key"], session_id=key["session_id"], subpath=key.get("subpath") or ""
        )
        return cast("list[SessionStoreEntry]", found) or None

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        """Lists the sessions of a project with the times of their last changes, in milliseconds; the newest first."""
        found = (await self.store.agent_sessions.list_sessions(project_key)).sessions
        return [{"session_id": session.session_id, "mtime": _milliseconds(session.updated_at)} for session in found]

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """Lists the summaries of the sessions of a project, with the same times as `list_sessions`."""
        return [
            {
                "session_id": session.session_id,
                "mtime": _milliseconds(session.updated_at),
                "data": session.summary,
            }
            for session in (await self.store.agent_sessions.list_sessions(project_key)).sessions
            if session.summary is not None
        ]

    async def delete(self, key: SessionKey) -> None:
        """Deletes a session with all its transcripts, or with a `subpath` that one; an unknown key is no error."""
        project, session, subpath = key["project_key"], key["session_id"], key.get("subpath")
        if subpath:
            await self.store.agent_sessions.delete_subpath(project, session_id=session, subpath=subpath)
        else:
            await self.store.agent_sessions.delete_session(project, session_id=session)

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Lists the subpaths of a session that have a transcript, such as those of its subagents."""
        return await self.store.agent_sessions.get_subpaths(key["project_key"], session_id=key["session_id"])


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
