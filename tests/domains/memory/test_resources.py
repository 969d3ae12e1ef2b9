"""Resources (docs/contract.md, "Resources")."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mastra_convex import ValidationError
from mastra_convex_domains import MemoryStore, Resource, ResourceUpdate
from tests.backends import Backend
from tests.data import at
from tests.effort import some_backends


async def test_a_saved_resource_comes_back_equal(memory: MemoryStore) -> None:
    saved = await memory.save_resource(Resource(id="u", working_memory="# 计划", metadata={"$k": [1]}))
    assert await memory.get_resource_by_id("u") == saved
    replaced = await memory.save_resource({"id": "u", "created_at": at(1), "updated_at": at(2)})
    assert replaced == Resource(id="u", created_at=at(1), updated_at=at(2))
    assert await memory.get_resource_by_id("u") == replaced


async def test_an_unknown_resource_is_none(memory: MemoryStore) -> None:
    assert await memory.get_resource_by_id("nobody") is None


async def test_an_update_creates_a_resource(memory: MemoryStore) -> None:
    created = await memory.update_resource("u", working_memory="first")
    assert (created.id, created.working_memory, created.metadata) == ("u", "first", {})
    assert created.created_at == created.updated_at
    assert await memory.get_resource_by_id("u") == created


async def test_an_update_changes_only_what_is_given(memory: MemoryStore) -> None:
    await memory.save_resource(
        Resource(id="u", working_memory="old", metadata={"a": 1, "b": 1}, created_at=at(0), updated_at=at(0))
    )
    merged = await memory.update_resource("u", metadata={"b": 2, "c": {"d": 3}})
    assert (merged.working_memory, merged.metadata) == ("old", {"a": 1, "b": 2, "c": {"d": 3}})
    emptied = await memory.update_resource("u", working_memory="")
    assert (emptied.working_memory, emptied.metadata) == ("", merged.metadata)
    assert emptied.created_at == at(0)
    assert emptied.updated_at > at(0)
    assert await memory.get_resource_by_id("u") == emptied


async def test_concurrent_first_updates_are_all_kept(backend: Backend) -> None:
    async with anyio.create_task_group() as tasks:
        for n in range(10):
            tasks.start_soon(update, backend.store().memory, n)
    merged = await backend.store().memory.get_resource_by_id("u")
    assert merged is not None
    assert merged.metadata == {f"k{n}": n for n in range(10)}


async def update(memory: MemoryStore, n: int) -> None:
    await memory.update_resource("u", metadata={f"k{n}": n})


@pytest.mark.parametrize("arguments", [{"working_memory": None}, {"working_memory": 1}, {"metadata": [1]}])
async def test_bad_arguments_are_refused_by_name(memory: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(arguments))):
        await memory.update_resource("u", **arguments)
    assert await memory.get_resource_by_id("u") is None


@some_backends("sqlite", "convex-test")
async def test_appends_of_many_tasks_are_all_kept(backend: Backend) -> None:
    memories = [backend.store().memory, backend.store().memory]

    async def append(n: int) -> None:
        await memories[n % 2].update_resource(
            "user-1", update=lambda resource: {"workingMemory": f"{resource.working_memory or ''}{n},"}
        )

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(append, n)
    resource = await memories[0].get_resource_by_id("user-1")
    assert resource is not None
    assert sorted((resource.working_memory or "").split(",")) == sorted(["", *map(str, range(20))])


async def test_update_by_a_function(memory: MemoryStore) -> None:
    async def first(resource: Resource) -> ResourceUpdate:
        assert (resource.id, resource.working_memory, resource.metadata) == ("user-1", None, {})
        return ResourceUpdate(working_memory="tea", metadata={"a": 1, "b": 1})

    made = await memory.update_resource("user-1", update=first)
    assert (made.working_memory, made.metadata) == ("tea", {"a": 1, "b": 1})
    changed = await memory.update_resource("user-1", update=lambda resource: {"metadata": {"b": 2}})
    assert (changed.working_memory, changed.metadata, changed.created_at) == ("tea", {"a": 1, "b": 2}, made.created_at)
    assert changed.updated_at > made.updated_at
    assert await memory.update_resource("user-1", update=lambda resource: None) == changed
    assert await memory.get_resource_by_id("user-1") == changed
    nobody = await memory.update_resource("nobody", update=lambda resource: None)
    assert nobody.working_memory is None
    assert await memory.get_resource_by_id("nobody") is None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"update": 1}, "update must be a function of a resource"),
        ({"update": lambda _: {"memory": "x"}}, r"update\(\): unknown key 'memory'"),
        ({"update": lambda _: {"working_memory": 1}}, r"update\(\).working_memory"),
        ({"update": lambda _: "x"}, r"update\(\)"),
        ({"update": lambda _: None, "metadata": {}}, "update takes the place of working_memory and metadata"),
    ],
)
async def test_a_wrong_update_is_refused(memory: MemoryStore, arguments: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        await memory.update_resource("user-1", **arguments)
    assert await memory.get_resource_by_id("user-1") is None
