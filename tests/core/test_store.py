"""The store: how it is made, its domains, its end."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from inspect import ismodule
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

import mastra_convex
import mastra_convex_domains
from mastra_convex import ClosedError, CompositeStore, ConfigurationError, ConvexStore, DomainNotRegisteredError
from mastra_convex.domain import DomainStore, register
from mastra_convex.engine.protocol import Get, Put
from mastra_convex.rows.codec import encode_row
from mastra_convex.tables import Field, Index, Table
from mastra_convex_domains import MemoryStore
from tests.backends import Backend
from tests.data import message, messages, thread
from tests.effort import some_backends

REMOTE: dict[str, Any] = {"id": "x", "deployment_url": "https://x.convex.cloud", "admin_auth_token": "secret-key"}
NOTES = MemoryStore.tables[1]
"""A table of the deployed schema, so that the test domain works on every backend."""


class NotesStore(DomainStore):
    """A third party's domain."""

    name: ClassVar[str] = "notes"
    tables: ClassVar[tuple[Table, ...]] = (NOTES,)

    async def count(self, ids: Sequence[str]) -> int:
        found = await self._records.read(Get(table=NOTES.name, keys=[[id] for id in ids]))
        return len([row for row in found.rows if row is not None])

    async def add(self, id: str, thread_id: str) -> None:
        values = {"id": id, "thread_id": thread_id, "content": {}, "role": "user", "type": "note"}
        row = encode_row(NOTES, {**values, "createdAt": message(0).created_at})
        await self._records.commit([Put(table=NOTES.name, rows=[row])])


async def test_domains_are_found_by_attribute_class_and_name(store: ConvexStore) -> None:
    assert isinstance(store.memory, MemoryStore)
    assert store.domain(MemoryStore) is store.memory
    assert await store.get_store("memory") is store.memory
    assert await store.get_store("nothing") is None


async def test_a_misspelt_domain_is_an_error_that_hasattr_understands(store: ConvexStore) -> None:
    assert not hasattr(store, "memroy")
    with pytest.raises(DomainNotRegisteredError, match="memory"):
        getattr(store, "memroy")  # noqa: B009
    with pytest.raises(DomainNotRegisteredError, match="notes"):
        store.domain(NotesStore)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("memroy", "'memory'"),
        ("Workflow", "'workflows'"),
        ("threadState", "'thread_state'"),
        ("inti", "'init'"),
        ("save_messages", "'memory.save_messages'"),
        ("upsert", "'vector.upsert'"),
    ],
)
def test_a_misspelt_domain_is_suggested(name: str, meant: str) -> None:
    store = ConvexStore.local(":memory:")
    for each in (store, CompositeStore(id="app", default=store)):
        with pytest.raises(DomainNotRegisteredError, match=f"; did you mean {re.escape(meant)}\\?"):
            getattr(each, name)
    with pytest.raises(DomainNotRegisteredError, match=r"workflows$"):
        getattr(store, "quite_another")  # noqa: B009


def test_domains_are_listed_among_the_attributes() -> None:
    store = ConvexStore.local(":memory:", domains=[MemoryStore, NotesStore])
    composite = CompositeStore(id="app", default=store, domains={"notes": False})
    assert {"memory", "notes", "init", "aclose"} <= set(dir(store))
    assert {"memory", "init", "aclose"} <= set(dir(composite))
    assert "notes" not in dir(composite)
    assert dir(ConvexStore.__new__(ConvexStore))  # also where the constructor has failed


def test_a_domain_tells_what_it_is() -> None:
    assert repr(ConvexStore.local(":memory:", id="app").memory) == "<MemoryStore 'memory' of the store 'app' (sqlite)>"
    assert repr(ConvexStore(**REMOTE).vector) == f"<VectorStore 'vector' of the store {REMOTE['id']!r} (convex)>"
    assert "key" not in repr(ConvexStore(**REMOTE).vector)


