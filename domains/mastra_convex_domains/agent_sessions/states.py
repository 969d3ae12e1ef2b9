"""Makes and reads rows of sessions, and remembers the last ones (docs/contract.md, "Agent sessions"). Internal."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mastra_convex.domain import (
    GetResult,
    Guard,
    KeyGuard,
    Row,
    UnchangedGuard,
    decode_row,
    encode_row,
    now,
    text,
    to_json,
)
from mastra_convex.errors import damaged_row

from .models import AgentSession
from .tables import SESSIONS

MAIN: Final = ""
"""The subpath of the main transcript."""

_REMEMBERED: Final = 256
"""Sessions whose states a store remembers."""


def session_key(project_key: object, session_id: object, *, operation: str) -> str:
    """Returns the key of a session in the tables, the JSON text of its two names, which are checked."""
    project = text(project_key, "project_key", operation=operation)
    return to_json([project, text(session_id, "session_id", operation=operation)])


def session_of(row: Row) -> AgentSession:
    """Returns the record of a row."""
    columns = {name: row.get(name) for name in ("projectKey", "sessionId", "updatedAt")}
    return AgentSession.stored({**columns, "summary": _summary(row)}, SESSIONS)


def subpaths_of(row: Row) -> dict[str, bool]:
    """Returns of each subpath of a session whether it has entries."""
    subpaths = decode_row(SESSIONS, row).get("subpaths")
    if not isinstance(subpaths, dict):
        raise damaged_row(SESSIONS.name, SESSIONS.key_of(row), "subpaths is no object")
    return subpaths


@dataclass(frozen=True)
class SessionState:
    """Holds the row of a session, None where there is none, and the fingerprint of that row.

    An append is made of a state, and stored if that is still the state of the session.
    """

    session: str
    row: Row | None
    fingerprint: str | None

    @classmethod
    def of(cls, session: str, found: GetResult) -> SessionState:
        """Returns the state that a read of the session found."""
        return cls(session, found.rows[0], (found.fingerprints or [None])[0])

    @property
    def guard(self) -> Guard:
        """Returns the guard that holds while this is the state of the session."""
        if self.fingerprint is None:
            return KeyGuard(guard="missing", table=SESSIONS.name, key=[self.session])
        return UnchangedGuard(table=SESSIONS.name, key=[self.session], fingerprint=self.fingerprint)

    @property
    def entry_count(self) -> int:
        """Counts the entries that its transcripts have had."""
        return 0 if self.row is None else int(self.row["entryCount"])

    @property
    def summary(self) -> Any:
        """Returns the summary; None without one."""
        return None if self.row is None else _summary(self.row)

    def after(self, subpath: str, count: int, summary: str | None) -> Row:
        """Returns the row after an append of `count` entries. A `summary` is the text of the new one."""
        [project_key, session_id] = json.loads(self.session)
        row: Row = {"hasMain": False, "updatedAt": None} if self.row is None else self.row
        subpaths = {} if self.row is None else subpaths_of(self.row)
        columns = {
            "id": self.session,
            "projectKey": project_key,
            "sessionId": session_id,
            "entryCount": self.entry_count + count,
            "hasMain": row["hasMain"] or subpath == MAIN,
            "subpaths": subpaths if subpath == MAIN else {**subpaths, subpath: True},
            "summary": row.get("summary") if summary is None else summary,
            "updatedAt": _later(row["updatedAt"]),
        }
        return encode_row(SESSIONS, columns)


class SessionStates:
    """Remembers the states that appends left, of the last sessions, so that the next append need not read them."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, SessionState] = OrderedDict()

    def take(self, session: str) -> SessionState | None:
        """Returns the state of a session and forgets it; None when it is not known."""
        return self._states.pop(session, None)

    def remember(self, state: SessionState) -> None:
        """Keeps a state until it is taken or many others are newer."""
        self._states[state.session] = state
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)


def _summary(row: Row) -> Any:
    try:
        return None if row.get("summary") is None else json.loads(row["summary"])
    except (TypeError, ValueError) as error:
        raise damaged_row(SESSIONS.name, SESSIONS.key_of(row), "its summary is no JSON") from error


def _later(before: str | None) -> datetime:
    """Returns now, or a millisecond after `before` where the clock is not beyond that."""
    return now() if before is None else max(now(), datetime.fromisoformat(before) + timedelta(milliseconds=1))
