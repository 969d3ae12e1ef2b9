"""Stores the transcripts of agents' sessions: logs of JSON entries that only grow (docs/contract.md, "Agent sessions").

The adapter of the Claude Agent SDK keeps its sessions here.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

from mastra_convex.domain import (
    MAX_CONFLICTS,
    Change,
    Delete,
    DeleteRange,
    DomainStore,
    Edit,
    Get,
    Guard,
    Id,
    IndexRange,
    KeyGuard,
    Patch,
    Put,
    Record,
    RetentionTable,
    Row,
    Scan,
    Table,
    UnchangedGuard,
    UtcDatetime,
    decode_row,
    each,
    encode_row,
    in_parts,
    items,
    kept_changing,
    now,
    register,
    string,
    text,
    text_column,
    to_json,
)
from mastra_convex.errors import damaged_row

from .entries import Entry, parsed, to_text
from .tables import ENTRIES, SESSIONS

__all__ = ["ENTRIES", "SESSIONS", "AgentSession", "AgentSessionsStore", "Summarize"]

Summarize = Callable[[Any, list[Mapping[str, Any]]], Any]
"""Returns the next summary of a session, any JSON value, from the last one, or None, and the entries that are new."""

_MAIN: Final = ""
"""The subpath of the main transcript."""

_SHOWN: Final = ("projectKey", "sessionId", "summary", "updatedAt")
"""The columns of a session that its record has."""

_REMEMBERED: Final = 256
"""Sessions of which a store remembers the state, so that an append takes one call."""


class AgentSession(Record):
    """Represents a session of an agent whose main transcript has entries.

    Example:
        await store.agent_sessions.append_entries("app", session_id="s1", entries=[{"type": "user"}])
        [session] = await store.agent_sessions.list_sessions("app")
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


@dataclass(frozen=True)
class _State:
    """The state of a session, None where there is no such row, and the fingerprint of that row."""

    row: Row | None
    fingerprint: str | None

    def guard(self, session: str) -> Guard:
        if self.fingerprint is None:
            return KeyGuard(guard="missing", table=SESSIONS.name, key=[session])
        return UnchangedGuard(table=SESSIONS.name, key=[session], fingerprint=self.fingerprint)


