"""The memory and the cache of LangGraph on a store: as its own in memory, and what those leave open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy

from mastra_convex import ConfigurationError, ConvexStore, ValidationError
from mastra_convex.adapters.background_loop import OnEventLoopError
from mastra_convex.adapters.langgraph_store import StoreCache, StoreMemory
from tests.adapters.pages import run_page
from tests.backends import ConvexHost, remote_store
from tests.effort import effort

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = 10_000


@pytest.fixture
def store(one_local_one_remote: ConvexStore) -> ConvexStore:
    return one_local_one_remote


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Embeds texts by their letters."""
    return [[1.0 + text.count(letter) for letter in "abcdefgh"] for text in texts]


INDEX: IndexConfig = {"dims": 8, "embed": letters, "fields": ["text"]}

NAMESPACES = st.lists(st.sampled_from(["a", "b", "a b", "чай"]), min_size=1, max_size=3).map(tuple)
KEYS = st.sampled_from(["k", "K", "ключ", ""])
VALUES = st.fixed_dictionaries(
    {"n": st.integers(-3, 3)},
    optional={
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "in": st.one_of(
            st.none(), st.just("x"), st.fixed_dictionaries({"x": st.integers(0, 1)}, optional={"y": st.none()})
        ),
    },
)
FILTERS: st.SearchStrategy[dict[str, Any] | None] = st.sampled_from(
    [
        None,
        {},
        {"n": 1},
        {"n": {"$eq": 2}},
        {"n": {"$gt": -1, "$lte": 2}, "tags": ["x"]},
        {"n": {"$gte": 0, "$lt": 3}},
        {"tags": []},
        {"tags": "x"},
        {"tags": {"$ne": ["x", "y"]}},
        {"in": None},
        {"in": {}},
        {"in": {"x": 1}},
        {"in": {"x": {"$ne": 1}}},
        {"in": {"$eq": {"x": 1}}},
        {"in": {"$ne": "x"}},
        {"none": {"$ne": 1}},
    ]
)
PATHS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=3).map(tuple)
CONDITIONS = st.lists(
    PATHS.map(lambda path: MatchCondition("prefix", path)) | PATHS.map(lambda path: MatchCondition("suffix", path)),
    max_size=2,
)
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(NAMESPACES, KEYS, VALUES).map(lambda given: PutOp(*given)),
    st.tuples(NAMESPACES, KEYS, st.none() | VALUES).map(lambda given: PutOp(*given)),
    st.tuples(NAMESPACES, KEYS).map(lambda given: GetOp(*given)),
    st.tuples(NAMESPACES | st.just(()), FILTERS, st.just(ALL)).map(lambda given: SearchOp(*given)),
    st.tuples(CONDITIONS.map(tuple), st.none() | st.integers(1, 3), st.integers(0, 4), st.integers(0, 2)).map(
        lambda given: ListNamespacesOp(*given)
    ),
)


def plain(result: Any, op: Op) -> Any:
    """Returns what both stores must agree on: the order of a search is left open, and when an item was made."""
    if isinstance(result, Item):
        return (result.namespace, result.key, result.value)
    if isinstance(op, SearchOp):
        return sorted((plain(item, GetOp((), "")) for item in result), key=repr)
    return result


def copied(model: InMemoryStore) -> InMemoryStore:
    """Returns the items in a new store: the model goes on to list namespaces that have none, even if only asked for."""
    other = InMemoryStore()
    for item in model.search((), limit=ALL):
        other.put(item.namespace, item.key, item.value)
    return other


async def check(memory: BaseStore, batches: Iterable[list[Op]]) -> None:
    model = InMemoryStore()
    for batch in batches:
        expected = [plain(copied(model).batch([op])[0], op) for op in batch]
        found = await memory.abatch(batch)
        assert [plain(*pair) for pair in zip(found, batch, strict=True)] == expected
        model.batch(batch)


@settings(max_examples=effort(40, 2_000))
@given(batches=st.lists(st.lists(OPS, max_size=6), max_size=6))
async def test_it_answers_as_the_store_in_memory(batches: list[list[Op]]) -> None:
    async with StoreMemory(":memory:") as memory:
        await check(memory, batches)


