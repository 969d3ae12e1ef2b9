"""Stores transcripts of agents' sessions: logs of JSON entries that only grow (docs/contract.md, "Agent sessions")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex.domain import (
    Change,
    Delete,
    DeleteRange,
    Edit,
    Get,
    IndexRange,
    Patch,
    PerPage,
    RetentionTable,
    Scan,
    Table,
    each,
    page_request,
    register,
    string,
    text,
    to_json,
)

from .appends import AppendMethods, Summarize
from .entries import entry_of
from .models import AgentSession, AgentSessionPage
from .states import MAIN, session_key, session_of, subpaths_of
from .tables import ENTRIES, SESSIONS

__all__ = ["AgentSession", "AgentSessionPage", "AgentSessionsStore", "Summarize"]


@register
class AgentSessionsStore(AppendMethods):
    """Stores sessions of agents. A session has a main transcript and others at subpaths, such as those of subagents.

    Example:
        sessions = store.agent_sessions
        entries = [{"type": "user", "uuid": "1"}, {"type": "assistant", "uuid": "2"}]
        assert await sessions.append_entries("app", session_id="s1", entries=entries) == 2
        assert await sessions.append_entries("app", session_id="s1", entries=entries) == 0  # a repeat
        assert await sessions.get_entries("app", session_id="s1") == entries
    """

    name: ClassVar[str] = "agent_sessions"
    tables: ClassVar[tuple[Table, ...]] = (SESSIONS, ENTRIES)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"agentSessions": RetentionTable(SESSIONS, "updatedAt")}

    async def get_entries(self, project_key: str, *, session_id: str, subpath: str = MAIN) -> list[dict[str, Any]]:
        """Returns all entries of a transcript in their order.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.
            subpath: path of the transcript within the session; "" for the main one.

        Returns:
            The entries; none for an unknown transcript.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "GET_ENTRIES"
        prefix = [session_key(project_key, session_id, operation=operation)]
        prefix.append(string(subpath, "subpath", operation=operation))
        found = await self._records.read(Scan(table=ENTRIES.name, index="by_position", prefixes=[prefix]))
        return await each(entry_of, found.rows)

    async def get_subpaths(self, project_key: str, *, session_id: str) -> list[str]:
        """Returns the paths of the transcripts of a session that have entries, without the main one.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.

        Returns:
            The paths in alphabetical order; none for an unknown session.

        Raises:
            ValidationError: an argument is wrong.
        """
        session = session_key(project_key, session_id, operation="GET_SUBPATHS")
        [row] = (await self._records.read(Get(table=SESSIONS.name, keys=[[session]]))).rows
        return [] if row is None else sorted(path for path, has_entries in subpaths_of(row).items() if has_entries)

    async def list_sessions(
        self, project_key: str, *, page: int = 0, per_page: PerPage = False, include_total: bool = True
    ) -> AgentSessionPage:
        """Lists a page of the sessions of a project whose main transcript has entries, the last updated first.

        Args:
            project_key: name of the project.
            page: number of the page, from 0.
            per_page: sessions on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of sessions.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_SESSIONS"
        project = text(project_key, "project_key", operation=operation)
        wanted = page_request(page, per_page, operation=operation)
        scan = Scan(table=SESSIONS.name, index="by_project", prefixes=[[project, True]], order="desc")
        found = await self._records.read(wanted.scan(scan, include_total=include_total))
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return AgentSessionPage(sessions=await each(session_of, rows), **info)

    async def delete_session(self, project_key: str, *, session_id: str) -> None:
        """Deletes a session with all its transcripts; an unknown one is no error.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.

        Raises:
            ValidationError: an argument is wrong.
        """
        session = session_key(project_key, session_id, operation="DELETE_SESSION")
        entries = DeleteRange(range=IndexRange(table=ENTRIES.name, index="by_position", prefix=[session]))
        await self._records.commit([entries, Delete(table=SESSIONS.name, keys=[[session]])], mode="resumable")

    async def delete_subpath(self, project_key: str, *, session_id: str, subpath: str) -> None:
        """Deletes one transcript of a session, but not the main one; an unknown one is no error.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.
            subpath: path of the transcript within the session.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "DELETE_SUBPATH"
        session = session_key(project_key, session_id, operation=operation)
        prefix = [session, text(subpath, "subpath", operation=operation)]
        entries = DeleteRange(range=IndexRange(table=ENTRIES.name, index="by_position", prefix=prefix))
        has_none = Change(edits=[Edit(path=["subpaths"], reducer="merge", value=to_json({subpath: False}))])
        patch = Patch(table=SESSIONS.name, keys=[[session]], change=has_none)
        await self._records.commit([entries, patch], mode="resumable")
