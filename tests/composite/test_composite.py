"""The composite store: whose domain is used, its beginning and its end, prune over several stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mastra_convex import (
    ClosedError,
    CompositeError,
    CompositeStore,
    ConfigurationError,
    ConnectionFailedError,
    ConvexStore,
    DomainNotRegisteredError,
    PruneResult,
    Retention,
    RetryPolicy,
    ValidationError,
)
from mastra_convex.domain import DomainStore
from mastra_convex.engine.layers import layered
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import registered_domains
from mastra_convex.tables import Table
from mastra_convex_domains import MemoryStore, ScoresStore
from tests.backends import remote_store
from tests.composite.conftest import Two
from tests.data import message, thread

SCORE: dict[str, Any] = {
    "id": "s1", "scorer_id": "helpful", "entity_id": "agent", "run_id": "r1", "score": 0.5, "scorer": {}, "entity": {},
    "source": "LIVE", "output": "", "created_at": datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


class Traces(DomainStore):
    """A domain of a user's own, that keeps its data elsewhere: it counts what is asked of it and may fail at it."""

    name: ClassVar[str] = "observability"
    tables: ClassVar[tuple[Table, ...]] = ()

    def __init__(self, *failures: BaseException) -> None:
        super().__init__(layered(LocalEngine(":memory:", []), []))
        self.failures = list(failures)
        self.calls: list[str] = []
        self.called, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def init(self) -> None:
        await self._called("init")

    async def aclose(self) -> None:
        await self._called("aclose")

    async def _called(self, what: str) -> None:
        self.calls.append(what)
        self.called.set()
        await self.go_on.wait()
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
async def local() -> AsyncIterator[ConvexStore]:
    async with ConvexStore.local(":memory:") as store:
        yield store


async def test_domains_live_in_different_stores(two: Two) -> None:
    async with CompositeStore(id="app", default=two.a, domains={"scores": two.b}) as store:
        await store.init()
        await store.memory.save_thread(thread())
        await store.memory.save_messages([message(1)])
        await store.scores.save_score(SCORE)

        assert (await two.a.memory.list_threads()).total == 1
        assert (await two.b.memory.list_threads()).total == 0
        assert await two.a.scores.get_score_by_id("s1") is None
        assert await two.b.scores.get_score_by_id("s1") == await store.scores.get_score_by_id("s1") is not None


async def test_prune_reaches_every_store(two: Two) -> None:
    retention: Retention = {"memory": {"messages": "1h"}, "scores": {"scorers": timedelta(hours=1)}}
    async with CompositeStore(id="app", default=two.a, domains={"scores": two.b}, retention=retention) as store:
        await store.memory.save_messages([message(1)])
        await store.scores.save_score(SCORE)
        assert _counts(await store.prune(dry_run=True)) == [("memory", 1), ("scores", 1)]
        assert _counts(await store.prune({"memory": {"messages": "1h"}})) == [("memory", 1)]
        assert _counts(await store.prune()) == [("memory", 0), ("scores", 1)]


def _counts(results: list[PruneResult]) -> list[tuple[str, int]]:
    return [(result.domain, result.deleted) for result in results]


async def test_nested_composites(two: Two) -> None:
    inner = CompositeStore(id="inner", default=two.a, domains={"scores": two.b, "workflows": False})
    outer = CompositeStore(id="outer", default=inner, domains={"memory": two.b})
    await outer.init()
    assert outer.scores is two.b.scores
    assert outer.memory is two.b.memory
    assert outer.thread_state is two.a.thread_state
    assert await outer.get_store("workflows") is None
    await outer.aclose()
    for store in (two.a, two.b):
        with pytest.raises(ClosedError):
            await store.memory.list_threads()


async def test_a_thread_is_deleted_with_what_its_own_store_keeps_of_it(two: Two) -> None:
    async with CompositeStore(id="app", default=two.a, domains={"threadState": two.b}) as store:
        await store.memory.save_thread(thread())
        await two.a.thread_state.set_state("t1", type="task", value=["in a"])
        await store.thread_state.set_state("t1", type="task", value=["in b"])
        await store.memory.delete_thread("t1")
        assert await two.a.thread_state.get_state("t1", type="task") is None
        assert await store.thread_state.get_state("t1", type="task") == ["in b"]


