"""The public API as type checkers see it. Not run: CI checks it with mypy and pyright against an installed wheel."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, assert_type

import numpy as np
from numpy.typing import NDArray

import mastra_convex
from mastra_convex import CompositeStore, ConvexStore, PruneResult, Retention, RetentionPolicy, to_jsonable
from mastra_convex.domain import DomainStore
from mastra_convex_domains import (
    DocumentPage,
    DocumentsStore,
    Embedder,
    HashingEmbedder,
    Include,
    IndexDescription,
    MemoryStore,
    Message,
    MessagePage,
    Resource,
    Score,
    ScorePage,
    ScoresStore,
    Thread,
    ThreadClone,
    ThreadPage,
    ThreadStateStore,
    VectorHit,
    VectorStore,
    WorkflowRun,
    WorkflowRunPage,
    WorkflowsStore,
)


async def stores() -> None:
    async with ConvexStore.local("agent.db") as local:
        assert_type(local, ConvexStore)
    store = ConvexStore(id="agent", deployment_url="https://x.convex.cloud", admin_auth_token="key")
    assert_type(store.memory, MemoryStore)
    assert_type(store.workflows, WorkflowsStore)
    assert_type(store.vector, VectorStore)
    assert_type(store.domain(MemoryStore), MemoryStore)
    assert_type(await store.get_store("memory"), DomainStore | None)
    assert_type(ConvexStore.from_env(local="agent.db", domains=[MemoryStore]), ConvexStore)
    store.memroy  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
    ConvexStore("agent", "https://x.convex.cloud", "key")  # type: ignore[call-arg]  # pyright: ignore
    await store.aclose()
    mastra_convex.Mesage  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
    assert_type(to_jsonable({"a": 1}), Any)


async def composites(first: ConvexStore, second: ConvexStore) -> None:
    async with CompositeStore(id="app", default=first, domains={"workflows": second, "scores": False}) as store:
        assert_type(store, CompositeStore)
        assert_type(store.memory, MemoryStore)
        assert_type(store.domain(WorkflowsStore), WorkflowsStore)
        assert_type(await store.get_store("memory"), DomainStore | None)
        store.memroy  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
    CompositeStore(id="app", default=store, domains={"memory": second.memory}, retention={"memory": {"threads": 9}})
    CompositeStore(id="app", domains={"memory": True})  # type: ignore[dict-item]  # pyright: ignore


async def retention(store: ConvexStore) -> None:
    policies: Retention = {"memory": {"messages": "30d", "threads": timedelta(days=90)}}
    assert_type(await store.prune(policies, max_rows=1000, dry_run=True), list[PruneResult])
    policy = RetentionPolicy(max_age="30d", batch_size=500)
    assert_type(policy.max_age, timedelta)
    [result] = await store.memory.prune({"messages": policy}, progress=lambda result: print(result.deleted))
    assert_type(result.done, bool)
    await store.prune({"memory": {"messages": None}})  # type: ignore[dict-item]  # pyright: ignore


async def threads(memory: MemoryStore) -> None:
    assert_type(await memory.save_thread(Thread(id="t1", resource_id="user-1", title="First talk")), Thread)
    assert_type(await memory.save_thread({"id": "t1", "resourceId": "user-1"}), Thread)
    assert_type(await memory.get_thread_by_id("t1"), Thread | None)
    assert_type(await memory.update_thread("t1", title="x", metadata={"a": 1}), Thread)
    assert_type(await memory.patch_thread("t1", title="x"), Thread)
    assert_type(await memory.list_threads(resource_id="user-1", order_by="-updated_at"), ThreadPage)
    assert_type(await memory.clone_thread("t1", message_limit=3), ThreadClone)
    await memory.list_threads(order_by="title")  # type: ignore[arg-type]  # pyright: ignore
    async for thread in memory.iter_threads():
        assert_type(thread.metadata, dict[str, Any])


async def messages(memory: MemoryStore) -> None:
    message = Message(thread_id="t1", resource_id="user-1", role="user", content="Hello")
    assert_type(message.content, dict[str, Any])
    assert_type(message.role, Literal["user", "assistant", "system", "signal"])
    assert_type(message.created_at, datetime)
    assert_type(await memory.save_messages([message]), list[Message])
    page = await memory.list_messages("t1", per_page=20, order_by="-created_at", include=[Include(id="m1")])
    assert_type(page, MessagePage)
    assert_type(page.total, int | None)
    assert_type(page.per_page, int | Literal[False])
    assert_type(await memory.list_messages(["t1", "t2"], per_page=False), MessagePage)
    update: Mapping[str, Any] = {"id": "m1", "content": {"metadata": {"seen": True}}}
    assert_type(await memory.update_messages([update]), list[Message])
    Message(thread_id="t1", role="robot", content="x")  # type: ignore[arg-type]  # pyright: ignore
    Message(threadId="t1", role="user", content="x")  # type: ignore[call-arg]  # pyright: ignore
    async for each in memory.iter_messages("t1"):
        assert_type(each, Message)


async def resources(memory: MemoryStore) -> None:
    assert_type(await memory.get_resource_by_id("user-1"), Resource | None)
    assert_type(await memory.update_resource("user-1", working_memory="x", metadata={}), Resource)


async def workflows(workflows: WorkflowsStore) -> None:
    assert_type(workflows.supports_concurrent_updates(), bool)
    assert_type(await workflows.load_workflow_snapshot("w", run_id="r"), dict[str, Any] | None)
    claim = await workflows.update_workflow_state("w", run_id="r", status="running", expected_status=["suspended"])
    assert_type(claim, dict[str, Any] | None)
    results = await workflows.update_workflow_results("w", run_id="r", step_id="s", result={}, return_context=False)
    assert_type(results, dict[str, Any])
    assert_type(await workflows.list_workflow_runs(status="failed", page=0, per_page=20), WorkflowRunPage)
    run = await workflows.get_workflow_run_by_id("r", workflow_name="w")
    assert_type(run, WorkflowRun | None)
    await workflows.update_workflow_state("w", run_id="r", status="done")  # type: ignore[arg-type]  # pyright: ignore


async def scores(scores: ScoresStore, state: ThreadStateStore) -> None:
    assert_type(await scores.get_score_by_id("s1"), Score | None)
    assert_type(await scores.save_score({"scorerId": "relevance"}), Score)
    assert_type(await scores.list_scores_by_scorer_id("relevance", source="LIVE", per_page=False), ScorePage)
    assert_type(await scores.list_scores_by_entity_id("agent-1", entity_type="AGENT"), ScorePage)
    assert_type((await scores.list_scores_by_span("t", span_id="s", include_total=False)).scores, list[Score])
    await scores.list_scores_by_scorer_id("relevance", source="live")  # type: ignore[arg-type]  # pyright: ignore
    await state.set_state("t1", type="task", value=[{"id": "1"}])
    assert_type(await state.get_state("t1", type="task"), Any)


async def vectors(vectors: VectorStore, embedder: Embedder) -> None:
    await vectors.create_index("i", dimension=embedder.dimension, metric="dotproduct")
    assert_type(await vectors.describe_index("i"), IndexDescription)
    assert_type(await vectors.list_indexes(), list[str])
    ids = await vectors.upsert("i", vectors=await embedder.embed(["a"]), metadata=[{"n": 1}, None])
    assert_type(ids, list[str])
    hits = await vectors.query("i", query_vector=(1, 2.5), filter={"n": {"$gt": 1}}, min_score=0.5)
    assert_type(hits, list[VectorHit])
    assert_type(hits[0].metadata, dict[str, Any])
    assert_type(hits[0].vector, list[float] | None)
    assert_type(await HashingEmbedder().embed(["a"]), list[list[float]])
    await vectors.create_index("i", dimension=3, metric="cosinus")  # type: ignore[arg-type]  # pyright: ignore
    await vectors.query("i", query_vector="abc")  # type: ignore[arg-type]  # pyright: ignore


class _OfLists:
    dimension = 384

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.0] * self.dimension for _ in texts]


class _OfArrays:
    def __init__(self) -> None:
        self.dimension = 384

    async def embed(self, sentences: list[str]) -> list[NDArray[np.float32]]:
        return [np.zeros(self.dimension, np.float32) for _ in sentences]


class _OfOneArray:
    @property
    def dimension(self) -> int:
        return 384

    async def embed(self, texts: Iterable[str], *, normalized: bool = True) -> NDArray[Any]:
        return np.zeros((len(list(texts)), self.dimension))


class _OfTexts:
    dimension = 384

    async def embed(self, texts: list[str]) -> list[str]:
        return texts


async def embedders(vectors: VectorStore) -> None:
    several: list[Embedder] = [HashingEmbedder(), _OfLists(), _OfArrays(), _OfOneArray()]
    for embedder in several:
        found = await embedder.embed(["a"])
        assert_type(len(found), int)
        [vector] = found
        await vectors.upsert("i", vectors=found)
        await vectors.query("i", query_vector=vector)
    wrong: Embedder = _OfTexts()  # type: ignore[assignment]  # pyright: ignore  # noqa: F841


async def documents(documents: DocumentsStore) -> None:
    assert_type(await documents.put("things", record={"n": 1}), dict[str, Any])
    assert_type(await documents.get("things", id=7), dict[str, Any] | None)
    page = await documents.list("things", filter={"n": 1}, order_by="-id", cursor="c")
    assert_type(page, DocumentPage)
    assert_type(page.documents, list[dict[str, Any]])
    assert_type(page.cursor, str | None)
    await documents.list("things", order_by="n")  # type: ignore[arg-type]  # pyright: ignore
