"""Reads what `mastra-convex show` prints and no list of a domain gives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pydantic.alias_generators import to_camel

from mastra_convex.domain import Scan, equals, from_json
from mastra_convex.errors import NotFoundError
from mastra_convex.store import ConvexStore

_SCORES: Final = "mastra_scorers"
_DOCUMENTS: Final = "mastra_documents"
_SCORE_INDEXES: Final = {"scorer_id": "by_scorer_created", "run_id": "by_run_created"}
"""The indexes that begin with a filter; all other filters are conditions."""


async def messages(store: ConvexStore, thread: str, limit: int, **filters: Any) -> Any:
    """Returns the page of the newest messages of a thread; raises NotFoundError when there is neither."""
    page = await store.memory.list_messages(
        thread, per_page=limit, order_by="-created_at", include_total=False, **filters
    )
    if not page.messages and await store.memory.get_thread_by_id(thread) is None:
        raise NotFoundError(f"there is no thread {thread!r}", operation="SHOW")
    return page


async def run(store: ConvexStore, run_id: str, workflow: str | None) -> Any:
    """Returns a run; raises NotFoundError when there is none."""
    found = await store.workflows.get_workflow_run_by_id(run_id, workflow_name=workflow)
    if found is None:
        raise NotFoundError(f"there is no run {run_id!r}", operation="SHOW")
    return found


async def scores(store: ConvexStore, filters: Mapping[str, str | None], limit: int) -> tuple[list[Any], bool]:
    """Returns the newest scores that match the filters of `watch_scores`, and whether there are more."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    first = next((name for name in wanted if name in _SCORE_INDEXES), None)
    scan = Scan(
        table=_SCORES,
        index="by_created" if first is None else _SCORE_INDEXES[first],
        prefixes=[[] if first is None else [wanted.pop(first)]],
        where=[equals([to_camel(name)], value) for name, value in wanted.items()],
        order="desc",
        limit=limit + 1,
        paths=[["id"]],
    )
    ids = [from_json(id) for [id] in (await store.records.read(scan)).values or () if id is not None]
    found = await asyncio.gather(*(store.scores.get_score_by_id(id) for id in ids[:limit]))
    return [score for score in found if score is not None], len(ids) > limit


async def document_tables(store: ConvexStore, limit: int) -> tuple[list[str], bool]:
    """Returns the names of tables that have documents, and whether there are more."""
    names = await store.records.different(Scan(table=_DOCUMENTS, index="by_table"), limit + 1)
    return names[:limit], len(names) > limit


async def vectors(
    store: ConvexStore, index: str, filter: Mapping[str, Any] | None, limit: int
) -> tuple[list[Any], bool]:
    """Returns the first vectors of an index that match a filter, without their numbers, and whether there are more."""
    hits = await store.vector.query(index, filter=filter or {}, top_k=limit + 1)
    return hits[:limit], len(hits) > limit


async def vector_indexes(store: ConvexStore, limit: int) -> tuple[dict[str, Any], bool]:
    """Returns what the indexes are, by their names, and whether there are more."""
    names = await store.vector.list_indexes()
    found = await asyncio.gather(*(store.vector.describe_index(name) for name in names[:limit]))
    return dict(zip(names, found, strict=False)), len(names) > limit
