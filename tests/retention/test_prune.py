"""Retention: what is deleted, what stays, and in how many steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from mastra_convex import ConfigurationError, ConvexStore, PruneResult, RetentionPolicy, ValidationError
from mastra_convex.domain import DomainStore
from mastra_convex.engine.protocol import Commit, Get, Put, Scan
from mastra_convex.retention import RetentionTable
from mastra_convex.rows.codec import encode_row
from mastra_convex.rows.times import to_iso
from mastra_convex.tables import Field, Index, Owner, Table
from mastra_convex_domains import DOCUMENTS, MemoryStore, Message, Resource, Thread
from mastra_convex_domains.memory.tables import MESSAGES
from mastra_convex_domains.thread_state import THREAD_STATE
from tests.backends import Backend
from tests.effort import some_backends
from tests.engine import rows as stored


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def message(id: str, days: float, *, thread_id: str = "t1") -> Message:
    return Message(id=id, thread_id=thread_id, resource_id="r1", role="user", content=id, created_at=days_ago(days))


def messages(count: int, days: float, *, thread_id: str = "t1") -> list[Message]:
    """Messages that are a second apart, the oldest first, all younger than `days`."""
    return [message(f"{thread_id}-m{n:04}", days - n / 86_400, thread_id=thread_id) for n in range(count)]


def thread(id: str, days: float) -> Thread:
    return Thread(id=id, resource_id="r1", created_at=days_ago(days), updated_at=days_ago(0))


async def ids(memory: MemoryStore, thread_id: str = "t1") -> list[str]:
    return [message.id async for message in memory.iter_messages(thread_id)]


def results(*found: tuple[str, str, int, bool]) -> list[PruneResult]:
    return [PruneResult(domain=domain, table=table, deleted=n, done=done) for domain, table, n, done in found]


async def test_what_is_older_goes_and_the_rest_stays(store: ConvexStore) -> None:
    await store.memory.save_thread(thread("t1", 90))
    await store.memory.save_messages([message("old", 31), message("young", 29), message("to come", -1)])
    pruned = await store.prune({"memory": {"messages": "30d"}})
    assert pruned == results(("memory", "mastra_messages", 1, True))
    assert await ids(store.memory) == ["young", "to come"]
    assert await store.memory.get_thread_by_id("t1") is not None


async def test_every_domain_prunes_its_tables_children_first(store: ConvexStore) -> None:
    memory, workflows = store.memory, store.workflows
    for id, days in (("old", 40), ("young", 10)):
        await memory.save_thread(thread(id, days))
        await memory.save_resource(Resource(id=id, created_at=days_ago(days)))
        await memory.save_messages([message(id, days, thread_id="elsewhere")])
        await workflows.persist_workflow_snapshot(
            "w", run_id=id, snapshot={"status": "success"}, created_at=days_ago(40), updated_at=days_ago(days)
        )
        score = {"id": id, "scorer_id": "s", "entity_id": "e", "run_id": "r", "score": 1, "scorer": {}, "entity": {}}
        await store.scores.save_score({**score, "source": "LIVE", "output": "", "created_at": days_ago(days)})
    pruned = await store.prune(
        {
            "workflows": {"workflow_snapshot": timedelta(days=30)},
            "memory": {"threads": "4w", "resources": 30 * 86_400, "messages": {"maxAge": "720h", "batchSize": 5}},
            "scores": {"scorers": RetentionPolicy(max_age="30d")},
        }
    )
    assert pruned == results(
        ("workflows", "mastra_workflow_snapshots", 1, True),
        ("memory", "mastra_messages", 1, True),
        ("memory", "mastra_resources", 1, True),
        ("memory", "mastra_threads", 1, True),
        ("scores", "mastra_scorers", 1, True),
    )
    assert await ids(memory, "elsewhere") == ["young"]
    assert [thread.id async for thread in memory.iter_threads()] == ["young"]
    assert await memory.get_resource_by_id("old") is None
    assert await memory.get_resource_by_id("young") is not None
    assert (await workflows.list_workflow_runs()).runs[0].run_id == "young"
    assert await store.scores.get_score_by_id("old") is None


@pytest.mark.parametrize(("domain", "table"), [("threadState", "threadState"), ("thread_state", "thread_state")])
async def test_thread_state_goes_by_its_last_change(backend: Backend, domain: str, table: str) -> None:
    store = backend.store()
    row = {"threadId": "t1", "type": "task", "value": "[]", "createdAt": to_iso(days_ago(9))}
    for thread_id, days in (("t1", 8), ("t2", 6)):
        put = Put(table=THREAD_STATE.name, rows=[{**row, "threadId": thread_id, "updatedAt": to_iso(days_ago(days))}])
        await backend.engine().commit(Commit(id=uuid4().hex, ops=[put]))
    assert await store.prune({domain: {table: "1w"}}) == results(("thread_state", "mastra_thread_state", 1, True))
    assert await store.thread_state.get_state("t1", type="task") is None
    assert await store.thread_state.get_state("t2", type="task") == []


async def test_a_thread_takes_along_what_belongs_to_it(store: ConvexStore) -> None:
    for n in range(4):
        id = f"t{n}"
        await store.memory.save_thread(thread(id, 40 if n < 3 else 20))
        await store.memory.save_messages(messages(3, 10, thread_id=id))
        await store.thread_state.set_state(id, type="task", value=[id])
    pruned = await store.memory.prune({"threads": {"max_age": "30d", "batch_size": 2}})
    assert pruned == results(("memory", "mastra_threads", 3, True))
    for n in range(4):
        kept = n == 3
        assert bool(await ids(store.memory, f"t{n}")) is kept
        assert bool(await store.thread_state.get_state(f"t{n}", type="task")) is kept


@some_backends("sqlite", "convex-test")
async def test_a_thread_of_more_messages_than_one_transaction_holds(backend: Backend) -> None:
    store = backend.store()
    await store.memory.save_thread(thread("t1", 40))
    rows = [stored.message(f"m{n}", thread_id="t1") for n in range(2_500)]
    for first in (0, 1_250):
        await backend.engine().commit(
            Commit(id=uuid4().hex, ops=[Put(table=MESSAGES.name, rows=rows[first : first + 1_250])])
        )
    assert await store.memory.prune({"threads": "30d"}) == results(("memory", "mastra_threads", 1, True))
    assert await ids(store.memory) == []


@pytest.mark.parametrize("created_at", ["", "2024-01-01T00:00:00.000Z"])
async def test_a_row_without_a_time_stays(backend: Backend, created_at: str) -> None:
    """A column that is always there can still hold no time; see below for one that is missing."""
    rows = [stored.message("m1", createdAt=created_at), stored.thread("t1", createdAt=created_at)]
    for row, table in zip(rows, ("mastra_messages", "mastra_threads"), strict=True):
        await backend.engine().commit(Commit(id=uuid4().hex, ops=[Put(table=table, rows=[row])]))
    pruned = await backend.store().prune({"memory": {"messages": 0, "threads": 0}})
    expected = 1 if created_at else 0
    assert [result.deleted for result in pruned] == [expected, expected]


class Leases(DomainStore):
    """A third party's domain whose time may be missing; the table is one that every backend has."""

    name: ClassVar[str] = "leases"
    tables: ClassVar[tuple[Table, ...]] = (MESSAGES,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"leases": RetentionTable(MESSAGES, "resourceId")}


