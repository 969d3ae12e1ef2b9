"""A call that is given a resource id returns and changes only rows of that resource, though two share a thread."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from mastra_convex import ConvexStore, NotFoundError
from mastra_convex.engine.protocol import Engine, Scan, ScanResult
from mastra_convex_domains import Include, Message
from tests.backends import Backend
from tests.data import at, message, thread
from tests.effort import effort

ANN, BOB = "ann", "bob"
PEOPLE = (ANN, BOB)
COUNT = 24


def owner(n: int) -> str:
    return PEOPLE[(n * 7 // 3) % 2]


def said(resource_id: str, thread_id: str = "shared") -> list[Message]:
    """What a resource said in a thread that both write to."""
    every = [message(n, thread_id=thread_id, resource_id=owner(n)) for n in range(COUNT)]
    return [one for one in every if one.resource_id == resource_id]


@pytest.fixture
async def store(backend: Backend) -> ConvexStore:
    """Ann's thread, Bob's thread, and a thread of Ann to which both write; the same of everything else."""
    store = backend.store()
    await store.memory.save_thread(thread("shared", resource_id=ANN))
    for n, person in enumerate(PEOPLE):
        await store.memory.save_thread(thread(f"of-{person}", n=n, resource_id=person))
        await store.memory.save_messages(said(person) + said(person, f"of-{person}"))
        await store.memory.save_resource({"id": person, "working_memory": f"about {person}"})
        snapshot = {"status": "running", "secret": person}
        await store.workflows.persist_workflow_snapshot("w", run_id=person, resource_id=person, snapshot=snapshot)
    await store.vector.create_index("talks", dimension=2)
    metadata = [{"resource_id": owner(n), "thread_id": "shared", "text": owner(n)} for n in range(COUNT)]
    vectors = [[1.0, n / COUNT] for n in range(COUNT)]
    await store.vector.upsert("talks", vectors=vectors, metadata=metadata, ids=[f"v{n:02}" for n in range(COUNT)])
    return store


AROUND = [Include(id=f"shared-m{n:05}", with_previous_messages=5, with_next_messages=5) for n in range(0, COUNT, 4)]


async def messages_of(pages: Any) -> list[str | None]:
    return [item.resource_id for item in (await pages).messages]


Read = Callable[[ConvexStore, str], Awaitable[list[Any]]]


async def _iterated_messages(store: ConvexStore, who: str) -> list[Any]:
    return [item.resource_id async for item in store.memory.iter_messages("shared", resource_id=who, batch_size=3)]


async def _iterated_threads(store: ConvexStore, who: str) -> list[Any]:
    return [item.resource_id async for item in store.memory.iter_threads(resource_id=who, batch_size=1)]


async def _threads(store: ConvexStore, who: str) -> list[Any]:
    page = await store.memory.list_threads(resource_id=who)
    return [item.resource_id for item in page.threads]


async def _runs(store: ConvexStore, who: str) -> list[Any]:
    page = await store.workflows.list_workflow_runs(resource_id=who)
    return [item.resource_id for item in page.runs]


async def _hits(store: ConvexStore, who: str) -> list[Any]:
    hits = await store.vector.query("talks", query_vector=[1.0, 0.5], top_k=COUNT, filter={"resource_id": who})
    return [hit.metadata["resource_id"] for hit in hits if hit.metadata]


READS: dict[str, tuple[int, Read]] = {
    "a list": (
        len(said(ANN)),
        lambda store, who: messages_of(store.memory.list_messages("shared", resource_id=who)),
    ),
    "a list of several threads": (
        2 * len(said(ANN)),
        lambda store, who: messages_of(
            store.memory.list_messages(["shared", "of-ann", "of-bob"], resource_id=who, per_page=False)
        ),
    ),
    "includes with neighbours": (
        len(said(ANN)),
        lambda store, who: messages_of(
            store.memory.list_messages("shared", resource_id=who, per_page=0, include=AROUND)
        ),
    ),
    "includes from another thread": (
        len(said(ANN)),
        lambda store, who: messages_of(
            store.memory.list_messages("of-carol", resource_id=who, per_page=5, include=AROUND)
        ),
    ),
    "a list by resource, with includes": (
        2 * len(said(ANN)),
        lambda store, who: messages_of(store.memory.list_messages_by_resource_id(who, per_page=False, include=AROUND)),
    ),
    "an iteration of messages": (len(said(ANN)), _iterated_messages),
    "a list of threads": (2, _threads),
    "an iteration of threads": (2, _iterated_threads),
    "a list of runs": (1, _runs),
    "a search": (len(said(ANN)), _hits),
}


@pytest.mark.parametrize("name", READS)
async def test_reads(store: ConvexStore, name: str) -> None:
    count, read = READS[name]
    of_ann, of_bob = await read(store, ANN), await read(store, BOB)
    assert set(of_ann) == {ANN}
    assert set(of_bob) == {BOB}
    assert len(of_ann) == count  # all that is hers, though his rows lie between
    assert await read(store, "carol") == []


async def test_pages_of_any_shape(store: ConvexStore) -> None:
    """Pages, times, orders and windows at random, held against a plain list."""
    dice = random.Random(5)
    for _ in range(effort(25, 2_000)):
        who = dice.choice(PEOPLE)
        windows = [
            Include(
                id=f"shared-m{dice.randrange(COUNT):05}",
                with_previous_messages=dice.randrange(6),
                with_next_messages=dice.randrange(6),
            )
            for _ in range(dice.randrange(3))
        ]
        start, size, page = dice.randrange(COUNT), dice.randrange(1, 9), dice.randrange(3)
        order: Literal["created_at", "-created_at"] = dice.choice(("created_at", "-created_at"))
        found = await store.memory.list_messages(
            "shared", resource_id=who, start=at(start), page=page, per_page=size, order_by=order, include=windows
        )
        mine = [item for item in said(who) if item.created_at >= at(start)]
        mine = mine[::-1] if order.startswith("-") else mine
        wanted = {item.id for item in mine[page * size : (page + 1) * size]}
        every = [item.id for item in said(who)]
        for window in windows:
            if window.id in every:
                n = every.index(window.id)
                wanted |= set(every[max(0, n - window.with_previous_messages) : n + window.with_next_messages + 1])
        assert {item.id for item in found.messages} == wanted
        assert found.total == len(mine)


async def test_a_cursor_opens_nothing_else(store: ConvexStore, backend: Backend) -> None:
    engine: Engine = backend.engine()

    def scan(who: str, cursor: str | None) -> Scan:
        prefixes = [[who]]
        return Scan(table="mastra_messages", index="by_resource_created", prefixes=prefixes, limit=3, cursor=cursor)

    (first,) = await engine.read([scan(ANN, None)])
    assert isinstance(first, ScanResult)
    assert first.cursor is not None
    (other,) = await engine.read([scan(BOB, first.cursor)])
    assert isinstance(other, ScanResult)
    assert {row["resourceId"] for row in other.rows} == {BOB}


async def everything(store: ConvexStore, who: str) -> list[Any]:
    """All that belongs to a resource."""
    hits = await store.vector.query("talks", top_k=COUNT, filter={"resource_id": who})
    return [
        await store.memory.get_resource_by_id(who),
        (await store.memory.list_messages_by_resource_id(who, per_page=False)).messages,
        (await store.memory.list_threads(resource_id=who)).threads,
        (await store.workflows.list_workflow_runs(resource_id=who)).runs,
        sorted((hit.id, str(hit.metadata)) for hit in hits),
    ]


@dataclass(frozen=True)
class Eve:
    """What Bob does in his own name, or tries with what is Ann's."""

    name: str
    act: Callable[[ConvexStore], Awaitable[object]]

    def __str__(self) -> str:
        return self.name


