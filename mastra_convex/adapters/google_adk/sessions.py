"""Keeps sessions of ADK in threads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import BaseSessionService, Session, State
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse
from pydantic_core import to_jsonable_python

from mastra_convex.adapters.google_adk import names
from mastra_convex.adapters.google_adk.events import KEY, event_as_json, events_of, item_of_event
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.adapters.projection import item_of, item_text
from mastra_convex.domain import Edit, WriteOp, each, in_turn, new_id, to_json
from mastra_convex.errors import ConflictError, ValidationError

_IN_SESSION: Final = "state"
_OF_USER: Final = "userState"
_OF_APP: Final = "appState"
_PREFIXES: Final = {_OF_USER: State.USER_PREFIX, _OF_APP: State.APP_PREFIX}
"""Members of `metadata.adk` with state that sessions share, and the prefixes of its keys in a session."""

_FORM: Final = 1
"""The version of the form of `metadata.adk`."""


class _Kept(Protocol):
    """Describes what is read of a thread or a resource."""

    @property
    def metadata(self) -> Mapping[str, Any]: ...


class StoreSessionService(OverStore, BaseSessionService):
    """Is a session service of ADK over a store: each session is a thread, each event a message of it.

    State is kept in the metadata: that of a session in its thread, that of a user (`user:`) and of an app (`app:`) in a
    resource each. State with `temp:` is not stored. An append to a session that others have changed since it was read
    raises `StaleSessionError`, and nothing is written.

    Args:
        store: a store, the path of a SQLite file to open, or None for the deployment that the environment names.
        shows_parts: False keeps the events alone: user interfaces and prompts of Mastra show nothing of them.

    Example:
        service = StoreSessionService(store)
        session = await service.create_session(app_name="weather", user_id="user-1", state={"user:city": "Rome"})
        await service.append_event(session, Event(author="user", content=types.UserContent("Hello")))
        found = await service.get_session(app_name="weather", user_id="user-1", session_id=session.id)
        assert found.state == {"user:city": "Rome"} and len(found.events) == 1
    """

    def __init__(self, store: StoreSource = None, *, shows_parts: bool = True) -> None:
        super().__init__(store)
        self._items = self.store.memory.items(KEY)
        self._shows_parts = shows_parts

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Makes a session, in one round trip.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            state: state to begin with. What has no JSON form is kept as the text that describes it.
            session_id: id of the session, without blanks around it; a new UUID by default.

        Returns:
            The session, with the state that the user and the app have too.

        Raises:
            AlreadyExistsError: the user has a session with this id in this app.
            ValidationError: a name is blank or no text.
        """
        session_id = (session_id or "").strip() or new_id()
        id = names.thread_id(app_name, user_id, session_id)
        created = time.time()
        about = {"v": _FORM, "appName": app_name, "userId": user_id, "sessionId": session_id}
        thread = {"id": id, "resource_id": names.user_id(app_name, user_id), "metadata": {KEY: about}}
        token = _token(0, new_id())
        given: dict[str, Any] = to_jsonable_python(state or {}, serialize_unknown=True)
        owners = _owners(app_name, user_id)
        try:
            resources = await self._items.append(
                thread,
                [],
                expects=[self._items.is_new(id)],
                also=self._changes(id, owners, given, token, created),
                resources=list(owners.values()),
            )
        except ConflictError as error:
            raise AlreadyExistsError(f"Session with id {session_id} already exists.") from error
        own = {key: value for key, value in given.items() if _scope(key) == _IN_SESSION}
        session = Session(id=session_id, app_name=app_name, user_id=user_id, state=own, last_update_time=created)
        return _completed(session, token, dict(zip(owners, resources, strict=True)))

    async def get_session(
        self, *, app_name: str, user_id: str, session_id: str, config: GetSessionConfig | None = None
    ) -> Session | None:
        """Returns a session with its events, in one round trip; None when there is none.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            session_id: id of the session.
            config: `num_recent_events` and `after_timestamp` (seconds) limit the events; what they leave out is not
                read.

        Returns:
            The session. Its events are in the order in which they were appended.
        """
        config = config or GetSessionConfig()
        after = config.after_timestamp
        owners = _owners(app_name, user_id)
        loaded = await self._items.load(
            names.thread_id(app_name, user_id, session_id.strip()),
            limit=config.num_recent_events,
            since=None if after is None else _time(after),
            resources=list(owners.values()),
        )
        if loaded.thread is None:
            return None
        session = _session(loaded.thread, dict(zip(owners, loaded.resources, strict=True)))
        if session is not None:
            found = [event for events in await each(events_of, loaded.items) for event in events]
            session.events = found if after is None else [event for event in found if event.timestamp >= after]
        return session

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """Lists the sessions of a user, or of all users of an app, in one round trip.

        Args:
            app_name: name of the app.
            user_id: id of the user; None for all.

        Returns:
            The sessions with their state and without events. The one that was changed last is the last.
        """
        app = names.app_id(app_name)
        if user_id is None:
            loaded = await self._items.load_threads(app, has_children=True, resources=[app])
        else:
            loaded = await self._items.load_threads(names.user_id(app_name, user_id), resources=[app])

        def session(thread: Any) -> Session | None:
            owned: dict[str, _Kept | None] = {
                _OF_APP: loaded.resources.get(app),
                _OF_USER: loaded.resources.get(thread.resource_id),
            }
            return _session(thread, owned)

        found = [session for session in await each(session, loaded.threads) if session is not None]
        found.sort(key=lambda session: (session.last_update_time, session.user_id, session.id))
        return ListSessionsResponse(sessions=found)

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Deletes a session with its events; an unknown one is no error. State of the user and of the app stays."""
        await self._items.delete_thread(names.thread_id(app_name, user_id, session_id.strip()))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Returns the state of a user in an app, with keys that have no prefix; empty when there is none."""
        resource = await self.store.memory.get_resource_by_id(names.user_id(app_name, user_id))
        return _state(resource, _OF_USER)

    async def append_event(self, session: Session, event: Event) -> Event:
        """Appends an event to a session and applies its state, in one atomic round trip; then `session` follows.

        Appends to one session in this event loop wait for each other. One that was already stored, as when its answer
        was lost, is not stored again. A partial event is returned, and not stored.

        Args:
            session: session as it was read or made, or as the last append left it.
            event: event to append.

        Returns:
            The event, without its `temp:` state.

        Raises:
            StaleSessionError: others have changed the session meanwhile: get it again. Nothing was written.
            SessionNotFoundError: the session does not exist.
            ValidationError: the event is no JSON value, or its timestamp is no time.
            TooLargeError: the event, or the state, is too large to be stored.
        """
        if event.partial:
            return event
        id = names.thread_id(session.app_name, session.user_id, session.id)

        async def append() -> Event:
            await self._append(id, session, event)
            return await super(StoreSessionService, self).append_event(session, event)

        return await in_turn(("adk", id), append)

    async def _append(self, id: str, session: Session, event: Event) -> None:
        before = session._storage_update_marker  # pyright: ignore[reportPrivateUsage]  # it is there for this
        if before is None:
            before = await self._current_token(id, session)
        stored = event_as_json(event)
        delta = stored["actions"].get("stateDelta", {})
        stored["actions"]["stateDelta"] = delta = {key: value for key, value in delta.items() if _scope(key)}
        time = max(_milliseconds(event.timestamp), _milliseconds_of(before) + 1)
        token = _token(time, event.id)
        item_id = f"{id}/{event.id}"
        item = item_of_event(stored, id=item_id, created_at=_time(time / 1000), shows_parts=self._shows_parts)
        owners = _owners(session.app_name, session.user_id)
        try:
            await self._items.append(
                {"id": id, "resource_id": owners[_OF_USER]},
                [item],
                expects=[self._items.has(id, ["metadata", KEY, "revision"], before), self._items.is_missing(item_id)],
                also=self._changes(id, owners, delta, token, event.timestamp),
            )
        except ConflictError as error:
            token = await self._token_if_stored(id, session, item_id, error)
        session._storage_update_marker = token  # pyright: ignore[reportPrivateUsage]
        session.last_update_time = event.timestamp

    def _changes(
        self, id: str, owners: Mapping[str, str], state: Mapping[str, Any], token: str, updated: float
    ) -> list[WriteOp]:
        """Returns the writes of new state, by its scopes, and of what tells the revision of the session."""
        by_scope: dict[str, dict[str, str]] = {_IN_SESSION: {}}
        for key, value in state.items():
            if scope := _scope(key):
                by_scope.setdefault(scope, {})[key.removeprefix(_PREFIXES.get(scope, ""))] = item_text(value)
        about = {"revision": token, "lastUpdateTime": updated}
        revision = Edit(path=["metadata", KEY], reducer="merge", value=to_json(about))
        edits = {scope: _merge(scope, members) for scope, members in by_scope.items()}
        changes = self._items.change_thread(id, revision, edits.pop(_IN_SESSION))
        for scope, edit in edits.items():
            changes += self._items.change_resource(owners[scope], edit)
        return changes

    async def _current_token(self, id: str, session: Session) -> str:
        """Returns the revision of a session that was made by hand, which must end in the newest event of the stored."""
        loaded = await self._items.load(id, limit=1)
        if loaded.thread is None:
            raise SessionNotFoundError(f"Session {session.id} not found.")
        if [item.id for item in loaded.items] != [f"{id}/{event.id}" for event in session.events[-1:]]:
            raise _stale(session)
        return str(_about(loaded.thread).get("revision"))

    async def _token_if_stored(self, id: str, session: Session, item_id: str, error: ConflictError) -> str:
        """Returns the revision if the newest event is the one to append; else raises what is wrong."""
        loaded = await self._items.load(id, limit=1)
        if loaded.thread is None:
            raise SessionNotFoundError(f"Session {session.id} not found.") from error
        if [item.id for item in loaded.items] != [item_id]:
            raise _stale(session) from error
        return str(_about(loaded.thread).get("revision"))