async def test_a_row_whose_time_is_missing_stays(backend: Backend) -> None:
    store = backend.open_store([Leases])
    rows = [stored.message("none"), stored.message("old", resourceId="2020-01-01T00:00:00.000Z")]
    await store.domain(Leases)._records.commit([Put(table=MESSAGES.name, rows=rows)])  # pyright: ignore[reportPrivateUsage]
    assert (await store.prune({"leases": {"leases": "1d"}}))[0].deleted == 1
    found = await store.domain(Leases)._records.read(Get(table=MESSAGES.name, keys=[["none"], ["old"]]))  # pyright: ignore[reportPrivateUsage]
    assert [row is None for row in found.rows] == [False, True]
    await store.aclose()


REMINDERS = Table(
    name="acme_reminders",
    fields=(Field("id"), Field("threadId"), Field("dueAt", optional=True)),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_thread", ("threadId",)),
        Index("by_due", ("dueAt",)),
    ),
    owner=Owner("mastra_threads", "by_thread"),
    stored_in=DOCUMENTS,
)


class Reminders(DomainStore):
    """A third party's domain without a table of its own."""

    name: ClassVar[str] = "reminders"
    tables: ClassVar[tuple[Table, ...]] = (REMINDERS,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"reminders": RetentionTable(REMINDERS, "dueAt")}

    async def add(self, id: str, due: datetime | None) -> None:
        row = encode_row(REMINDERS, {"id": id, "threadId": "t1", "dueAt": due})
        await self._records.commit([Put(table=REMINDERS.name, rows=[row])])

    async def ids(self) -> list[str]:
        found = await self._records.read(Scan(table=REMINDERS.name, index="by_due"))
        return [row["id"] for row in found.rows]