@register
class AgentSessionsStore(DomainStore):
    """Stores sessions of agents. A session has a main transcript and others at subpaths, such as those of subagents.

    Example:
        sessions = store.agent_sessions
        entries = [{"type": "user", "uuid": "1"}, {"type": "assistant", "uuid": "2"}]
        assert await sessions.append_entries("app", session_id="s1", entries=entries) == 2
        assert await sessions.append_entries("app", session_id="s1", entries=entries) == 0  # a repeat
        assert await sessions.list_entries("app", session_id="s1") == entries
    """

    name: ClassVar[str] = "agent_sessions"
    tables: ClassVar[tuple[Table, ...]] = (SESSIONS, ENTRIES)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"agentSessions": RetentionTable(SESSIONS, "updatedAt")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._states: OrderedDict[str, _State] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    async def append_entries(
        self,
        project_key: str,
        *,
        session_id: str,
        entries: Sequence[Mapping[str, Any]],
        subpath: str = _MAIN,
        summarize: Summarize | None = None,
    ) -> int:
        """Appends entries to a transcript, all of them or none, and next to each other.

        An entry with a `uuid` that the transcript has is left out; one without a `uuid` is always appended. Within a
        process, appends to a session are stored in the order of the calls; between processes, in that of the commits.
        Entries beyond the limits of a commit (docs/protocol.md) are stored by several ones, in order.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project; the first entry begins it.
            entries: JSON objects, which come back equal.
            subpath: path of the transcript within the session; "" for the main one.
            summarize: makes the summary of the session of the last one and the entries that are new. It is called
                again when others append meanwhile. None leaves the summary as it is.

        Returns:
            The number of entries that are new.

        Raises:
            ValidationError: an argument is wrong; nothing was stored.
            ConflictError: others appended at each of very many attempts.
        """
        operation = "APPEND_ENTRIES"
        session = _id(project_key, session_id, operation)
        string(subpath, "subpath", operation=operation)
        given = enumerate(items(entries, "entries", operation=operation))
        checked = await each(lambda one: parsed(one[1], f"entries[{one[0]}]", operation=operation), given)
        append = _Append(project_key, session_id, subpath, summarize, operation)
        count = 0

        async def part(entries: Sequence[Entry]) -> None:
            nonlocal count
            count += await self._appended(session, append, entries)

        if checked:
            turn = self._turns.setdefault((id(asyncio.get_running_loop()), session), asyncio.Lock())
            async with turn:
                await in_parts(checked, part)
        return count

    async def list_entries(self, project_key: str, *, session_id: str, subpath: str = _MAIN) -> list[dict[str, Any]]:
        """Lists the entries of a transcript in their order.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.
            subpath: path of the transcript within the session; "" for the main one.

        Returns:
            The entries; none for an unknown transcript.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_ENTRIES"
        session = _id(project_key, session_id, operation)
        prefix = [session, string(subpath, "subpath", operation=operation)]
        found = await self._records.read(Scan(table=ENTRIES.name, index="by_position", prefixes=[prefix]))
        return await each(_entry, found.rows)

    async def list_sessions(self, project_key: str) -> list[AgentSession]:
        """Lists the sessions of a project whose main transcript has entries, the last updated first."""
        project = text(project_key, "project_key", operation="LIST_SESSIONS")
        found = await self._records.read(Scan(table=SESSIONS.name, index="by_project", prefixes=[[project]]))
        sessions = [session for session in await each(_session, found.rows) if session is not None]
        return sorted(sessions, key=lambda session: session.updated_at, reverse=True)

    async def list_subpaths(self, project_key: str, *, session_id: str) -> list[str]:
        """Lists the paths of the transcripts of a session that have entries, without the main one.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.

        Returns:
            The paths in the order of their first entries; none for an unknown session.

        Raises:
            ValidationError: an argument is wrong.
        """
        session = _id(project_key, session_id, "LIST_SUBPATHS")
        [row] = (await self._records.read(Get(table=SESSIONS.name, keys=[[session]]))).rows
        if row is None:
            return []
        return [subpath for subpath, has_entries in _decoded(row)["transcripts"].items() if subpath and has_entries]

    async def delete_session(self, project_key: str, *, session_id: str) -> None:
        """Deletes a session with all its transcripts; an unknown one is no error.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.

        Raises:
            ValidationError: an argument is wrong.
        """
        session = _id(project_key, session_id, "DELETE_SESSION")
        every = DeleteRange(range=IndexRange(table=ENTRIES.name, index="by_position", prefix=[session]))
        await self._records.commit([every, Delete(table=SESSIONS.name, keys=[[session]])], mode="resumable")

    async def delete_subpath(self, project_key: str, *, session_id: str, subpath: str) -> None:
        """Deletes one transcript of a session, not the main one; an unknown one is no error.

        Args:
            project_key: name of the project.
            session_id: id of the session within the project.
            subpath: path of the transcript within the session.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "DELETE_SUBPATH"
        session = _id(project_key, session_id, operation)
        prefix = [session, text(subpath, "subpath", operation=operation)]
        edit = Edit(path=["transcripts"], reducer="merge", value=to_json({subpath: False}))
        every = DeleteRange(range=IndexRange(table=ENTRIES.name, index="by_position", prefix=prefix))
        patch = Patch(table=SESSIONS.name, keys=[[session]], change=Change(edits=[edit]))
        await self._records.commit([every, patch], mode="resumable")

    async def _appended(self, session: str, append: _Append, entries: Sequence[Entry]) -> int:
        """Stores entries in one commit, and returns how many were new."""
        distinct = list({entry.id: entry for entry in reversed(entries)}.values())[::-1]  # the first of equal ones
        keys = {entry.id: [session, append.subpath, entry.id] for entry in distinct if entry.has_uuid}
        for _ in range(MAX_CONFLICTS):
            state = self._states.pop(session, None)
            fresh, guards = distinct, []
            if state is None:
                state, stored = await self._read(session, list(keys.values()))
                fresh = [entry for entry in distinct if entry.id not in stored]
            else:
                guards = [KeyGuard(guard="missing", table=ENTRIES.name, key=key) for key in keys.values()]
            if not fresh:
                return 0
            row = append.row(session, state.row, fresh)
            rows = await each(lambda place: append.entry_row(session, *place), enumerate(fresh, _count(state.row)))
            result = await self._records.commit(
                [Put(table=ENTRIES.name, rows=rows), Put(table=SESSIONS.name, rows=[row])],
                guards=[state.guard(session), *guards],
                returning=[Get(table=SESSIONS.name, keys=[[session]], paths=[["id"]], fingerprints=True)],
            )
            if result.status == "done":
                self._remember(session, _State(row, (result.returned[0].fingerprints or [None])[0]))
                return len(fresh)
        raise kept_changing(f"the session {append.session_id!r}", append.operation)

    async def _read(self, session: str, keys: list[list[str]]) -> tuple[_State, set[str]]:
        """Returns the state of a session, and the ids of those entries that are stored."""
        found, entries = await self._records.read(
            Get(table=SESSIONS.name, keys=[[session]], fingerprints=True),
            Get(table=ENTRIES.name, keys=keys, paths=[["entryId"]]),
        )
        stored = {key[-1] for key, values in zip(keys, entries.values or (), strict=True) if values is not None}
        return _State(found.rows[0], (found.fingerprints or [None])[0]), stored

    def _remember(self, session: str, state: _State) -> None:
        if state.fingerprint is not None:  # else it was deleted, in another process, since
            self._states[session] = state
            while len(self._states) > _REMEMBERED:
                self._states.popitem(last=False)


