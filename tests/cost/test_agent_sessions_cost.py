"""What transcripts cost beside 2,000 entries (docs/cost.md)."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import AgentSessionsStore
from tests.cost.conftest import Meter, page_bytes

TEXT = "lorem ipsum dolor sit amet " * 40


def entries(first: int, count: int) -> list[dict[str, Any]]:
    return [{"type": "user", "uuid": f"u{n:04}", "text": TEXT[:900]} for n in range(first, first + count)]


@pytest.fixture
async def sessions(store: ConvexStore) -> AgentSessionsStore:
    for n in range(20):
        await store.agent_sessions.append_entries("app", session_id=f"s{n:02}", entries=entries(0, 100))
    return store.agent_sessions


async def test_appending(store: ConvexStore, sessions: AgentSessionsStore, meter: Meter) -> None:
    await meter.start()
    await sessions.append_entries("app", session_id="s07", entries=entries(100, 20))
    cost = await meter.cost()
    assert (cost.calls, cost.documents_written) == (1, 22)  # 20 entries, the session, the receipt
    assert cost.documents_read <= 3
    assert cost.request_bytes <= 1.6 * page_bytes(entries(100, 20))
    await meter.start()
    await sessions.append_entries("app", session_id="s07", entries=entries(100, 20))
    assert (await meter.cost()).calls == 2  # a repeat: what is new is read first
    await meter.start()
    await sessions.append_entries("app", session_id="s07", entries=entries(120, 500))
    assert (await meter.cost()).calls == 2  # a store that does not know the session


async def test_reading(sessions: AgentSessionsStore, meter: Meter) -> None:
    await meter.start()
    found = await sessions.get_entries("app", session_id="s07")
    cost = await meter.cost()
    assert found == entries(0, 100)
    assert (cost.calls, cost.documents_read) == (1, 100)
    assert cost.response_bytes <= 1.4 * page_bytes(found)
    await meter.start()
    page = await sessions.list_sessions("app", per_page=10, include_total=False)
    cost = await meter.cost()
    assert [session.session_id for session in page.sessions] == [f"s{n:02}" for n in range(19, 9, -1)]
    assert (cost.calls, cost.documents_read) == (1, 11)


async def test_deleting(sessions: AgentSessionsStore, meter: Meter) -> None:
    await meter.start()
    await sessions.delete_session("app", session_id="s07")
    cost = await meter.cost()
    assert (cost.calls, cost.documents_written) == (1, 102)
    assert cost.documents_read <= 2 * 101
