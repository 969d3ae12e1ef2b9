"""Observational memory of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import MemoryStore, ObservationChunk
from tests.data import at
from tests.interop.conftest import StockStore

CHUNK: dict[str, Any] = {
    "cycleId": "c1",
    "observations": "Likes чай",
    "tokenCount": 10,
    "messageIds": ["m1", "m2"],
    "messageTokens": 100,
    "lastObservedAt": to_iso(at(1)),
    "suggestedContinuation": "go on",
    "currentTask": "tea",
}
BEGIN: dict[str, Any] = {
    "threadId": "t1",
    "resourceId": "u",
    "scope": "thread",
    "config": {"$a": {"b": 1}},
    "observedTimezone": "UTC",
}
SWAP = {"activationRatio": 1, "messageTokensThreshold": 1_000, "currentPendingTokens": 1_000}


async def test_python_goes_on_with_what_typescript_began(memory: MemoryStore, stock: StockStore) -> None:
    made = await stock.call("memory", "initializeObservationalMemory", BEGIN)
    found = await memory.get_observational_memory("t1", resource_id="u")
    assert found is not None
    assert (found.id, found.scope, found.config, found.observed_timezone) == (
        made["id"],
        "thread",
        BEGIN["config"],
        "UTC",
    )
    await stock.call("memory", "updateBufferedObservations", {"id": found.id, "chunk": CHUNK})
    await memory.update_buffered_observations(found.id, chunk=ObservationChunk(**CHUNK))  # the same cycle
    await memory.update_buffered_observations(found.id, chunk={**CHUNK, "cycleId": "c2"})
    there = await stock.call("memory", "getObservationalMemory", "t1", "u")
    assert [chunk["cycleId"] for chunk in there["bufferedObservationChunks"]] == ["c1", "c2"]
    result = await stock.call("memory", "swapBufferedToActive", {"id": found.id, **SWAP})
    assert result["activatedCycleIds"] == ["c1", "c2"]
    active = await memory.get_observational_memory("t1")
    assert active is not None
    assert active.active_observations == "Likes чай\n\nLikes чай"
    assert (active.observation_token_count, active.last_observed_at) == (20, at(1))
    current = await stock.call("memory", "getObservationalMemory", "t1", "u")
    reflection = {"currentRecord": current, "reflection": "R", "tokenCount": 1}
    following = await stock.call("memory", "createReflectionGeneration", reflection)
    latest = await memory.get_observational_memory("t1")
    assert latest is not None
    assert (latest.id, latest.generation_count, latest.origin_type) == (following["id"], 1, "reflection")


async def test_typescript_reads_what_python_wrote(ours: ConvexStore, stock: StockStore) -> None:
    memory = ours.memory
    made = await memory.initialize_observational_memory(
        thread_id="t1", resource_id="u", scope="thread", config=BEGIN["config"], observed_timezone="UTC"
    )
    await memory.set_pending_message_tokens(made.id, token_count=300)
    await memory.set_buffering_observation_flag(made.id, value=True, last_buffered_at_tokens=7)
    await memory.update_buffered_observations(made.id, chunk=CHUNK, last_buffered_at_time=at(5))
    await memory.update_buffered_reflection(
        made.id, reflection="R", token_count=1, input_token_count=2, reflected_observation_line_count=3
    )
    found = await stock.call("memory", "getObservationalMemory", "t1", "u")
    shown = {key: value for key, value in found.items() if value is not None and not key.startswith("_")}
    [chunk] = shown.pop("bufferedObservationChunks")
    assert {key: chunk[key] for key in CHUNK} == CHUNK
    record = await memory.get_observational_memory("t1")
    assert record is not None
    expected = record.model_dump(by_alias=True, exclude_none=True, exclude={"buffered_observation_chunks"})
    times = ("createdAt", "updatedAt", "lastBufferedAtTime")
    assert {**shown} == {**expected, **{name: to_iso(expected[name]) for name in times}}
    await memory.swap_buffered_to_active(
        made.id, activation_ratio=1, message_tokens_threshold=1_000, current_pending_tokens=1_000
    )
    found = await stock.call("memory", "getObservationalMemory", "t1", "u")
    assert (found["activeObservations"], found["pendingMessageTokens"]) == ("Likes чай", 200)
    assert not found.get("bufferedObservationChunks")
    following = await stock.call("memory", "swapBufferedReflectionToActive", {"currentRecord": found, "tokenCount": 4})
    latest = await memory.get_observational_memory("t1")
    assert latest is not None
    assert (latest.id, latest.active_observations) == (following["id"], "R")
    await memory.clear_observational_memory("t1")
    assert await stock.call("memory", "getObservationalMemory", "t1", "u") is None