ACTS = [
    Eve("a resource", lambda store: store.memory.update_resource(BOB, working_memory="new", metadata={"a": 1})),
    Eve("saving a resource", lambda store: store.memory.save_resource({"id": BOB, "working_memory": "other"})),
    Eve(
        "metadata of her thread",
        lambda store: store.memory.update_thread_metadata("shared", resource_id=BOB, update=lambda _: {"hacked": True}),
    ),
    Eve("vectors", lambda store: store.vector.delete_vectors("talks", filter={"resource_id": BOB})),
    Eve(
        "metadata of vectors",
        lambda store: store.vector.update_vector("talks", filter={"resource_id": BOB}, metadata={"seen": True}),
    ),
    Eve("a clone for himself", lambda store: store.memory.clone_thread("of-bob", resource_id=BOB)),
    Eve(
        "a clone with her messages by id",
        lambda store: store.memory.clone_thread("of-bob", message_ids=["shared-m00000", "of-ann-m00000"]),
    ),
    Eve("the owner of his thread", lambda store: store.memory.update_thread_resource_id("of-bob", resource_id="carol")),
    Eve("his thread", lambda store: store.memory.delete_thread("of-bob")),
]


@pytest.mark.parametrize("eve", ACTS, ids=str)
async def test_changes(store: ConvexStore, eve: Eve) -> None:
    before = await everything(store, ANN)
    await eve.act(store)
    assert await everything(store, ANN) == before


async def test_her_thread_is_not_there_for_him(store: ConvexStore) -> None:
    assert await store.memory.get_thread_by_id("shared", resource_id=BOB) is None
    assert await store.memory.update_thread_metadata("shared", resource_id=BOB, update=lambda _: {"x": 1}) is None
    with pytest.raises(NotFoundError):
        await store.memory.clone_thread("none", resource_id=BOB)


async def test_a_copy_keeps_the_two_apart(store: ConvexStore) -> None:
    copy = await store.memory.clone_thread("shared")
    for who in PEOPLE:
        page = await store.memory.list_messages(copy.thread.id, resource_id=who, per_page=False)
        assert [item.content for item in page.messages] == [item.content for item in said(who)]
        assert {item.resource_id for item in page.messages} == {who}
