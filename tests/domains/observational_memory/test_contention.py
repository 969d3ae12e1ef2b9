"""Observational memory under many writers at once."""

from __future__ import annotations

import anyio

from mastra_convex import MastraConvexError
from mastra_convex.engine.protocol import Commit, Engine
from mastra_convex_domains import MemoryStore
from tests.backends import Backend
from tests.data import at
from tests.domains.observational_memory.generations import SWAP, begin, chunk, cycles, latest
from tests.effort import some_backends
from tests.reliability.large.between import Between


@some_backends("sqlite", "convex-test")
async def test_of_many_that_begin_all_work_on_one(backend: Backend) -> None:
    found: list[str] = []

    async def start(n: int) -> None:
        found.append((await begin(backend.store().memory, config={"n": n})).id)

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(start, n)
    [record] = await backend.store().memory.get_observational_memory_history("t1")
    assert set(found) == {record.id}


async def test_of_many_rollovers_one_applies(backend: Backend) -> None:
    memory = backend.store().memory
    made = await begin(memory)
    await memory.update_active_observations(made.id, observations="a", token_count=1, last_observed_at=at(1))
    await memory.update_buffered_reflection(
        made.id, reflection="r", token_count=1, input_token_count=1, reflected_observation_line_count=1
    )
    won: list[str] = []

    async def roll(n: int) -> None:
        store = backend.store().memory
        try:
            if n % 2:
                won.append((await store.create_reflection_generation(made, reflection=f"{n}", token_count=1)).id)
            else:
                won.append((await store.swap_buffered_reflection_to_active(made, token_count=1)).id)
        except MastraConvexError:  # a next generation exists, or the reflection was taken
            pass

    async with anyio.create_task_group() as group:
        for n in range(12):
            group.start_soon(roll, n)
    history = await memory.get_observational_memory_history("t1")
    assert [record.generation_count for record in history] == [1, 0]
    assert won == [history[0].id]


@some_backends("sqlite", "convex-test")
async def test_appends_at_once_are_all_kept_each_once(backend: Backend) -> None:
    made = await begin(backend.store().memory)

    async def append(n: int) -> None:
        await backend.store().memory.update_buffered_observations(made.id, chunk=chunk(n % 15))

    async with anyio.create_task_group() as group:
        for n in range(30):
            group.start_soon(append, n)
    assert sorted(await cycles(backend.store().memory)) == sorted(f"c{n}" for n in range(15))


@some_backends("sqlite", "convex-test")
async def test_appends_and_swaps_at_once_lose_and_double_nothing(backend: Backend) -> None:
    memory = backend.store().memory
    made = await begin(memory)
    activated: list[str] = []

    async def append(n: int) -> None:
        await backend.store().memory.update_buffered_observations(made.id, chunk=chunk(n))

    async def swap() -> None:
        read = await latest(memory)
        options = {**SWAP, "buffered_chunks": read.buffered_observation_chunks}
        activated.extend((await memory.swap_buffered_to_active(made.id, **options)).activated_cycle_ids)

    async def flag(n: int) -> None:
        await memory.set_buffering_observation_flag(made.id, value=bool(n % 2))

    async with anyio.create_task_group() as group:
        for n in range(24):
            group.start_soon(append, n)
            if n % 6 == 5:
                group.start_soon(swap)
                group.start_soon(flag, n)
    found = await latest(memory)
    buffered = [each.cycle_id for each in found.buffered_observation_chunks or ()]
    assert sorted([*activated, *buffered]) == sorted(f"c{n}" for n in range(24))
    assert found.active_observations.count("seen") == len(activated)


async def test_a_chunk_that_comes_between_read_and_write_of_a_swap_stays(memory: MemoryStore, engine: Engine) -> None:
    made = await begin(memory)
    await memory.update_buffered_observations(made.id, chunk=chunk(1))
    appended: list[int] = []

    async def append(call: object) -> None:
        if isinstance(call, Commit) and not appended:
            appended.append(2)
            await memory.update_buffered_observations(made.id, chunk=chunk(2))

    options = {**SWAP, "buffered_chunks": (await latest(memory)).buffered_observation_chunks}
    result = await MemoryStore.on(Between(engine, append)).swap_buffered_to_active(made.id, **options)
    assert result.activated_cycle_ids == ["c1"]
    assert await cycles(memory) == ["c2"]
