"""Pages of workflow runs: a list across all workflows, and a run with its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from mastra_convex.domain import Bound, Scan
from mastra_convex.view.charts import bars
from mastra_convex.view.page import Query, Site, not_found
from mastra_convex.view.reading import Columns
from mastra_convex.view.shown import as_json, cut, row_link

RUNS: Final = "mastra_workflow_snapshots"
_STATUSES: Final = (
    "running", "success", "failed", "tripwire", "suspended", "waiting", "pending", "canceled", "bailed", "paused",
    "skipped",
)  # fmt: skip
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow": ("workflow_name",),
    "run": ("run_id",),
    "resource": ("resourceId",),
    "status": ("snapshot", "status"),
    "created": ("createdAt",),
    "updated": ("updatedAt",),
}


async def runs(site: Site, query: Query) -> web.Response:
    """Lists the runs of all workflows, newest first, by workflow, resource, status and time."""
    workflow, resource, status = (query.text(name) for name in ("workflow", "resource", "status"))
    index, prefix = "by_created", list[str]()
    if workflow:
        index, prefix = "by_workflow_created", [workflow]
    elif resource:
        index, prefix = "by_resource_created", [resource]
    first, last = query.text("from"), query.text("to")
    scan = Scan(
        table=RUNS,
        index=index,
        prefixes=[prefix],
        lower=Bound(value=first) if first else None,
        upper=Bound(value=f"{last}~") if last else None,  # also all times of that day
        order="desc",
        cursor=query.cursor,
    )

    def wanted(row: Columns) -> bool:
        is_of_status = not status or (row["status"] or "pending") == status
        return is_of_status and (not workflow or not resource or row["resource"] == resource)

    keep = wanted if status or (workflow and resource) else None
    listing = await site.reader.page(scan, columns=_COLUMNS, keep=keep)
    return await site.page("runs.html", query, section="Runs", title="Runs", listing=listing, statuses=_STATUSES)


async def workflows(site: Site, query: Query) -> web.Response:
    """Lists the names of all workflows."""
    listing = await site.reader.names(RUNS, "by_workflow_created", query.text("cursor"))
    members = {"path": "/runs", "parameter": "workflow"}
    return await site.page("names.html", query, section="Runs", title="Workflows", listing=listing, **members)


async def run(site: Site, query: Query) -> web.Response:
    """Shows a run: its steps with bars, its input, result and error, whatever shape its snapshot has."""
    key = [query.text("workflow"), query.text("run")]
    row = await site.reader.get(RUNS, key)
    if row is None:
        raise not_found("run", key[1])
    members = await asyncio.to_thread(_members, row.get("snapshot"))
    raw = row_link(RUNS, key, "/raw")
    return await site.page("run.html", query, section="Runs", title=f"{key[0]}: {key[1]}", run=row, raw=raw, **members)


def _members(snapshot: Any) -> dict[str, Any]:
    """Returns what the page shows of a snapshot."""
    members = snapshot if isinstance(snapshot, Mapping) else {}
    context = members.get("context")
    context = context if isinstance(context, Mapping) else {}
    steps = [step for name, value in context.items() if name != "input" for step in _steps(str(name), value)]
    placed = bars((step["started"], step["ended"]) for step in steps)
    return {
        "status": members.get("status") or "pending",
        "steps": [{**step, "bar": bar} for step, bar in zip(steps, placed, strict=True)],
        "input": _text(context.get("input")),
        "result": _text(members.get("result")),
        "error": _text(members.get("error")),
        "odd": None if isinstance(snapshot, Mapping) else _text(snapshot),
    }


def _steps(name: str, value: Any) -> list[dict[str, Any]]:
    """Returns a step, or each of a loop, which is stored as a list."""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return [_step(f"{name} [{n}]", each) for n, each in enumerate(value)]
    return [_step(name, value if isinstance(value, Mapping) else {"output": value})]


def _step(name: str, step: Mapping[str, Any]) -> dict[str, Any]:
    ended = step.get("endedAt", step.get("suspendedAt"))
    named = {label: step.get(key) for label, key in _STEP_MEMBERS.items()}
    return {
        "name": name,
        "status": step.get("status") or "",
        "started": step.get("startedAt"),
        "ended": ended,
        "details": {label: _text(value) for label, value in named.items() if value is not None},
    }


_STEP_MEMBERS: Final = {
    "Error": "error",
    "Payload": "payload",
    "Output": "output",
    "Suspended with": "suspendPayload",
    "Resumed with": "resumePayload",
}


def _text(value: Any) -> str | None:
    return None if value is None else cut(value if isinstance(value, str) else as_json(value))
