"""Observational memory (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mastra_convex import ConflictError, ConvexStore, MastraConvexError, NotFoundError, ValidationError
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore, ObservationalMemory
from tests.data import at, thread
from tests.domains.observational_memory.generations import SWAP, begin, chunk, cycles, latest
from tests.reliability.large.between import Between


async def test_a_first_generation(memory: MemoryStore) -> None:
    made = await begin(memory, config={"$a": {"b": 1}}, observed_timezone="UTC")
    assert (made.generation_count, made.origin_type, made.active_observations) == (0, "initial", "")
    assert (made.last_observed_at, made.last_buffered_at_time, made.buffered_observation_chunks) == (None, None, None)
    assert (made.is_observing, made.is_reflecting, made.total_tokens_observed) == (False, False, 0)
    assert await latest(memory) == made
    assert await memory.get_observational_memory("t2", resource_id="u") is None
    assert await memory.get_observational_memory(None, resource_id="u") is None
    whole = await begin(memory, None)
    assert await latest(memory, None) == whole
    assert whole.thread_id is None


async def test_who_begins_again_works_on_what_is_there(memory: MemoryStore) -> None:
    made = await begin(memory)
    assert await begin(memory, config={"other": 1}) == made
    assert await memory.get_observational_memory_history("t1", resource_id="u") == [made]


async def test_an_inserted_record_comes_back_equal(memory: MemoryStore) -> None:
    full = ObservationalMemory(
        id="o1",
        scope="thread",
        thread_id="t1",
        resource_id="u",
        created_at=at(1),
        updated_at=at(2),
        last_observed_at=at(3),
        origin_type="reflection",
        generation_count=4,
        active_observations="Likes чай",
        buffered_observation_chunks=[
            chunk(1),
            chunk(
                2,
                suggested_continuation="go on",
                current_task="tea",
                thread_title="Tea",
                extracted_values={"$k": 1},
                extraction_failures=[{"slug": "s", "error": "e"}],
            ),
        ],
        buffered_reflection="r",
        buffered_reflection_tokens=1.5,
        buffered_reflection_input_tokens=2,
        reflected_observation_line_count=3,
        observed_message_ids=["m1"],
        observed_timezone="Europe/Tallinn",
        total_tokens_observed=7,
        observation_token_count=8,
        pending_message_tokens=9,
        is_reflecting=True,
        is_buffering_observation=True,
        last_buffered_at_tokens=10,
        last_buffered_at_time=at(4),
        config={"a": {"b": [1]}},
        metadata={"m": None},
    )
    assert await memory.insert_observational_memory_record(full) == full
    assert await latest(memory) == full
    older = await memory.insert_observational_memory_record(
        {"id": "o0", "scope": "thread", "threadId": "t1", "resourceId": "u", "generationCount": 2}
    )
    assert await latest(memory) == full
    assert await memory.get_observational_memory_history("t1") == [full, older]


async def test_history(memory: MemoryStore) -> None:
    made = []
    for n in range(14):
        given = {"scope": "thread", "thread_id": "t1", "resource_id": "u", "generation_count": n, "created_at": at(n)}
        made.append(await memory.insert_observational_memory_record(given))
    newest = made[::-1]
    assert await memory.get_observational_memory_history("t1") == newest[:10]
    assert await memory.get_observational_memory_history("t1", limit=None) == newest
    assert await memory.get_observational_memory_history("t1", limit=2, offset=3) == newest[3:5]
    assert await memory.get_observational_memory_history("t1", from_=at(3), to=at(5)) == made[5:2:-1]
    assert await memory.get_observational_memory_history("t1", from_=at(3), to=at(5), offset=1, limit=1) == [made[4]]
    assert await memory.get_observational_memory_history("t2") == []
    for wrong in ({"limit": -1}, {"offset": 1.5}, {"from_": "x"}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            await memory.get_observational_memory_history("t1", **wrong)
    with pytest.raises(ValidationError, match="thread_id or resource_id is required"):
        await memory.get_observational_memory_history(None)


async def test_active_observations_are_replaced_and_counted(memory: MemoryStore) -> None:
    made = await begin(memory)
    await memory.set_pending_message_tokens(made.id, token_count=500)
    await memory.update_active_observations(
        made.id, observations="first", token_count=30, last_observed_at=at(1), observed_message_ids=["m1", "m2"]
    )
    await memory.update_active_observations(made.id, observations="second", token_count=12.5, last_observed_at=at(2))
    found = await latest(memory)
    assert (found.active_observations, found.observation_token_count, found.total_tokens_observed) == (
        "second",
        12.5,
        42.5,
    )
    assert (found.pending_message_tokens, found.last_observed_at) == (0, at(2))
    assert found.observed_message_ids == ["m1", "m2"]
    assert found.updated_at > made.updated_at


async def test_flags_tokens_and_configuration(memory: MemoryStore) -> None:
    id = (await begin(memory, config={"a": {"b": 1, "c": [1]}, "d": 1})).id
    await memory.set_reflecting_flag(id, value=True)
    await memory.set_observing_flag(id, value=True)
    await memory.set_buffering_reflection_flag(id, value=True)
    await memory.set_buffering_observation_flag(id, value=True, last_buffered_at_tokens=77)
    await memory.set_pending_message_tokens(id, token_count=5)
    await memory.update_observational_memory_config(id, config={"a": {"c": [2], "n": {"$x": {}}}, "d": {"e": 1}})
    found = await latest(memory)
    assert (found.is_reflecting, found.is_observing, found.is_buffering_reflection) == (True, True, True)
    assert (found.is_buffering_observation, found.last_buffered_at_tokens, found.pending_message_tokens) == (
        True,
        77,
        5,
    )
    assert found.config == {"a": {"b": 1, "c": [2], "n": {"$x": {}}}, "d": {"e": 1}}
    await memory.set_buffering_observation_flag(id, value=False)
    found = await latest(memory)
    assert (found.is_buffering_observation, found.last_buffered_at_tokens) == (False, 77)


UNKNOWN: dict[str, Callable[[MemoryStore], Awaitable[Any]]] = {
    "active": lambda m: m.update_active_observations("x", observations="", token_count=0, last_observed_at=at(0)),
    "buffered": lambda m: m.update_buffered_observations("x", chunk=chunk(1)),
    "swap": lambda m: m.swap_buffered_to_active("x", **SWAP),
    "reflecting": lambda m: m.set_reflecting_flag("x", value=True),
    "observing": lambda m: m.set_observing_flag("x", value=True),
    "buffering observation": lambda m: m.set_buffering_observation_flag("x", value=True),
    "buffering reflection": lambda m: m.set_buffering_reflection_flag("x", value=True),
    "pending": lambda m: m.set_pending_message_tokens("x", token_count=1),
    "config": lambda m: m.update_observational_memory_config("x", config={}),
    "reflection": lambda m: m.update_buffered_reflection(
        "x", reflection="r", token_count=1, input_token_count=1, reflected_observation_line_count=1
    ),
    "swap reflection": lambda m: m.swap_buffered_reflection_to_active(
        ObservationalMemory(id="x", scope="thread", thread_id="t1", resource_id="u"), token_count=1
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_an_unknown_generation_is_not_found(memory: MemoryStore, name: str) -> None:
    with pytest.raises(NotFoundError, match="'x' not found"):
        await UNKNOWN[name](memory)


async def test_a_chunk_of_a_cycle_is_buffered_once(memory: MemoryStore, engine: Engine) -> None:
    made = await begin(memory)
    between = Between(engine)
    direct = MemoryStore.on(between)
    await direct.update_buffered_observations(made.id, chunk=chunk(1), last_buffered_at_time=at(5))
    await direct.update_buffered_observations(made.id, chunk={**vars(chunk(1)), "observations": "again"})
    await direct.update_buffered_observations(made.id, chunk=chunk(2))
    assert len(between.calls) == 3
    found = await latest(memory)
    assert found.last_buffered_at_time == at(5)
    assert [each.observations for each in found.buffered_observation_chunks or ()] == ["seen 1", "seen 2"]
    assert all(each.id.startswith("ombuf-") for each in found.buffered_observation_chunks or ())


async def test_buffers_beyond_a_document_keep_each_cycle_once(memory: MemoryStore) -> None:
    made = await begin(memory)
    for n in (1, 2, 1, 3, 2):
        await memory.update_buffered_observations(made.id, chunk=chunk(n, observations=f"{n}" * 600_000))
    assert await cycles(memory) == ["c1", "c2", "c3"]
    result = await memory.swap_buffered_to_active(made.id, **SWAP)
    assert result.chunks_activated == 3
    found = await latest(memory)
    assert found.active_observations == "\n\n".join(str(n) * 600_000 for n in (1, 2, 3))
    assert found.buffered_observation_chunks is None


async def test_a_swap_activates_and_tells_what(memory: MemoryStore) -> None:
    made = await begin(memory)
    await memory.set_pending_message_tokens(made.id, token_count=250)
    last = chunk(2, suggested_continuation="go on", current_task="tea", message_ids=["m2", "m3"])
    for each in (chunk(1, suggested_continuation="no"), last):
        await memory.update_buffered_observations(made.id, chunk=each)
    result = await memory.swap_buffered_to_active(made.id, **SWAP)
    assert result.model_dump() == {
        "chunks_activated": 2,
        "message_tokens_activated": 200,
        "observation_tokens_activated": 20,
        "messages_activated": 3,
        "activated_cycle_ids": ["c1", "c2"],
        "activated_message_ids": ["m1", "m2", "m3"],
        "observations": "seen 1\n\nseen 2",
        "per_chunk": [
            {
                "cycle_id": f"c{n}",
                "message_tokens": 100,
                "observation_tokens": 10,
                "message_count": n,
                "observations": f"seen {n}",
            }
            for n in (1, 2)
        ],
        "suggested_continuation": "go on",
        "current_task": "tea",
    }
    found = await latest(memory)
    assert (found.active_observations, found.observation_token_count) == ("seen 1\n\nseen 2", 20)
    assert (found.pending_message_tokens, found.total_tokens_observed, found.last_observed_at) == (50, 0, at(2))
    assert found.buffered_observation_chunks is None
    await memory.update_buffered_observations(made.id, chunk=chunk(3))
    await memory.swap_buffered_to_active(made.id, **SWAP, last_observed_at=at(9))
    found = await latest(memory)
    boundary = "--- message boundary (2026-01-01T00:00:09.000Z) ---"
    assert found.active_observations == f"seen 1\n\nseen 2\n\n{boundary}\n\nseen 3"
    assert found.last_observed_at == at(9)


async def test_a_second_swap_of_the_same_chunks_does_nothing(memory: MemoryStore) -> None:
    made = await begin(memory)
    await memory.update_buffered_observations(made.id, chunk=chunk(1))
    read = (await latest(memory)).buffered_observation_chunks or []
    await memory.update_buffered_observations(made.id, chunk=chunk(2))  # after the read
    first = await memory.swap_buffered_to_active(made.id, **SWAP, buffered_chunks=read)
    assert first.activated_cycle_ids == ["c1"]
    assert await cycles(memory) == ["c2"]
    before = await latest(memory)
    second = await memory.swap_buffered_to_active(made.id, **SWAP, buffered_chunks=read)
    assert (second.chunks_activated, second.observations) == (0, None)
    assert await latest(memory) == before
    await memory.swap_buffered_to_active(made.id, **SWAP)
    third = await memory.swap_buffered_to_active(made.id, **SWAP, buffered_chunks=[chunk(7)])
    assert third.chunks_activated == 0


@pytest.mark.parametrize(
    ("tokens", "ratio", "threshold", "pending", "activated"),
    [
        ([3_000] * 5, 0.8, 10_000, 12_000, 3),
        ([3_000] * 5, 1, 10_000, 12_000, 4),
        ([9_000, 100], 0.5, 2_000, 9_500, 1),
        ([100, 9_000], 0.9, 1_000, 9_150, 1),
        ([50, 60], 0.5, 1_000, 100, 1),
        ([0, 0, 0], 0.5, 100, 100, 1),
    ],
)
async def test_how_many_chunks_become_active(
    memory: MemoryStore, tokens: list[float], ratio: float, threshold: float, pending: float, activated: int
) -> None:
    made = await begin(memory)
    for n, each in enumerate(tokens):
        await memory.update_buffered_observations(made.id, chunk=chunk(n, tokens=each))
    result = await memory.swap_buffered_to_active(
        made.id, activation_ratio=ratio, message_tokens_threshold=threshold, current_pending_tokens=pending
    )
    assert result.chunks_activated == activated
    assert await cycles(memory) == [f"c{n}" for n in range(activated, len(tokens))]


async def test_force_reaches_the_target_though_it_overshoots(memory: MemoryStore) -> None:
    options: dict[str, Any] = {
        "activation_ratio": 0.5,
        "message_tokens_threshold": 100_000,
        "current_pending_tokens": 100_000,
    }
    for force, activated in ((False, 1), (True, 2)):
        await memory.clear_observational_memory("t1")
        made = await begin(memory)
        for n, tokens in enumerate((40_000, 58_500)):
            await memory.update_buffered_observations(made.id, chunk=chunk(n, tokens=tokens))
        result = await memory.swap_buffered_to_active(made.id, **options, force_max_activation=force)
        assert result.chunks_activated == activated


async def test_a_reflection_makes_the_next_generation(memory: MemoryStore) -> None:
    made = await begin(memory, config={"a": 1}, observed_timezone="UTC")
    await memory.update_active_observations(made.id, observations="old", token_count=5, last_observed_at=at(1))
    await memory.update_buffered_observations(made.id, chunk=chunk(1))
    current = await latest(memory)
    following = await memory.create_reflection_generation(current, reflection="short", token_count=2)
    assert (following.generation_count, following.origin_type) == (1, "reflection")
    assert (following.active_observations, following.observation_token_count) == ("short", 2)
    assert (following.total_tokens_observed, following.pending_message_tokens) == (5, 0)
    assert (following.config, following.observed_timezone, following.last_observed_at) == ({"a": 1}, "UTC", at(1))
    assert following.buffered_observation_chunks is None
    assert await latest(memory) == following
    assert await memory.get_observational_memory_history("t1") == [following, current]
    with pytest.raises(ConflictError, match="generation 1 of these observations exists already"):
        await memory.create_reflection_generation(current, reflection="again", token_count=2)
    assert len(await memory.get_observational_memory_history("t1")) == 2


async def test_a_buffered_reflection_becomes_the_next_generation(memory: MemoryStore) -> None:
    made = await begin(memory)
    with pytest.raises(MastraConvexError, match="No buffered reflection"):
        await memory.swap_buffered_reflection_to_active(made, token_count=1)
    await memory.update_active_observations(made.id, observations="a\nb\nc\nd", token_count=9, last_observed_at=at(1))
    for text, lines in (("R1", 1), ("R2", 2)):
        await memory.update_buffered_reflection(
            made.id, reflection=text, token_count=2, input_token_count=5, reflected_observation_line_count=lines
        )
    current = await latest(memory)
    assert (current.buffered_reflection, current.buffered_reflection_tokens) == ("R1\n\nR2", 4)
    assert (current.buffered_reflection_input_tokens, current.reflected_observation_line_count) == (10, 2)
    following = await memory.swap_buffered_reflection_to_active(made, token_count=7)
    assert (following.active_observations, following.observation_token_count) == ("R1\n\nR2\n\nc\nd", 7)
    assert (following.generation_count, following.total_tokens_observed) == (1, 9)
    assert await latest(memory) == following
    [_, old] = await memory.get_observational_memory_history("t1")
    assert (old.buffered_reflection, old.reflected_observation_line_count) == (None, None)
    assert old.active_observations == "a\nb\nc\nd"
    with pytest.raises(MastraConvexError, match="No buffered reflection"):
        await memory.swap_buffered_reflection_to_active(made, token_count=7)


async def test_clear_deletes_all_generations_of_one_family(memory: MemoryStore) -> None:
    first, other, whole = await begin(memory), await begin(memory, "t2"), await begin(memory, None)
    await memory.create_reflection_generation(first, reflection="r", token_count=1)
    await memory.clear_observational_memory("t1", resource_id="u")
    await memory.clear_observational_memory("unknown")
    assert await memory.get_observational_memory("t1") is None
    assert (await latest(memory, "t2"), await latest(memory, None)) == (other, whole)


async def test_a_deleted_thread_takes_its_observations_along(memory: MemoryStore) -> None:
    await memory.save_thread(thread("t1"))
    first = await begin(memory)
    whole = await begin(memory, None)
    await memory.create_reflection_generation(first, reflection="r", token_count=1)
    await memory.delete_thread("t1")
    assert await memory.get_observational_memory("t1") is None
    assert await latest(memory, None) == whole


async def test_old_generations_are_pruned(store: ConvexStore) -> None:
    await begin(store.memory)
    given = {"id": "old", "scope": "thread", "thread_id": "t9", "resource_id": "u", "updated_at": at(0)}
    await store.memory.insert_observational_memory_record(given)
    [result] = await store.prune({"memory": {"observationalMemory": "1d"}})
    assert (result.deleted, result.done) == (1, True)
    assert await store.memory.get_observational_memory("t1") is not None
