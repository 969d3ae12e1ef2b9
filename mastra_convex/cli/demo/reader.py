"""Reads the facts that the demo compares between processes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from mastra_convex.store_base import DomainAccess


@dataclass(frozen=True)
class Question:
    """Names a resource, one of its threads, and a clone of that, to be read."""

    resource: str
    thread_id: str
    clone_id: str


@dataclass(frozen=True)
class Answer:
    """Facts by their label, and the process that read them."""

    pid: int
    facts: dict[str, str]


async def read_facts(store: DomainAccess, question: Question) -> Answer:
    """Reads what the demo compares between processes."""
    memory = store.memory
    threads = await memory.list_threads(resource_id=question.resource, per_page=1)
    clone = await memory.list_messages(question.clone_id, per_page=1)
    resource = await memory.get_resource_by_id(question.resource)
    runs = await store.workflows.list_workflow_runs(page=0, per_page=1)
    digest, count, last = hashlib.sha256(), 0, ""
    async for message in memory.iter_messages(question.thread_id, batch_size=1000):
        count += 1
        last = message.text
        digest.update(json.dumps([message.id, message.role, message.text, message.created_at.isoformat()]).encode())
    facts = {
        "threads of the resource": str(threads.total),
        "messages of the thread": str(count),
        "their SHA-256": digest.hexdigest()[:16],
        "latest message": last,
        "messages of the clone": str(clone.total),
        "working memory": (resource.working_memory if resource else None) or "",
        "workflow runs": str(runs.total),
    }
    return Answer(os.getpid(), facts)


async def answer_question(store: DomainAccess, question: dict[str, Any]) -> dict[str, Any]:
    """The facts, for a process that asks for them."""
    return vars(await read_facts(store, Question(**question)))