async def test_it_answers_so_on_every_backend(store: ConvexStore) -> None:
    values: list[dict[str, Any]] = [
        {"n": 1, "tags": ["x"], "in": {"x": 1}},
        {"n": 2, "tags": [], "in": None},
        {"n": -1, "tags": "x", "in": "x"},
        {"n": 3, "in": {"x": 0, "y": None}},
    ]
    puts: list[Op] = [PutOp(("a", "b", str(n)), f"k{n}", value) for n, value in enumerate(values)]
    filters: list[dict[str, Any]] = [
        {"n": {"$gte": 1, "$lt": 3}},
        {"tags": ["x"]},
        {"tags": "x"},
        {"tags": {"$ne": []}},
        {"in": {"x": 1}},
        {"in": None},
        {"in": {}},
    ]
    reads: list[Op] = [SearchOp(("a",), filter, ALL) for filter in filters]
    conditions = (MatchCondition("prefix", ("a", "*")), MatchCondition("suffix", ("*", "2")))
    reads += [ListNamespacesOp(conditions), ListNamespacesOp(None, 2), ListNamespacesOp(None, None, 2, 1)]
    await check(StoreMemory(store), [[*puts, *reads], [*reads, PutOp(("a", "b", "1"), "k1", None)], reads])


async def test_of_one_batch_reads_come_first_and_the_last_put_counts(store: ConvexStore) -> None:
    memory = StoreMemory(store)
    put, get = PutOp(("a",), "k", {"n": 1}), GetOp(("a",), "k")
    assert await memory.abatch([put, get, PutOp(("a",), "k", {"n": 2})]) == [None, None, None]
    before, _, _ = await memory.abatch([get, put, PutOp(("a",), "k", None)])
    assert isinstance(before, Item)
    assert before.value == {"n": 2}
    assert await memory.aget(("a",), "k") is None


async def test_pages_of_a_search_are_parts_of_the_whole(store: ConvexStore) -> None:
    memory = StoreMemory(store)
    await memory.abatch([PutOp(("a", f"{n % 3}"), f"{n}", {"n": n}) for n in range(9)])
    whole = await memory.asearch(("a",), limit=ALL)
    for limit, offset in [(2, 0), (2, 4), (3, 4), (4, 7), (3, 9), (0, 0)]:
        assert await memory.asearch(("a",), limit=limit, offset=offset) == whole[offset : offset + limit]
    with pytest.raises(ValidationError, match="limit and offset must be >= 0"):
        await memory.asearch(("a",), offset=-1)


async def test_wrong_arguments_put_nothing(store: ConvexStore) -> None:
    memory = StoreMemory(store, index=INDEX)
    wrong: list[Any] = [(), ("",), ("a.b",), ("langgraph",), (1,)]
    for namespace in wrong:
        with pytest.raises(InvalidNamespaceError):
            await memory.aput(namespace, "k", {})
    with pytest.raises(InvalidNamespaceError):
        await memory.abatch([PutOp(("a",), "k", {}), GetOp(("a.b",), "k")])
    for value in ({"text": "a", "at": b""}, {"text": "a", "n": float("nan")}):
        with pytest.raises(ValidationError):
            await memory.aput(("a",), "k", value)
    for ttl in (-1, float("nan")):
        with pytest.raises(ValidationError, match="ttl must be at least 0 minutes"):
            await memory.aput(("a",), "k", {"text": "a"}, ttl=ttl)
    with pytest.raises(ValidationError, match=r"\$over is no operator"):
        await memory.asearch(("a",), filter={"n": {"$over": 1}})
    assert await memory.asearch(()) == []
    assert await store.vector.list_indexes() == []
    with pytest.raises(ConfigurationError, match="asweep"):
        StoreMemory(store, ttl={"sweep_interval_minutes": 5})
    with pytest.raises(ConfigurationError, match="embed"):
        StoreMemory(store, index={"dims": 3})


