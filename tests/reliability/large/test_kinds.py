"""Records above 1 MiB are stored and read back unchanged, whatever they are, and take their chunks along."""

from __future__ import annotations

import pytest

from mastra_convex import ConvexStore
from mastra_convex.engine.protocol import Engine
from mastra_convex_domains import MemoryStore, Resource
from tests.backends import Backend
from tests.effort import some
from tests.reliability.large.between import Between
from tests.reliability.large.kinds import KINDS, Kind, message
from tests.reliability.large.leftovers import large_values, sweep_as_if_later
from tests.reliability.large.texts import MIB, TEXTS, attachment_text

every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


@every_kind
async def test_a_large_record_is_read_back_by_another_store(backend: Backend, kind: Kind) -> None:
    text = attachment_text(2 * MIB)
    await kind.save(backend.store(), "a", text)
    assert await kind.load(backend.store(), "a") == text


@every_kind
async def test_it_shrinks_and_grows_and_leaves_nothing_behind(store: ConvexStore, engine: Engine, kind: Kind) -> None:
    for size in (2 * MIB, 3 * MIB, 100, 5 * MIB // 4):
        text = attachment_text(size, seed=size)
        await kind.save(store, "a", text)
        assert await kind.load(store, "a") == text
    await sweep_as_if_later(engine, "dropped", "pending")
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred != set()
    assert not found.dropped | found.pending
    await kind.delete(store, "a")
    assert await kind.load(store, "a") is None
    await sweep_as_if_later(engine, "dropped")
    found = await large_values(engine)
    assert not found.live | found.dropped | found.chunked


every_text = pytest.mark.parametrize("name", some(TEXTS, ["base64", "control characters", "4-byte characters"]))


@every_text
async def test_bytes_count_not_characters(store: ConvexStore, name: str) -> None:
    text = TEXTS[name](9 * MIB // 8)
    saved = await store.memory.save_resource(Resource(id="user-1", working_memory=text))
    assert await store.memory.get_resource_by_id("user-1") == saved
    assert saved.working_memory == text


@every_text
async def test_six_mebibytes_of_any_text_are_one_commit(engine: Engine, name: str) -> None:
    text = TEXTS[name](6 * MIB)
    between = Between(engine)
    await MemoryStore.on(between).save_messages([message("a", text)])
    assert len(between.calls) == 1
    [stored] = await MemoryStore.on(engine).list_messages_by_id(["a"])
    assert stored == message("a", text)
