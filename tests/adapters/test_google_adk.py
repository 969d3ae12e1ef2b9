"""The session and memory services of ADK hold its contract, on every backend (docs/adapters/google-adk.md)."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import Session
from google.genai import types

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.google_adk import StoreSessionService
from tests.adapters.adk import APP, USER, found, made, said, texts
from tests.backends import Backend


@pytest.fixture
def service(store: ConvexStore) -> StoreSessionService:
    return StoreSessionService(store)


async def test_a_session_is_one_of_a_user_in_an_app(service: StoreSessionService) -> None:
    first = await made(service, " s1 ", state={"city": "Rome"})
    assert (first.id, first.app_name, first.user_id, first.state) == ("s1", APP, USER, {"city": "Rome"})
    with pytest.raises(AlreadyExistsError):
        await made(service, "s1")
    for app, user in [("weather/user-1", "s1"), ("weather", "user-2"), ("weather%2Fuser-1", "")]:
        await service.create_session(app_name=app, user_id=user, session_id="s1")
    assert (await found(service)) == first
    assert await found(service, "s2") is None
    new = await service.create_session(app_name=APP, user_id=USER, session_id="  ")
    assert new.id.strip()
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    assert await found(service) is None
    assert await service.get_session(app_name="weather", user_id="user-2", session_id="s1") is not None


async def test_state_has_the_scope_of_its_prefix(service: StoreSessionService) -> None:
    session = await made(service, state={"app:a": 1, "user:u": 2, "s": 3, "temp:t": 4})
    assert session.state == {"app:a": 1, "user:u": 2, "s": 3}
    delta = {"app:a": 1.0, "user:new": None, "s": {"x": [2**70]}, "": "", "$s": 1, "temp:t": 5}
    event = await service.append_event(session, said("a", state=delta))
    stored = {key: value for key, value in delta.items() if key != "temp:t"}
    assert event.actions.state_delta == stored
    assert session.state == {"user:u": 2, **delta}
    read = await found(service)
    assert read is not None
    assert repr(read.state["app:a"]) == "1.0"  # neither a whole number, nor one that JavaScript would round
    assert read.state == {"user:u": 2, **stored}
    assert read.events[0].actions.state_delta == stored
    assert (await made(service, "s2")).state == {"app:a": 1.0, "user:u": 2, "user:new": None}
    other = await service.create_session(app_name=APP, user_id="user-2", state={"user:u": 7})
    assert other.state == {"app:a": 1.0, "user:u": 7}
    assert await service.get_user_state(app_name=APP, user_id=USER) == {"u": 2, "new": None}
    assert await service.get_user_state(app_name=APP, user_id="nobody") == {}


async def test_sessions_are_listed_with_their_state_the_last_changed_last(service: StoreSessionService) -> None:
    a, b = await made(service, "a", state={"n": 1}), await made(service, "b")
    await service.create_session(app_name=APP, user_id="user-10", session_id="c", state={"user:u": 2, "app:x": 3})
    await service.create_session(app_name="weather2", user_id=USER)
    await service.append_event(b, said("b", timestamp=2e9))
    await service.append_event(a, said("a", timestamp=3e9))
    mine = (await service.list_sessions(app_name=APP, user_id=USER)).sessions
    assert [session.id for session in mine] == ["b", "a"]
    assert mine[1].state == {"n": 1, "app:x": 3}
    assert (mine[1].events, mine[1].last_update_time) == ([], 3e9)
    every = (await service.list_sessions(app_name=APP)).sessions
    assert [session.id for session in every] == ["c", "b", "a"]
    assert every[0].state == {"user:u": 2, "app:x": 3}
    assert (await service.list_sessions(app_name="none")).sessions == []


async def test_events_are_read_from_the_newest_or_from_a_time(service: StoreSessionService) -> None:
    session = await made(service)
    for n in range(5):
        await service.append_event(session, said(str(n), timestamp=100.25 + n))
    assert await found(service) == session
    assert texts(session) == ["0", "1", "2", "3", "4"]
    assert texts(await found(service, num_recent_events=2)) == ["3", "4"]
    assert texts(await found(service, num_recent_events=0)) == []
    assert texts(await found(service, after_timestamp=102.25)) == ["2", "3", "4"]
    assert texts(await found(service, after_timestamp=102.2500001)) == ["3", "4"]
    assert texts(await found(service, after_timestamp=101, num_recent_events=2)) == ["3", "4"]
    assert texts(await found(service, after_timestamp=9e9)) == []


async def test_a_partial_event_is_not_stored_and_an_event_only_once(service: StoreSessionService) -> None:
    session = await made(service)
    await service.append_event(session, said("part", partial=True, state={"x": 1}))
    assert (session.events, session.state) == ([], {})
    behind = session.model_copy(deep=True)
    event = said("a")
    await service.append_event(session, event)
    await service.append_event(behind, event)  # as one does who has not got the answer
    await service.append_event(behind, said("b"))
    assert texts(behind) == texts(await found(service)) == ["a", "b"]
    with pytest.raises(StaleSessionError):
        await service.append_event(session, said("c"))


async def test_a_writer_of_an_old_state_is_told_and_nothing_is_stored(service: StoreSessionService) -> None:
    await made(service)
    first, second = await found(service), await found(service)
    assert first is not None
    assert second is not None
    await service.append_event(first, said("first", timestamp=50.0))
    with pytest.raises(StaleSessionError, match="Get it again"):
        await service.append_event(second, said("second", timestamp=50.0, state={"user:x": 1, "y": 2, "temp:z": 3}))
    assert (second.events, second.state) == ([], {})
    assert await found(service) == first
    by_hand = Session(id="s1", app_name=APP, user_id=USER, events=list(first.events))
    await service.append_event(by_hand, said("by hand"))
    with pytest.raises(StaleSessionError):
        await service.append_event(Session(id="s1", app_name=APP, user_id=USER), said("empty"))
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    for gone in (by_hand, Session(id="s1", app_name=APP, user_id=USER)):
        with pytest.raises(SessionNotFoundError):
            await service.append_event(gone, said("gone"))
    await made(service)
    with pytest.raises(StaleSessionError):
        await service.append_event(by_hand, said("another session"))


async def test_200_events_of_one_moment_are_no_stale_ones(service: StoreSessionService) -> None:
    session = await made(service)
    for n in range(200):
        await service.append_event(session, said(str(n), timestamp=1_700_000_000.123456))
    assert texts(await found(service)) == [str(n) for n in range(200)]


async def test_of_20_writers_each_stale_one_is_told(backend: Backend, service: StoreSessionService) -> None:
    await made(service)
    services = [StoreSessionService(backend.store()) for _ in range(4)]
    told = 0

    async def write(n: int) -> None:
        nonlocal told
        mine = services[n % len(services)]
        while True:
            session = await found(mine, num_recent_events=0)
            assert session is not None
            try:
                await mine.append_event(session, said(str(n), state={"last": n, f"user:{n}": n}))
            except StaleSessionError:
                told += 1
            else:
                return

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(write, n)
    session = await found(service)
    assert session is not None
    assert sorted(map(int, texts(session))) == list(range(20))
    assert session.state["last"] == int(texts(session)[-1])
    assert await service.get_user_state(app_name=APP, user_id=USER) == {str(n): n for n in range(20)}
    assert told > 0


async def test_branches_of_one_run_share_a_session(service: StoreSessionService) -> None:
    session = await made(service)
    await asyncio.gather(*(service.append_event(session, said(str(n))) for n in range(20)))
    assert texts(session) == texts(await found(service)) == [str(n) for n in range(20)]


async def test_a_cancelled_append_is_stored_or_not_and_the_session_says_which(service: StoreSessionService) -> None:
    session = await made(service)
    for turns in range(6):
        task = asyncio.ensure_future(service.append_event(session, said(str(turns))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert texts(await found(service)) == texts(session)
    await service.append_event(session, said("last"))
    assert texts(await found(service))[-1] == "last"


async def test_what_is_no_event_of_json_is_refused(service: StoreSessionService) -> None:
    session = await made(service)
    response = types.FunctionResponse(name="f", response={"x": object()})
    event = Event(author="agent", content=types.Content(parts=[types.Part(function_response=response)]))
    with pytest.raises(ValidationError, match="event must be JSON"):
        await service.append_event(session, event)
    with pytest.raises(ValidationError, match="timestamp must be seconds"):
        await service.append_event(session, said("x", timestamp=1e15))
    assert texts(await found(service)) == texts(session) == []