async def test_a_closed_store_cannot_be_entered_again(backend: Backend) -> None:
    store = backend.open_store(None)
    composite = CompositeStore(id="app", default=store)
    async with store as entered:
        assert entered is store
    for closed in (store, composite):
        with pytest.raises(ClosedError, match="the store is closed") as raised:
            async with closed:
                raise AssertionError
        assert raised.value.id == "MASTRA_STORAGE_CONVEX_OPEN_CLOSED"
    never_entered = backend.open_store(None)
    async with CompositeStore(id="app", default=never_entered) as app:
        pass
    for closed in (app, never_entered):
        with pytest.raises(ClosedError):
            await closed.__aenter__()


def test_names_of_the_domains_say_where_they_are() -> None:
    for name in mastra_convex_domains.__all__:
        with pytest.raises(ImportError, match=f"from mastra_convex_domains import {name}$"):
            exec(f"from mastra_convex import {name}")
    with pytest.raises(ImportError, match="cannot import name 'Mesage'"):
        exec("from mastra_convex import Mesage")
    with pytest.raises(AttributeError, match=r"no attribute 'ConvexStor'; did you mean 'ConvexStore'\?"):
        _ = mastra_convex.ConvexStor  # type: ignore[attr-defined]
    assert not hasattr(mastra_convex, "memory")


async def test_only_the_given_domains_are_registered(backend: Backend) -> None:
    store = backend.open_store([NotesStore])
    assert not hasattr(store, "memory")
    assert await store.domain(NotesStore).count(["n1"]) == 0
    await store.aclose()


async def test_deleting_a_thread_takes_the_rows_that_other_domains_own(backend: Backend) -> None:
    store = backend.open_store([MemoryStore, NotesStore])
    await store.memory.save_thread(thread())
    await store.domain(NotesStore).add("n1", "t1")
    await store.domain(NotesStore).add("n2", "t2")
    await store.memory.delete_thread("t1")
    assert await store.domain(NotesStore).count(["n1", "n2"]) == 1
    await store.aclose()


async def test_a_domain_can_be_built_alone_on_an_engine(backend: Backend) -> None:
    memory = MemoryStore.on(backend.engine())
    await memory.save_messages(messages(2))
    assert (await memory.list_messages("t1")).total == 2


async def test_two_domains_of_one_name_are_refused() -> None:
    class Impostor(DomainStore):
        name: ClassVar[str] = "memory"
        tables: ClassVar[tuple[Table, ...]] = ()

    with pytest.raises(ConfigurationError, match="registered twice"):
        register(Impostor)
    with pytest.raises(ConfigurationError, match="two classes"):
        ConvexStore.local(":memory:", domains=[MemoryStore, Impostor])


async def test_two_declarations_of_one_table_are_refused() -> None:
    class Other(DomainStore):
        name: ClassVar[str] = "other"
        tables: ClassVar[tuple[Table, ...]] = (
            Table("mastra_threads", (Field("id"),), (Index("by_record_id", ("id",)),)),
        )

    with pytest.raises(ConfigurationError, match="mastra_threads"):
        ConvexStore.local(":memory:", domains=[MemoryStore, Other])


async def test_stores_on_the_same_data_see_each_other(backend: Backend) -> None:
    await backend.store().memory.save_thread(thread())
    found = await backend.store().memory.get_thread_by_id("t1")
    assert found == thread()


async def test_a_closed_store_says_so(backend: Backend) -> None:
    store = backend.open_store(None)
    await store.init()
    await store.aclose()
    await store.aclose()
    with pytest.raises(ClosedError, match="closed"):
        await store.memory.list_threads()


@some_backends("sqlite", "convex-test")
async def test_a_hundred_tasks_share_a_store(store: ConvexStore) -> None:
    await store.memory.save_thread(thread())
    async with anyio.create_task_group() as tasks:
        for n in range(100):
            tasks.start_soon(store.memory.save_messages, [message(n)])
    page = await store.memory.list_messages("t1", per_page=False)
    assert page.messages == messages(100)


