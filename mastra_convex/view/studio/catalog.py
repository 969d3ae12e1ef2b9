"""Tells what a store has, as every page of Studio asks for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from mastra_convex.domain import Bound, Scan, from_json
from mastra_convex.store import ConvexStore
from mastra_convex.view.studio.graphs import Graph, graph_of

_KEPT_SECONDS: Final = 10.0
_NEWEST: Final = 100
"""Newest rows that are looked at."""
_SKIPS: Final = 50
"""Look-ups of names in one call. What is not found by two such calls is in no list, but opens all the same."""

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

    Each is at most three calls, for few columns of 200 threads, runs or scores: the newest ones, and the newest one of
    each name that these lack, which an index by name leads to.
    """

    def __init__(self, store: ConvexStore) -> None:
        self._store = store
        self._found: dict[str, tuple[float, Any]] = {}

    async def resources(self) -> list[str]:
        """Returns the resources that have threads, that of the newest thread first."""
        return await self._kept("memory", self._resources, [])

    async def workflows(self) -> dict[str, Workflow]:
        """Returns the workflows that have runs, by name, that of the newest run first."""
        return await self._kept("workflows", self._workflows, {})

    async def scorers(self) -> dict[str, dict[str, Any]]:
        """Returns the scorers that have scores by id, each with its name and description."""
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
        rows = await self._newest("mastra_threads", "by_updated", "by_resource_updated", [["resourceId"]])
        return list(dict.fromkeys(resource for [resource] in rows if resource))

    async def _workflows(self) -> dict[str, Workflow]:
        paths = [["workflow_name"], ["snapshot", "status"], ["snapshot", "serializedStepGraph"]]
        found: dict[str, Workflow] = {}
        rows = await self._newest("mastra_workflow_snapshots", "by_created", "by_workflow_created", paths)
        for name, status, graph in rows:
            workflow = found.setdefault(name, Workflow([]))
            workflow.graph = workflow.graph or graph_of({"serializedStepGraph": graph})
            workflow.running += status == "running"
            workflow.suspended += status == "suspended"
        return found

    async def _scorers(self) -> dict[str, dict[str, Any]]:
        paths = [["scorerId"], ["scorer", "name"], ["scorer", "description"]]
        found: dict[str, dict[str, Any]] = {}
        rows = await self._newest("mastra_scorers", "by_created", "by_scorer_created", paths)
        for id, name, description in rows:
            found.setdefault(id, {"name": name, "description": description})
        return found

    async def _newest(self, table: str, by_time: str, by_name: str, paths: Sequence[Sequence[str]]) -> list[list[Any]]:
        """Returns columns of the newest rows, and of the newest one of each further name.

        The first column is the name. From a name that is known, a look-up leads to that before it.
        """

        async def read(*scans: Scan) -> list[list[Any]]:
            results = await self._store.records.once(scans)
            rows = [row for result in results for row in result.values or ()]
            return [[None if value is None else from_json(value) for value in row] for row in rows]

        scan = Scan(table=table, index=by_time, order="desc", limit=_NEWEST, paths=[[*path] for path in paths])
        found = await read(scan)
        ends: list[Bound | None] = [None, *_bounds(row[0] for row in found)]
        for _ in range(2):
            looks = [replace(scan, index=by_name, upper=end, limit=1) for end in ends[:_SKIPS]]
            known = {row[0] for row in found}
            further = [row for row in await read(*looks) if row[0] not in known]
            found += further
            ends = [*ends[_SKIPS:], *_bounds(row[0] for row in further)]
            if not ends:
                break
        return found


def _bounds(names: Iterable[Any]) -> list[Bound]:
    """Returns where the names before each of these end."""
    return [Bound(value=name, inclusive=False) for name in dict.fromkeys(names) if isinstance(name, str)]