def _owners(app_name: str, user_id: str) -> dict[str, str]:
    """Returns the ids of the resources that have state, by its scope."""
    return {_OF_APP: names.app_id(app_name), _OF_USER: names.user_id(app_name, user_id)}


def _scope(key: str) -> str | None:
    """Returns where the state of a key is kept; None for that which is not stored."""
    if key.startswith(State.TEMP_PREFIX):
        return None
    return next((scope for scope, prefix in _PREFIXES.items() if key.startswith(prefix)), _IN_SESSION)


def _merge(scope: str, members: Mapping[str, str]) -> Edit:
    return Edit(path=["metadata", KEY, scope], reducer="merge", value=to_json(members))


def _about(stored: _Kept | None) -> Mapping[str, Any]:
    found = None if stored is None else stored.metadata.get(KEY)
    return found if isinstance(found, dict) else {}


def _state(stored: _Kept | None, scope: str) -> dict[str, Any]:
    """Returns stored state. Each value is JSON text, so that it comes back exactly, whoever changes the others."""
    return {key: item_of(text) for key, text in _about(stored).get(scope, {}).items()}


def _session(thread: _Kept, owned: Mapping[str, _Kept | None]) -> Session | None:
    """Returns the session of a thread, without events; None where the thread is none of ADK's."""
    about = _about(thread)
    if "sessionId" not in about:
        return None
    session = Session(
        id=about["sessionId"],
        app_name=about["appName"],
        user_id=about["userId"],
        state=_state(thread, _IN_SESSION),
        last_update_time=about["lastUpdateTime"],
    )
    return _completed(session, about["revision"], owned)


def _completed(session: Session, token: str, owned: Mapping[str, _Kept | None]) -> Session:
    """Adds the state that sessions share, and the revision."""
    for scope, resource in owned.items():
        session.state.update({_PREFIXES[scope] + key: value for key, value in _state(resource, scope).items()})
    session._storage_update_marker = token  # pyright: ignore[reportPrivateUsage]
    return session


def _stale(session: Session) -> StaleSessionError:
    return StaleSessionError(
        f"The session {session.id} has been changed in the store since it was read. "
        "Get it again before you append more events."
    )


def _token(milliseconds: int, id: str) -> str:
    """Returns a revision: the time of the newest message, which the next must come after, and the id of its event."""
    return f"{milliseconds}:{id}"


def _milliseconds_of(token: str) -> int:
    head = token.partition(":")[0]
    return int(head) if head.isdecimal() else 0


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000 // 1)


def _time(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValidationError(f"timestamp must be seconds since 1970: {seconds}", operation="APPEND_EVENT") from error
