from __future__ import annotations

from datetime import datetime
from typing import Any

from mastra_convex import MastraConvexError
from tests.reliability.hostile.outcomes import NOW

from .lists import Row, by_time, page_of, within

PENDING = {"__mastra_pending__": True}


class WorkflowsModel:
    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], Row] = {}

    def persist_workflow_snapshot(
        self,
        workflow_name: str,
        run_id: str,
        snapshot: Row,
        created_at: datetime,
        resource_id: str | None = None,
        updated_at: datetime | str = NOW,
    ) -> None:
        old = self.runs.get((workflow_name, run_id), {"created_at": created_at, "resource_id": None})
        self.runs[workflow_name, run_id] = {
            "workflow_name": workflow_name,
            "run_id": run_id,
            "snapshot": snapshot,
            "resource_id": resource_id or old["resource_id"],
            "created_at": old["created_at"],
            "updated_at": updated_at,
        }

    def load_workflow_snapshot(self, workflow_name: str, run_id: str) -> Row | None:
        run = self.runs.get((workflow_name, run_id))
        return run and run["snapshot"]

    def _change(self, workflow_name: str, run_id: str, members: Row) -> Row:
        run = self.runs[workflow_name, run_id]
        snapshot: Row = {**run["snapshot"], **members}
        self.runs[workflow_name, run_id] = {**run, "snapshot": snapshot, "updated_at": NOW}
        return snapshot

    def _context(self, workflow_name: str, run_id: str) -> Row:
        context: Row | None = self.runs[workflow_name, run_id]["snapshot"].get("context")
        if context is None:
            raise MastraConvexError("no context")
        return context

    def update_workflow_results(
        self,
        workflow_name: str,
        run_id: str,
        step_id: str,
        result: Row,
        request_context: Row | None = None,
        return_context: bool = True,
    ) -> Row:
        if (workflow_name, run_id) not in self.runs:
            return {}
        context = self._context(workflow_name, run_id)
        members: Row = {"context": {**context, step_id: merged(context.get(step_id), result)}}
        if request_context is not None:
            old = self.runs[workflow_name, run_id]["snapshot"].get("requestContext", {})
            members["requestContext"] = {**old, **request_context}
        changed = self._change(workflow_name, run_id, members)["context"]
        return changed if return_context else {}

    def update_workflow_state(
        self,
        workflow_name: str,
        run_id: str,
        status: str,
        result: Row | None = None,
        error: Row | None = None,
        suspended_paths: Row | None = None,
        active_paths: list[int] | None = None,
        expected_status: str | list[str] | None = None,
        return_snapshot: bool = True,
    ) -> Row | None:
        if (workflow_name, run_id) not in self.runs:
            return None
        self._context(workflow_name, run_id)
        expected = [expected_status] if isinstance(expected_status, str) else expected_status
        if expected is not None and self.runs[workflow_name, run_id]["snapshot"].get("status") not in expected:
            return None
        given = {"result": result, "error": error, "suspendedPaths": suspended_paths, "activePaths": active_paths}
        members = {"status": status} | {name: value for name, value in given.items() if value is not None}
        changed = self._change(workflow_name, run_id, members)
        return changed if return_snapshot else members

    def list_workflow_runs(
        self,
        workflow_name: str | None = None,
        resource_id: str | None = None,
        status: str | None = None,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        page: int | None = None,
        per_page: Any = None,
        include_total: bool = True,
    ) -> Row:
        rows = [
            run
            for run in self.runs.values()
            if workflow_name in (None, run["workflow_name"])
            and resource_id in (None, run["resource_id"])
            and status in (None, run["snapshot"].get("status"))
            and within(run, from_date, to_date)
        ]
        if page is None or per_page is None or per_page is False:
            later = per_page is False and page
            rows_there = [] if later else by_time(rows, descending=True)
            shown = page_of("runs", rows_there, 0, False, include_total)
            return {**shown, "total": len(rows) if include_total else None, "page": page if later else 0}
        return page_of("runs", by_time(rows, descending=True), page, per_page, include_total)

    def get_workflow_run_by_id(self, run_id: str, workflow_name: str | None = None) -> Row | None:
        rows = [
            run
            for run in self.runs.values()
            if run["run_id"] == run_id and workflow_name in (None, run["workflow_name"])
        ]
        return next(iter(by_time(rows, descending=True)), None)

    def delete_workflow_run_by_id(self, run_id: str, workflow_name: str) -> None:
        self.runs.pop((workflow_name, run_id), None)


def merged(old: Any, new: Row) -> Row:
    """A step result over the stored one: lists `output` element by element (docs/protocol.md, "Reducers")."""
    if not isinstance(old, dict) or not isinstance(old.get("output"), list) or not isinstance(new.get("output"), list):
        return new
    before, after = old["output"], new["output"]
    marked = PENDING in after
    output: list[Any] = []
    for n, item in enumerate(after):
        stored = before[n] if n < len(before) else None
        if item == PENDING:
            output.append(None if stored is None or stored == PENDING or suspended(stored) else stored)
        elif item is not None and not marked:
            output.append(item)
        else:
            output.append(stored)
    return {**old, **({} if marked else new), "output": output + before[len(after) :]}


def suspended(item: Any) -> bool:
    if not isinstance(item, dict) or item.get("status") != "suspended":
        return False
    return "suspendPayload" in item or "suspendedAt" in item
