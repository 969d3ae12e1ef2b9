"""Generations of observations as the tests make them."""

from __future__ import annotations

from typing import Any

from mastra_convex_domains import MemoryStore, ObservationalMemory, ObservationChunk
from tests.data import at

SWAP: dict[str, Any] = {"activation_ratio": 1, "message_tokens_threshold": 1_000, "current_pending_tokens": 1_000}
"""Activates all that is buffered."""


async def begin(memory: MemoryStore, thread_id: str | None = "t1", **options: Any) -> ObservationalMemory:
    scope = "thread" if thread_id else "resource"
    given: dict[str, Any] = {"thread_id": thread_id, "resource_id": "u", "scope": scope, "config": {}}
    return await memory.initialize_observational_memory(**{**given, **options})


async def latest(memory: MemoryStore, thread_id: str | None = "t1") -> ObservationalMemory:
    found = await memory.get_observational_memory(thread_id, resource_id="u")
    assert found is not None
    return found


def chunk(n: int, *, tokens: float = 100, **changes: Any) -> ObservationChunk:
    given: dict[str, Any] = {
        "cycle_id": f"c{n}",
        "observations": f"seen {n}",
        "token_count": 10,
        "message_ids": [f"m{n}"],
        "message_tokens": tokens,
        "last_observed_at": at(n),
    }
    return ObservationChunk(**{**given, **changes})


async def cycles(memory: MemoryStore) -> list[str]:
    return [each.cycle_id for each in (await latest(memory)).buffered_observation_chunks or ()]
