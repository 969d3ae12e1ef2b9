"""Tells what a store has, as every page of Studio asks for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from mastra_convex.domain import Scan, from_json
from mastra_convex.store import ConvexStore
from mastra_convex.view.studio.graphs import Graph, graph_of

_KEPT_SECONDS: Final = 10.0
_LOOKED_AT: Final = 200
"""Newest rows that are looked at; what only older ones name is in no list, but opens all the same."""

FoundT = TypeVar("FoundT")


@dataclass
class Workflow:
    """Is a workflow as its newest runs tell.

    Attributes:
        graph: the graph of its newest run.
        running: how many of them are running.
        suspended: how many of them are suspended.
    """

    graph: Graph
    running: int = 0
    suspended: int = 0


class Catalog:
    """Finds the resources, workflows and scorers of a store, and keeps what it found for ten seconds.

    Each is one call, for few columns of the newest threads, runs and scores.
    """

    def __init__(self, store: ConvexStore) -> None:
        self._store = store
        self._found: dict[str, tuple[float, Any]] = {}

    async def resources(self) -> list[str]:
        """Returns the resources of the newest threads, that of the newest thread first."""
        return await self._kept("memory", self._resources, [])

    async def workflows(self) -> dict[str, Workflow]:
        """Returns the workflows of the newest runs, by name."""
        return await self._kept("workflows", self._workflows, {})

    async def scorers(self) -> dict[str, dict[str, Any]]:
        """Returns the scorers of the newest scores by id, each with its name and description."""
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
        newest = await self._newest("mastra_threads", "by_updated", [["resourceId"]])
        return list(dict.fromkeys(resource for [resource] in newest if resource))

    async def _workflows(self) -> dict[str, Workflow]:
        paths = [["workflow_name"], ["snapshot", "status"], ["snapshot", "serializedStepGraph"]]
        found: dict[str, Workflow] = {}
        for name, status, graph in await self._newest("mastra_workflow_snapshots", "by_created", paths):
            workflow = found.setdefault(name, Workflow([]))
            workflow.graph = workflow.graph or graph_of({"serializedStepGraph": graph})
            workflow.running += status == "running"
            workflow.suspended += status == "suspended"
        return found

    async def _scorers(self) -> dict[str, dict[str, Any]]:
        paths = [["scorerId"], ["scorer", "name"], ["scorer", "description"]]
        found: dict[str, dict[str, Any]] = {}
        for id, name, description in await self._newest("mastra_scorers", "by_created", paths):
            found.setdefault(id, {"name": name, "description": description})
        return found

    async def _newest(self, table: str, index: str, paths: Sequence[Sequence[str]]) -> Iterator[list[Any]]:
        """Returns columns of the newest rows, of as many as one call gives."""
        scan = Scan(table=table, index=index, order="desc", limit=_LOOKED_AT, paths=[[*path] for path in paths])
        rows = (await self._store.records.step(scan)).values or ()
        return ([None if value is None else from_json(value) for value in row] for row in rows)