async def test_an_override_wins_over_the_default(local: ConvexStore, tmp_path: Path) -> None:
    other = ConvexStore.local(tmp_path / "other.db")
    store = CompositeStore(
        id="app", default=local, domains={"memory": other.memory, "scores": False, "thread_state": other}
    )
    assert store.memory is other.memory
    assert store.domain(MemoryStore) is other.memory
    assert store.thread_state is other.thread_state
    assert store.workflows is local.workflows
    assert await store.get_store("threadState") is other.thread_state
    assert await store.get_store("scores") is None
    names = sorted({*registered_domains()} - {"scores"})
    assert repr(store) == f"<CompositeStore 'app': {', '.join(names)}>"
    with pytest.raises(DomainNotRegisteredError, match="no domain 'scores'"):
        store.domain(ScoresStore)
    await store.aclose()


async def test_a_domain_that_nobody_provides(local: ConvexStore) -> None:
    for store in (local, CompositeStore(id="app", default=local)):
        assert await store.get_store("nonsense") is None
        with pytest.raises(DomainNotRegisteredError, match="no domain 'nonsense'"):
            getattr(store, "nonsense")  # noqa: B009


def test_what_moves_a_whole_store_is_told_to_be_of_its_stores(local: ConvexStore) -> None:
    composite = CompositeStore(id="app", default=local)
    with pytest.raises(DomainNotRegisteredError, match=r"a composite has no export: .* call it on each of them"):
        getattr(composite, "export")  # noqa: B009


async def test_a_domain_of_the_users_own(local: ConvexStore) -> None:
    traces = Traces()
    async with CompositeStore(id="app", default=local, domains={"observability": traces}) as store:
        assert store.domain(Traces) is traces
        assert await store.get_store("observability") is traces
        await store.init()
    assert traces.calls == ["init", "aclose"]