@dataclass(frozen=True)
class _Append:
    """What an append is given, and the rows that it makes."""

    project_key: str
    session_id: str
    subpath: str
    summarize: Summarize | None
    operation: str

    def row(self, session: str, before: Row | None, fresh: Sequence[Entry]) -> Row:
        """Returns the row of the session after the append."""
        old = {} if before is None else _decoded(before)
        summary = text_column(SESSIONS, old, "summary") if old.get("summary") is not None else None
        if self.summarize is not None:
            made = self.summarize(None if summary is None else json.loads(summary), [entry.value for entry in fresh])
            summary = to_text(made, "the summary", operation=self.operation)
        columns = {
            "id": session,
            "projectKey": self.project_key,
            "sessionId": self.session_id,
            "entryCount": _count(before) + len(fresh),
            "transcripts": {**old.get("transcripts", {}), self.subpath: True},
            "summary": summary,
            "updatedAt": _later(old.get("updatedAt")),
        }
        return encode_row(SESSIONS, columns)

    def entry_row(self, session: str, position: int, entry: Entry) -> Row:
        """Returns the row of an entry."""
        columns = {
            "session": session,
            "subpath": self.subpath,
            "entryId": entry.id,
            "position": position,
            "entry": entry.text,
        }
        return encode_row(ENTRIES, columns)


def _id(project_key: object, session_id: object, operation: str) -> str:
    project = text(project_key, "project_key", operation=operation)
    return to_json([project, text(session_id, "session_id", operation=operation)])


def _count(row: Row | None) -> int:
    return 0 if row is None else int(row["entryCount"])


def _later(before: str | None) -> datetime:
    """Returns now, or a millisecond after `before` where the clock is not beyond that."""
    return now() if before is None else max(now(), datetime.fromisoformat(before) + timedelta(milliseconds=1))


def _entry(row: Row) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(text_column(ENTRIES, row, "entry"))
    except ValueError as error:
        raise damaged_row(ENTRIES.name, ENTRIES.key_of(row), "its entry is no JSON") from error
    return entry


def _decoded(row: Row) -> dict[str, Any]:
    values = decode_row(SESSIONS, dict(row))
    if not isinstance(values.get("transcripts"), dict):
        raise damaged_row(SESSIONS.name, SESSIONS.key_of(row), "transcripts is no object")
    return values


def _session(row: Row) -> AgentSession | None:
    """Returns the session of a row; None for one whose main transcript has no entries."""
    values = _decoded(row)
    if not values["transcripts"].get(_MAIN):
        return None
    if values.get("summary") is not None:
        values["summary"] = json.loads(values["summary"])
    return AgentSession.stored({name: values[name] for name in _SHOWN if name in values}, SESSIONS)
