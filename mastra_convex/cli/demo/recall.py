"""Semantic recall in the demo: the messages that are near a question, each with what was said around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mastra_convex.cli.demo.transcript import Line
from mastra_convex.contract.embedders import Embedder
from mastra_convex.store_base import DomainAccess

INDEX: Final = "demo_messages"
_HITS: Final = 3
_AROUND: Final = 1


@dataclass(frozen=True)
class Recalled:
    """A hit with its neighbours, in the order of their thread."""

    id: str
    score: float
    thread: str
    messages: Sequence[Any]


def question_of(lines: Sequence[Line]) -> Line:
    """The line to look for others like it: the last that a user ended with a question mark, else the last."""
    asked = [line for line in lines if line.role == "user" and line.text.rstrip().endswith(("?", "\uff1f"))]
    return max(asked or lines, key=lambda line: line.time)


async def embed_messages(store: DomainAccess, embedder: Embedder, lines: Sequence[Line]) -> int:
    """Stores a vector for each message under the id of the message, so that a repeat adds none; how many there are."""
    await store.vector.create_index(INDEX, dimension=embedder.dimension)
    await store.vector.upsert(
        INDEX,
        vectors=await embedder.embed([line.text for line in lines]),
        ids=[line.id for line in lines],
        metadata=[
            {"thread_id": line.thread_id, "resource_id": line.resource, "thread": line.thread, "at": line.time}
            for line in lines
        ],
    )
    return (await store.vector.describe_index(INDEX)).count


async def recall(store: DomainAccess, embedder: Embedder, question: Line) -> list[Recalled]:
    """Returns the earlier messages of the resource that are nearest to the question."""
    [vector] = await embedder.embed([question.text])
    hits = await store.vector.query(
        INDEX,
        query_vector=vector,
        top_k=_HITS,
        filter={"resource_id": question.resource, "at": {"$lt": question.time}},
    )
    recalled: list[Recalled] = []
    for hit in hits:
        include = {"id": hit.id, "with_previous_messages": _AROUND, "with_next_messages": _AROUND}
        page = await store.memory.list_messages(hit.metadata["thread_id"], per_page=0, include=[include])
        recalled.append(Recalled(hit.id, hit.score, hit.metadata["thread"], page.messages))
    return recalled