async def test_a_table_that_lives_in_another_is_pruned_too(backend: Backend) -> None:
    store = backend.open_store([MemoryStore, Reminders])
    reminders = store.domain(Reminders)
    await reminders.add("none", None)
    for n in range(7):
        await reminders.add(f"r{n}", days_ago(40 - n))
    await reminders.add("young", days_ago(1))
    policies = {"reminders": {"reminders": {"max_age": "30d", "batch_size": 2}}}
    first = await store.prune(policies, max_rows=3)
    assert [(result.deleted, result.done) for result in first] == [(3, False)]
    assert await reminders.ids() == ["none", "r3", "r4", "r5", "r6", "young"]
    assert (await store.prune(policies))[0].done
    assert await reminders.ids() == ["none", "young"]

    await store.memory.save_thread(thread("t1", 40))
    await store.prune({"memory": {"threads": "30d"}})
    assert await reminders.ids() == []
    await store.aclose()


async def test_rows_that_are_no_older_than_allowed_stay(store: ConvexStore) -> None:
    await store.memory.save_messages([message("m1", 0), message("m2", 365)])
    assert (await store.prune({"memory": {"messages": "1000000d"}}))[0].deleted == 0
    assert (await store.prune({"memory": {"messages": "1h"}}))[0].deleted == 1
    assert await ids(store.memory) == ["m1"]


@pytest.mark.parametrize(
    ("bounds", "deleted", "calls"),
    [
        ({"max_rows": 7}, [7, 7, 7, 4], [False, False, False, True]),
        ({"max_batches": 2}, [10, 10, 5], [False, False, True]),
        ({"max_batches": 1, "max_rows": 3}, [3], [False]),
        ({"max_rows": 25}, [25], [True]),
        ({"max_batches": 5}, [25], [True]),
        ({}, [25], [True]),
    ],
)
async def test_it_is_bounded_and_goes_on_where_it_ended(
    store: ConvexStore, bounds: dict[str, int], deleted: list[int], calls: list[bool]
) -> None:
    await store.memory.save_messages([*messages(25, 40), message("young", 10)])
    found = [await _prune_messages(store, **bounds) for _ in calls]
    assert [result.deleted for result in found] == deleted
    assert [result.done for result in found] == calls
    assert await ids(store.memory) == [*(m.id for m in messages(25, 40)[sum(deleted) :]), "young"]


async def _prune_messages(store: ConvexStore, **options: Any) -> PruneResult:
    [result] = await store.prune({"memory": {"messages": {"max_age": "30d", "batch_size": 5}}}, **options)
    return result


async def test_rows_of_one_time_are_counted_out(store: ConvexStore) -> None:
    time = days_ago(40)
    same = [m.model_copy(update={"created_at": time}) for m in messages(12, 40)]
    await store.memory.save_messages([*same, message("young", 10)])
    found = [(await _prune_messages(store, max_rows=8)) for _ in range(2)]
    assert [(result.deleted, result.done) for result in found] == [(8, False), (4, True)]
    assert await ids(store.memory) == ["young"]


async def test_threads_are_bounded_too(store: ConvexStore) -> None:
    for n in range(5):
        await store.memory.save_thread(thread(f"t{n}", 40 - n))
    policies = {"threads": {"max_age": "30d", "batch_size": 2}}
    found = [await store.memory.prune(policies, max_batches=1) for _ in range(3)]
    assert [(result.deleted, result.done) for [result] in found] == [(2, False), (2, False), (1, True)]


async def test_a_dry_run_only_counts(store: ConvexStore) -> None:
    await store.memory.save_messages([*messages(3, 40), message("young", 10)])
    assert await _prune_messages(store, dry_run=True) == results(("memory", "mastra_messages", 3, False))[0]
    assert await _prune_messages(store, dry_run=True, max_rows=2) == results(("memory", "mastra_messages", 2, False))[0]
    assert len(await ids(store.memory)) == 4
    await _prune_messages(store)
    assert await _prune_messages(store, dry_run=True) == results(("memory", "mastra_messages", 0, True))[0]


async def test_progress_is_told_after_each_batch(store: ConvexStore) -> None:
    await store.memory.save_messages(messages(12, 40))
    told: list[PruneResult] = []
    await _prune_messages(store, progress=told.append)
    assert [(result.deleted, result.done) for result in told] == [(5, False), (10, False), (12, False), (12, True)]