async def test_lifetimes_begin_anew_with_a_read(store: ConvexStore) -> None:
    memory = StoreMemory(store, ttl={"default_ttl": 60, "refresh_on_read": False})
    await memory.aput(("a",), "read", {})
    await memory.aput(("a",), "searched", {"n": 1})
    await memory.aput(("a",), "left", {})
    await memory.aput(("a",), "for ever", {}, ttl=None)
    later = datetime.now(UTC)

    async def after(minutes: int) -> list[str]:
        store.key_values.clock = lambda: later + timedelta(minutes=minutes)
        return [item.key for item in await memory.asearch(("a",))]

    assert await after(40) == ["for ever", "left", "read", "searched"]
    await memory.aget(("a",), "read", refresh_ttl=True)
    await memory.asearch(("a",), filter={"n": 1}, refresh_ttl=True)
    assert await after(80) == ["for ever", "read", "searched"]
    assert await after(120) == ["for ever"]


async def test_a_search_by_meaning_ranks_as_the_store_in_memory(store: ConvexStore) -> None:
    memory, model = StoreMemory(store, index=INDEX), InMemoryStore(index=INDEX)
    assert await memory.asearch(("a",), query="abc") == []
    texts = ["aab", "bcc", "ddd", "efg", "hhhh", "abcdefgh", "gg", "ccd"]
    for one in (memory, model):
        await one.abatch([PutOp(("a", f"{n % 2}"), f"{n}", {"text": text, "n": n}) for n, text in enumerate(texts)])
        await one.aput(("b",), "outside", {"text": "aaaa"})
        await one.aput(("a", "0"), "0", {"text": "hhhhh", "n": 0})
        await one.aput(("a", "1"), "many", {"names": ["aaa", "dd"], "n": 0}, index=["names[*]"])
        await one.adelete(("a", "1"), "7")
    for query, filter, limit, offset in [
        ("aaab", None, 20, 0),
        ("hhh", None, 3, 1),
        ("ccd", {"n": {"$gt": 1}}, 4, 0),
        ("ccd", {"n": 6}, 1, 0),
    ]:
        options: dict[str, Any] = {"query": query, "filter": filter, "limit": limit, "offset": offset}
        expected = await model.asearch(("a",), **options)
        found = await memory.asearch(("a",), **options)
        assert [(item.key, item.value) for item in found] == [(item.key, item.value) for item in expected]
        assert [item.score for item in found] == [pytest.approx(item.score) for item in expected]


async def test_vectors_go_with_their_items(store: ConvexStore) -> None:
    memory = StoreMemory(store, index=INDEX)
    await memory.abatch([PutOp(("a",), key, {"text": key * 3}, ttl=1 if key == "d" else None) for key in "abcd"])
    await memory.aput(("a",), "a", {"text": "hh"})
    await memory.aput(("a",), "b", {"text": "bbb"}, index=False)
    await memory.adelete(("a",), "c")
    assert (await store.vector.describe_index("langgraph")).count == 2
    assert {item.key for item in await memory.asearch(("a",), query="b")} == {"a", "d"}

    await store.key_values.delete_many("langgraph", keys=[(("a",), "d")])  # as its end would
    assert [item.key for item in await memory.asearch(("a",), query="d")] == ["a"]
    await memory.asweep()
    assert (await store.vector.describe_index("langgraph")).count == 2  # its item might yet come
    await memory.asweep(unused_for=timedelta(0))
    assert (await store.vector.describe_index("langgraph")).count == 1


async def test_a_vector_that_its_item_does_not_name_is_not_found(store: ConvexStore) -> None:
    memory = StoreMemory(store, index=INDEX)
    await memory.aput(("a",), "k", {"text": "abc"})
    died_before_its_commit = {"namespace": ["a"], "key": "k", "value": {"value": {"text": "hh"}, "vectors": []}}
    await store.key_values.set_many("langgraph", entries=[died_before_its_commit])
    assert await memory.asearch(("a",), query="abc") == []
    assert [item.value for item in await memory.asearch(("a",))] == [{"text": "hh"}]


async def test_synchronous_twins(store: ConvexStore) -> None:
    memory, cache = StoreMemory(store, index=INDEX), StoreCache[int](store)

    def use() -> list[Any]:
        memory.put(("a",), "k", {"text": "abc"})
        cache.set({(("n",), "k"): (1, None)})
        found = [[item.key for item in memory.search(("a",), query="a")], cache.get([(("n",), "k")])]
        cache.clear()
        return [*found, cache.get([(("n",), "k")])]

    assert await asyncio.to_thread(use) == [["k"], {(("n",), "k"): 1}, {}]
    with pytest.raises(OnEventLoopError):
        memory.get(("a",), "k")
    with pytest.raises(OnEventLoopError):
        cache.get([(("n",), "k")])


