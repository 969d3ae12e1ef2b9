"""The session store of the Claude Agent SDK: its conformance suite, and what that leaves open."""

from __future__ import annotations

import pytest
from claude_agent_sdk.testing import run_session_store_conformance

from mastra_convex import ConvexStore
from mastra_convex.adapters.claude_agent import StoreSessions

CONTRACTS = 14


async def test_the_conformance_suite_passes(store: ConvexStore) -> None:
    made = 0

    async def make_store() -> StoreSessions:
        nonlocal made
        made += 1
        await store.agent_sessions.dangerously_clear_all()
        return StoreSessions(store)

    await run_session_store_conformance(make_store)
    assert made == 1 + CONTRACTS