@pytest.mark.parametrize("pause", [0.0, 3600.0])
async def test_it_stops_before_the_next_batch(store: ConvexStore, pause: float) -> None:
    await store.memory.save_messages(messages(12, 40))
    await store.memory.save_thread(thread("t1", 40))
    stop = asyncio.Event()

    def end_soon(_: PruneResult) -> None:
        asyncio.get_running_loop().call_soon(stop.set)

    policies: Mapping[str, Any] = {"messages": {"max_age": "30d", "batch_size": 5}, "threads": "30d"}
    pruned = await store.memory.prune(policies, pause=pause, progress=end_soon, stop=stop)
    assert [(result.deleted, result.done) for result in pruned] == [(5, False), (0, False)]
    assert len(await ids(store.memory)) == 7


async def test_without_policies_nothing_is_done(store: ConvexStore) -> None:
    await store.memory.save_messages(messages(2, 400))
    assert await store.prune() == await store.prune({}) == await store.prune({"memory": {}}) == []
    assert len(await ids(store.memory)) == 2


@pytest.mark.parametrize(
    ("retention", "problem"),
    [
        ([], "retention must be a mapping"),
        ({"memroy": {}}, "retention names a domain that the store lacks: 'memroy'"),
        ({5: {}}, "retention names a domain that the store lacks: 5"),
        ({"memory": {5: "30d"}}, "retention.memory has no table 5 to prune"),
        ({"threadState": {}, "thread_state": {}}, "names a domain twice: 'thread_state'"),
        ({"memory": "30d"}, "retention.memory must be a mapping"),
        ({"memory": {"mesages": "30d"}}, "retention.memory has no table 'mesages' to prune; it has: 'messages', "),
        ({"workflows": {"workflowSnapshot": 1, "workflow_snapshot": 1}}, "in both spellings"),
        ({"memory": {"messages": "30"}}, 'retention.memory.messages.max_age: must be a timedelta, .* "30d"'),
        ({"memory": {"messages": "-1d"}}, "max_age: must be"),
        ({"memory": {"messages": -1}}, "max_age: must be"),
        ({"memory": {"messages": float("nan")}}, "max_age: must be"),
        ({"memory": {"messages": True}}, "max_age: must be"),
        ({"memory": {"messages": None}}, "max_age: must be"),
        ({"memory": {"messages": f"{'9' * 400}d"}}, "max_age: is longer than time is counted"),
        ({"memory": {"messages": {"max_age": "1d", "batch_size": 0}}}, "retention.memory.messages.batch_size: "),
        ({"memory": {"messages": {"max_age": "1d", "batch_size": 2.0}}}, "retention.memory.messages.batch_size: "),
        ({"memory": {"messages": {"max_age": "1d", "per": 2}}}, "unknown key 'per'"),
        ({"memory": {"messages": {}}}, "max_age: is required"),
    ],
)
async def test_a_wrong_policy_is_refused_by_name(retention: Any, problem: str) -> None:
    async with ConvexStore.local(":memory:") as store:
        await store.memory.save_messages(messages(2, 400))
        with pytest.raises(ValidationError, match=problem):
            await store.prune({"scores": {"scorers": "1d"}, **retention} if isinstance(retention, dict) else retention)
        assert len(await ids(store.memory)) == 2


@pytest.mark.parametrize(
    "bounds",
    [
        {"max_rows": 0},
        {"max_batches": 1.5},
        {"max_rows": True},
        {"pause": -1},
        {"pause": "1"},
        {"pause": None},
        {"progress": 1},
        {"stop": True},
    ],
)
async def test_a_wrong_bound_is_refused_by_name(bounds: dict[str, Any]) -> None:
    async with ConvexStore.local(":memory:") as store:
        with pytest.raises(ValidationError, match=next(iter(bounds))):
            await store.prune({"memory": {"messages": "1d"}}, **bounds)


def test_ages_in_all_units() -> None:
    ages = [RetentionPolicy(max_age=age).max_age for age in ("1500ms", "1.5s", 1.5, "2m", "2h", "2d", "2w")]
    seconds = [age.total_seconds() for age in ages]
    assert seconds == [1.5, 1.5, 1.5, 120, 7200, 172_800, 1_209_600]


def test_an_anchor_needs_an_index_of_its_own() -> None:
    table = Table("notes", (Field("id"), Field("at")), (Index("by_record_id", ("id",)), Index("by_at", ("at", "id"))))
    with pytest.raises(ConfigurationError, match="notes: retention needs an index on 'at' alone"):
        RetentionTable(table, "at")