async def test_the_cache_answers_as_the_one_in_memory(store: ConvexStore) -> None:
    caches = [StoreCache[Any](store), InMemoryCache[Any]()]
    answers = []
    for cache in caches:
        key, other, inner = (("n",), "k"), (("n",), "a.b"), (("n", "", "чай"), "k")
        await cache.aset({key: ({"at": NOW, "bytes": b"\x00"}, None), other: ((1, 2), 60), inner: ([None], None)})
        answers.append([await cache.aget([inner, key, (("n",), "none"), other])])
        await cache.aclear([("n",)])
        answers[-1].append(await cache.aget([key, other, inner]))
        await cache.aclear()
        answers[-1].append(await cache.aget([inner]))
    assert answers[0] == answers[1]


async def test_what_is_cached_for_seconds_expires(store: ConvexStore) -> None:
    cache = StoreCache[int](store)
    await cache.aset({(("n",), "short"): (1, 30), (("n",), "long"): (2, 90)})
    later = datetime.now(UTC) + timedelta(minutes=1)
    store.key_values.clock = lambda: later
    assert await cache.aget([(("n",), "short"), (("n",), "long")]) == {(("n",), "long"): 2}


async def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("langgraph-store.md")


async def test_calls_on_convex(host: ConvexHost) -> None:
    async def calls(work: Awaitable[object]) -> int:
        await host.reset(keep="data")
        await work
        count: int = (await host.stats())["totals"]["calls"]
        return count

    await host.reset()
    async with remote_store(host.url, None) as store:
        memory, indexed = StoreMemory(store), StoreMemory(store, collection="indexed", index=INDEX)
        cache = StoreCache[int](store)
        await indexed.aput(("a",), "first", {"text": "a"})  # which makes the index
        assert await calls(memory.abatch([PutOp(("a",), f"{n}", {"n": n}) for n in range(20)])) == 1
        assert await calls(memory.abatch([GetOp(("a",), f"{n}") for n in range(20)])) == 1
        assert await calls(memory.asearch(("a",), filter={"n": {"$gt": 5}}, limit=5, offset=5)) == 1
        assert await calls(memory.aput(("a",), "1", {}, ttl=60)) == 1
        assert await calls(memory.aget(("a",), "1")) == 2  # its lifetime begins anew
        assert await calls(indexed.aput(("a",), "k", {"text": "abc"})) == 3
        assert await calls(indexed.aput(("a",), "k", {"text": "abd"})) == 4  # the former vector goes
        assert await calls(indexed.asearch(("a",), query="a", limit=2)) == 2
        assert await calls(cache.aset({(("n",), f"{n}"): (n, 60) for n in range(20)})) == 1
        assert await calls(cache.aget([(("n",), f"{n}") for n in range(20)])) == 1


class State(TypedDict):
    topic: str
    facts: list[str]


async def test_a_graph_with_a_cached_node_and_a_memory(store: ConvexStore) -> None:
    runs: list[str] = []

    async def research(state: State) -> dict[str, Any]:
        runs.append(state["topic"])
        return {"facts": [f"{state['topic']} is a drink"]}

    async def remember(state: State, *, store: BaseStore) -> dict[str, Any]:
        await store.aput(("users", "ada"), state["topic"], {"facts": state["facts"]})
        return {}

    builder = StateGraph(State)
    builder.add_node("research", research, cache_policy=CachePolicy(ttl=60))
    builder.add_node("remember", remember)
    builder.add_edge(START, "research")
    builder.add_edge("research", "remember")
    builder.add_edge("remember", END)
    for _ in range(2):  # as two processes that share the store
        graph = builder.compile(cache=StoreCache(store), store=StoreMemory(store))
        for topic in ("tea", "coffee"):
            answer = await graph.ainvoke({"topic": topic, "facts": []})
            assert answer["facts"] == [f"{topic} is a drink"]
    assert runs == ["tea", "coffee"]
    assert [item.key for item in await StoreMemory(store).asearch(("users",))] == ["coffee", "tea"]
