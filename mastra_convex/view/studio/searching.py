"""Search in messages: by their text, among the newest ones, as it is asked for at each key stroke."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex.view.studio.agents import resource_of
from mastra_convex.view.studio.calls import Call
from mastra_convex.view.studio.slugs import slug

_THREADS: Final = 100
_LOOKED_AT: Final = 1_000
_BATCH: Final = 200
_FOUND: Final = 20


async def search(call: Call) -> dict[str, Any]:
    """Finds messages that have all words, the newest first, with one message before and after each.

    It looks at the newest messages of a thread, or of the newest threads of a resource.
    """
    query = call.text("searchQuery") or ""
    words = query.casefold().split()
    threads = await _threads(call) if words else {}
    hits = await _hits(call, threads, words)
    return {
        "results": await _results(call, threads, hits),
        "count": len(hits),
        "query": query,
        "searchScope": "thread" if call.text("threadId") else "resource",
        "searchType": "text",
    }


async def _threads(call: Call) -> dict[str, str]:
    """Returns the titles of the threads to look in, by their ids."""
    memory = call.store.memory
    if (id := call.optional_id("threadId")) is not None:
        thread = await memory.get_thread_by_id(id)
        return {} if thread is None else {id: thread.title}
    found = await memory.list_threads(
        resource_id=resource_of(call), per_page=_THREADS, include_total=False, order_by="-updated_at"
    )
    return {thread.id: thread.title for thread in found.threads}


async def _hits(call: Call, threads: dict[str, str], words: list[str]) -> list[Any]:
    found: list[Any] = []
    if not threads:
        return found
    looked_at = 0
    messages = call.store.memory.iter_messages(list(threads), order_by="-created_at", batch_size=_BATCH)
    async for message in messages:
        looked_at += 1
        text = message.text.casefold()
        if all(word in text for word in words):
            found.append(message)
        if len(found) == _FOUND or looked_at == _LOOKED_AT:
            break
    return found


async def _results(call: Call, threads: dict[str, str], hits: list[Any]) -> list[dict[str, Any]]:
    if not hits:
        return []
    include = [{"id": hit.id, "withPreviousMessages": 1, "withNextMessages": 1} for hit in hits]
    around = await call.store.memory.list_messages(hits[0].thread_id, include=include, per_page=0, include_total=False)
    by_thread: dict[str, list[Any]] = {}
    for message in around.messages:
        by_thread.setdefault(message.thread_id, []).append(message)
    return [_result(hit, threads[hit.thread_id], by_thread[hit.thread_id]) for hit in hits]


def _result(hit: Any, title: str, messages: list[Any]) -> dict[str, Any]:
    at = next((at for at, message in enumerate(messages) if message.id == hit.id), 0)
    return {
        **_short(hit),
        "threadId": slug(hit.thread_id),
        "threadTitle": title,
        "context": {
            "before": [_short(message) for message in messages[max(at - 1, 0) : at]],
            "after": [_short(message) for message in messages[at + 1 : at + 2]],
        },
    }


def _short(message: Any) -> dict[str, Any]:
    return {"id": message.id, "role": message.role, "content": message.text, "createdAt": message.created_at}
