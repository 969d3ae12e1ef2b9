"""What a store has, as every page of Studio asks for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from mastra_convex.store_base import DomainAccess
from mastra_convex.view.studio.graphs import Graph, graph_of

_KEPT_SECONDS: Final = 10.0
_THREADS: Final = 500
_RUNS: Final = 100

FoundT = TypeVar("FoundT")


@dataclass
class Workflow:
    """Is a workflow as its newest runs tell.

    Attributes:
        graph: the graph of its newest run.
        running: how many runs are running.
        suspended: how many runs are suspended.
    """

    graph: Graph
    running: int = 0
    suspended: int = 0


class Catalog:
    """Finds the resources, workflows and scorers of a store, and keeps what it found for ten seconds."""

    def __init__(self, store: DomainAccess) -> None:
        self._store = store
        self._found: dict[str, tuple[float, Any]] = {}

    async def resources(self) -> list[str]:
        """Returns the resources of the newest threads, that of the newest thread first."""
        return await self._kept("memory", self._resources, [])

    async def workflows(self) -> dict[str, Workflow]:
        """Returns the workflows of the newest runs, by name."""
        return await self._kept("workflows", self._workflows, {})

    async def scorers(self) -> dict[str, dict[str, Any]]:
        """Returns the scorers by id, each as its newest score describes it."""
        return await self._kept("scores", self._scorers, {})

    async def _kept(self, domain: str, find: Callable[[], Awaitable[FoundT]], nothing: FoundT) -> FoundT:
        """Returns what was found in a domain lately, or finds it; nothing where the store lacks the domain."""
        if await self._store.get_store(domain) is None:
            return nothing
        until, kept = self._found.get(domain, (0.0, None))
        if time.monotonic() < until:
            return cast(FoundT, kept)
        found = await find()
        self._found[domain] = (time.monotonic() + _KEPT_SECONDS, found)
        return found

    async def _resources(self) -> list[str]:
        page = await self._store.memory.list_threads(per_page=_THREADS, include_total=False, order_by="-updated_at")
        return list(dict.fromkeys(thread.resource_id for thread in page.threads if thread.resource_id))

    async def _workflows(self) -> dict[str, Workflow]:
        page = await self._store.workflows.list_workflow_runs(page=0, per_page=_RUNS, include_total=False)
        found: dict[str, Workflow] = {}
        for run in page.runs:
            snapshot = run.snapshot if isinstance(run.snapshot, dict) else {}
            workflow = found.get(run.workflow_name) or found.setdefault(run.workflow_name, Workflow(graph_of(snapshot)))
            workflow.running += run.status == "running"
            workflow.suspended += run.status == "suspended"
        return found

    async def _scorers(self) -> dict[str, dict[str, Any]]:
        return {}
