"""Appends entries to transcripts (docs/contract.md, "Agent sessions")."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from mastra_convex.domain import (
    MAX_CONFLICTS,
    DomainStore,
    Get,
    KeyGuard,
    Put,
    check_function,
    each,
    in_parts,
    items,
    kept_changing,
    string,
)

from .entries import Entry, json_text
from .states import MAIN, SessionState, SessionStates, session_key
from .tables import ENTRIES, SESSIONS

Summarize = Callable[[Any, list[Mapping[str, Any]]], Any]
"""Returns the next summary of a session, any JSON value, from the last one, or None, and the entries that are new."""


class AppendMethods(DomainStore):
    """Is the part of the domain that appends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._states = SessionStates()
        self._turns: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    async def append_entries(
        self,
        project_key: str,
        *,
        session_id: str,
        entries: Sequence[Mapping[str, Any]],
        subpath: str = MAIN,
        summarize: Summarize | None = None,
    ) -> int:
        """Appends entries to a transcript in one commit, so that they come next to each other.

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
        session = session_key(project_key, session_id, operation=operation)
        string(subpath, "subpath", operation=operation)
        if summarize is not None:
            check_function(summarize, "the last summary and the new entries", operation=operation)
        given = enumerate(items(entries, "entries", operation=operation))
        count = 0

        async def append(part: Sequence[Entry]) -> None:
            nonlocal count
            count += await self._append(session, subpath, part, summarize, operation)

        turn = self._turns.setdefault((id(asyncio.get_running_loop()), session), asyncio.Lock())
        async with turn:
            checked = await each(lambda one: Entry.of(one[1], f"entries[{one[0]}]", operation=operation), given)
            distinct: dict[str, Entry] = {}
            for entry in checked:
                distinct.setdefault(entry.id, entry)
            if distinct:
                await in_parts([*distinct.values()], append)
        return count

    async def _append(
        self, session: str, subpath: str, entries: Sequence[Entry], summarize: Summarize | None, operation: str
    ) -> int:
        """Appends entries in one commit, and returns how many were new."""
        keys = [[session, subpath, entry.id] for entry in entries if entry.has_uuid]
        are_new = [KeyGuard(guard="missing", table=ENTRIES.name, key=key) for key in keys]
        for _ in range(MAX_CONFLICTS):
            state, fresh, guards = self._states.take(session), entries, are_new
            if state is None:
                state, stored = await self._read(session, keys)
                fresh, guards = [entry for entry in entries if entry.id not in stored], []  # the session is guarded
                if not fresh:
                    return 0
            summary = None
            if summarize is not None:
                made = summarize(state.summary, [entry.value for entry in fresh])
                summary = json_text(made, "the summary", operation=operation)
            row = state.after(subpath, len(fresh), summary)
            placed = enumerate(fresh, state.entry_count)
            rows = await each(lambda place: place[1].row(session, subpath, position=place[0]), placed)
            result = await self._records.commit(
                [Put(table=ENTRIES.name, rows=rows), Put(table=SESSIONS.name, rows=[row])],
                guards=[state.guard, *guards],
                returning=[Get(table=SESSIONS.name, keys=[[session]], fingerprints=True)],
            )
            if result.status == "done":
                self._states.remember(SessionState.of(session, result.returned[0]))
                return len(fresh)
        raise kept_changing(f"the session {session}", operation)

    async def _read(self, session: str, keys: list[list[str]]) -> tuple[SessionState, set[str]]:
        """Returns the state of a session, and the ids of those entries that are stored."""
        found, entries = await self._records.read(
            Get(table=SESSIONS.name, keys=[[session]], fingerprints=True),
            Get(table=ENTRIES.name, keys=keys, paths=[["entryId"]]),
        )
        stored = {key[-1] for key, values in zip(keys, entries.values or (), strict=True) if values is not None}
        return SessionState.of(session, found), stored
