"""The second process of the demo: reads from the file what the first one wrote."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from mastra_convex.errors import MastraConvexError
from mastra_convex.store import ConvexStore


@dataclass(frozen=True)
class Question:
    """What to read: a resource, one of its threads, and a clone of that."""

    resource: str
    thread_id: str
    clone_id: str


@dataclass(frozen=True)
class Answer:
    """Facts by their label, and the process that read them."""

    pid: int
    facts: dict[str, str]


async def read_facts(store: ConvexStore, question: Question) -> Answer:
    """Reads what the demo compares between processes."""
    memory = store.memory
    threads = await memory.list_threads(resource_id=question.resource, per_page=1)
    clone = await memory.list_messages(question.clone_id, per_page=1)
    resource = await memory.get_resource_by_id(question.resource)
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
    }
    return Answer(os.getpid(), facts)


def ask_new_process(path: Path, question: Question) -> Answer:
    """Starts a Python process that opens the file and reads the facts; MastraConvexError when it fails."""
    command = [sys.executable, "-m", "mastra_convex.cli", "read", str(path.absolute())]
    done = subprocess.run(command, input=json.dumps(asdict(question)), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise MastraConvexError(f"the second process failed: {done.stderr.strip()}", operation="DEMO")
    return Answer(**json.loads(done.stdout))


def read_again(path: Path, question: str) -> str:
    """The answer to a question, both as JSON text; runs in the second process."""

    async def read() -> Answer:
        async with ConvexStore.local(path) as store:
            return await read_facts(store, Question(**json.loads(question)))

    return json.dumps(asdict(asyncio.run(read())))