def test_a_local_store_works_in_a_second_event_loop(tmp_path: Path) -> None:
    store = ConvexStore.local(tmp_path / "store.db")

    async def save() -> None:
        await store.memory.save_thread(thread())

    async def load() -> None:
        assert await store.memory.get_thread_by_id("t1") == thread()
        await store.aclose()

    anyio.run(save)
    anyio.run(load)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": " "}, "id"),
        ({"deployment_url": "http://example.org"}, "deployment_url"),
        ({"deployment_url": ""}, "deployment_url"),
        ({"admin_auth_token": ""}, "admin_auth_token"),
        ({"storage_function": "nothing"}, "storage_function"),
        ({"timeout": 0}, "timeout"),
        ({"max_in_flight": 0}, "max_in_flight"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as raised:
        ConvexStore(**{**REMOTE, **change})
    assert "secret-key" not in str(raised.value)


def test_the_key_is_not_shown() -> None:
    store = ConvexStore(**REMOTE, domains=[MemoryStore])
    assert "secret-key" not in repr(store)
    assert repr(store) == "<ConvexStore 'x' at 'https://x.convex.cloud': memory>"


def test_the_environment_chooses_the_deployment(monkeypatch: pytest.MonkeyPatch, caplog: Any, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "mastra_convex")
    monkeypatch.delenv("CONVEX_URL", raising=False)
    monkeypatch.delenv("CONVEX_ADMIN_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="CONVEX_URL"):
        ConvexStore.from_env()
    assert str(tmp_path / "x.db") in repr(ConvexStore.from_env(local=tmp_path / "x.db"))
    assert str(tmp_path / "x.db") in caplog.text

    monkeypatch.setenv("CONVEX_ADMIN_KEY", "secret-key")
    with pytest.raises(ConfigurationError, match="CONVEX_URL"):
        ConvexStore.from_env(local=tmp_path / "x.db")

    monkeypatch.setenv("CONVEX_URL", "https://x.convex.cloud")
    assert "https://x.convex.cloud" in repr(ConvexStore.from_env(local=tmp_path / "x.db"))
    assert "https://x.convex.cloud" in caplog.text
    assert "secret-key" not in caplog.text

    monkeypatch.delenv("CONVEX_ADMIN_KEY")
    with pytest.raises(ConfigurationError, match="CONVEX_ADMIN_KEY"):
        ConvexStore.from_env(local=tmp_path / "x.db")


def test_importing_the_core_loads_no_domain() -> None:
    code = "import sys, mastra_convex; sys.exit('mastra_convex_domains' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("package", [mastra_convex, mastra_convex_domains])
def test_public_names_are_complete(package: Any) -> None:
    names = {name for name, value in vars(package).items() if not name.startswith("_") and not ismodule(value)}
    assert names == set(package.__all__)


async def test_an_error_from_below_has_the_id_of_the_method_that_was_called() -> None:
    store = ConvexStore.local(":memory:", domains=[MemoryStore, NotesStore])
    await store.aclose()
    with pytest.raises(ClosedError) as raised:
        await store.memory.update_thread_resource_id("t1", resource_id="u")
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_UPDATE_THREAD_RESOURCE_ID_CLOSED"
    with pytest.raises(ClosedError) as raised:
        await anext(store.memory.iter_messages("t1"))
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_ITER_MESSAGES_CLOSED"
    with pytest.raises(ClosedError) as raised:
        await store.memory.dangerously_clear_all()
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_DANGEROUSLY_CLEAR_ALL_CLOSED"
    with pytest.raises(ClosedError) as raised:
        await store.domain(NotesStore).count(["n1"])
    assert raised.value.id == "MASTRA_STORAGE_CONVEX_COUNT_CLOSED"


def test_from_env_takes_the_options_of_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEX_URL", "http://convex-backend:3210")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "key")
    with pytest.raises(ConfigurationError, match="allow_http"):
        ConvexStore.from_env()
    assert "http://convex-backend:3210" in repr(ConvexStore.from_env(allow_http=True, timeout=5.0))
    with pytest.raises(ConfigurationError, match="storage_function"):
        ConvexStore.from_env(allow_http=True, storage_function="nonsense")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"id": None}, "id must be"), ({"domains": 5}, "domains must be"), ({"domains": [int]}, "domains must be")],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        ConvexStore(**REMOTE | wrong)
    with pytest.raises(ConfigurationError, match=named):
        ConvexStore.local(":memory:", **wrong)


@pytest.mark.parametrize("path", ["", None, 5])
def test_a_local_store_needs_a_path(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must be"):
        ConvexStore.local(path)