async def test_init_runs_once_for_callers_at_the_same_time(local: ConvexStore) -> None:
    traces = Traces()
    traces.go_on.clear()
    store = CompositeStore(id="app", default=local, domains={"observability": traces})
    callers = [asyncio.create_task(store.init()) for _ in range(3)]
    await traces.called.wait()
    callers[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await callers[0]
    traces.go_on.set()
    await asyncio.gather(*callers[1:])
    await store.init()
    assert traces.calls == ["init"]
    await store.aclose()


async def test_init_is_tried_again_after_a_failure() -> None:
    traces = Traces(OSError("not yet"))
    store = CompositeStore(id="app", domains={"observability": traces})
    found = await asyncio.gather(store.init(), store.init(), return_exceptions=True)
    assert [str(error) for error in found] == ["not yet", "not yet"]
    await store.init()
    assert traces.calls == ["init", "init"]
    await store.aclose()


async def test_a_part_that_was_cancelled_is_not_initialised() -> None:
    traces = Traces(asyncio.CancelledError())
    store = CompositeStore(id="app", domains={"observability": traces})
    with pytest.raises(asyncio.CancelledError):
        await store.init()
    await store.init()
    assert traces.calls == ["init", "init"]
    await store.aclose()


async def test_a_store_given_twice_is_used_once(tmp_path: Path) -> None:
    class Counted(ConvexStore):
        calls: ClassVar[list[str]] = []

        async def init(self) -> None:
            self.calls.append("init")
            await super().init()

        async def aclose(self) -> None:
            self.calls.append("aclose")
            await super().aclose()

    parent = Counted.local(tmp_path / "a.db")
    store = CompositeStore(
        id="app", default=parent, domains={"memory": parent, "scores": parent, "workflows": parent.workflows}
    )
    await store.init()
    await store.init()
    await store.aclose()
    await store.aclose()
    assert Counted.calls == ["init", "aclose"]


async def test_the_errors_of_all_stores_are_told(unused_tcp_port: int, local: ConvexStore) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    first, second = (remote_store(url, None, retry=RetryPolicy(attempts=1)) for _ in range(2))
    async with CompositeStore(id="app", default=first, domains={"scores": second, "workflows": local}) as store:
        with pytest.raises(CompositeError) as raised:
            await store.init()
        assert [type(error) for error in raised.value.errors] == [ConnectionFailedError] * 2
        assert raised.value.id == "MASTRA_STORAGE_CONVEX_INIT_SEVERAL_FAILED"
        assert raised.value.retryable
        assert str(raised.value).count(url) == 2


async def test_a_failing_domain_does_not_keep_others_from_being_pruned(
    unused_tcp_port: int, local: ConvexStore
) -> None:
    away = remote_store(f"http://127.0.0.1:{unused_tcp_port}", None, retry=RetryPolicy(attempts=1))
    retention = {"scores": {"scorers": "1d"}, "memory": {"messages": "1d"}}
    async with CompositeStore(id="app", default=local, domains={"scores": away}, retention=retention) as store:
        await store.memory.save_messages([message(1)])
        with pytest.raises(ConnectionFailedError):
            await store.prune()
        assert (await store.memory.list_messages("t1")).total == 0


async def test_every_store_is_closed_though_others_fail(tmp_path: Path) -> None:
    parent, traces = ConvexStore.local(tmp_path / "a.db"), Traces(OSError("cannot close"))
    inner = CompositeStore(id="inner", domains={"observability": traces})
    async with parent:
        store = CompositeStore(id="app", default=parent, domains={"observability": inner})
        with pytest.raises(OSError, match="cannot close"):
            await store.aclose()
        with pytest.raises(ClosedError):
            await parent.memory.list_threads()
        await store.aclose()
    assert traces.calls == ["aclose"]


async def test_a_closed_composite_says_so(tmp_path: Path) -> None:
    store = CompositeStore(id="app", default=ConvexStore.local(tmp_path / "a.db"))
    await store.init()
    await store.aclose()
    with pytest.raises(ClosedError):
        await store.init()
    with pytest.raises(ClosedError):
        await store.memory.list_threads()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"id": " "}, "id must be"),
        ({"id": None}, "id must be"),
        ({"default": "scores"}, "default must be a store, not ScoresStore"),
        ({"default": "local", "domains": ["memory"]}, "domains must be a mapping"),
        ({"default": "local", "domains": {5: False}}, "domains must be a mapping of names"),
        ({"domains": {"memory": None}}, r"domains\['memory'\] must be a store, a domain or False, not NoneType"),
        ({}, "a composite needs a domain"),
        ({"domains": {"memory": False}}, "a composite needs a domain"),
        ({"domains": {"memory": True}}, r"domains\['memory'\] must be a store, a domain or False, not bool"),
        ({"domains": {"memory": object()}}, "not object"),
        ({"domains": {"memroy": "local"}}, r"domains\['memroy'\]: <ConvexStore 'local'.*> has no such domain"),
        ({"domains": {"memory": "scores"}}, r"domains\['memory'\] is the domain 'scores'"),
        ({"domains": {"threadState": False, "thread_state": False}}, "in both spellings"),
        ({"default": "local", "retention": {"obscurity": {"spans": "7d"}}}, "retention names a domain"),
        ({"default": "local", "retention": {"memory": {"messages": "7"}}}, "retention.memory.messages.max_age"),
    ],
)
async def test_a_wrong_composition_is_refused_by_name(
    local: ConvexStore, options: dict[str, Any], problem: str
) -> None:
    given: dict[str, Any] = {"local": local, "scores": local.scores}
    options = {"id": "app", **options, "default": given.get(options.get("default", ""))}
    if isinstance(options.get("domains"), dict):
        options["domains"] = {
            name: given.get(value, value) if isinstance(value, str) else value
            for name, value in options["domains"].items()
        }
    with pytest.raises(ConfigurationError, match=problem):
        CompositeStore(**options)


async def test_prune_without_policies_does_nothing_and_refuses_wrong_ones(local: ConvexStore) -> None:
    store = CompositeStore(id="app", default=local, domains={"scores": False})
    assert await store.prune() == []
    with pytest.raises(ValidationError, match="retention names a domain that the store lacks: 'scores'"):
        await store.prune({"scores": {"scorers": "1d"}})


def test_a_composite_works_in_a_second_event_loop(tmp_path: Path) -> None:
    store = CompositeStore(id="app", default=ConvexStore.local(tmp_path / "a.db"))
    asyncio.run(store.init())

    async def use() -> None:
        await store.init()
        assert (await store.memory.list_threads()).total == 0
        await store.aclose()

    asyncio.run(use())
