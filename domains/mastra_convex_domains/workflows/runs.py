"""Lists of runs, and single ones (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mastra_convex.contract.arguments import equals, moment, text
from mastra_convex.contract.pages import PageRequest, PerPage, page_request
from mastra_convex.domain import DomainStore
from mastra_convex.engine.protocol import Bound, Delete, Get, Scan
from mastra_convex.rows.codec import decode_row
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import Row

from .models import RunStatus, WorkflowRun, WorkflowRunPage, check_status
from .tables import SNAPSHOTS

_BATCH = 200
_PENDING = Condition(path=["snapshot"], operator="match", value='{"$or":[{"status":"pending"},{"$in":[null,""]}]}')
"""A run without a snapshot is pending (as the stock store has it)."""


class RunMethods(DomainStore):
    """The methods of WorkflowsStore that list, find and delete runs."""

    async def list_workflow_runs(
        self,
        *,
        workflow_name: str | None = None,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        resource_id: str | None = None,
        thread_id: str | None = None,
        status: RunStatus | None = None,
        page: int | None = None,
        per_page: PerPage | None = None,
        include_total: bool = True,
    ) -> WorkflowRunPage:
        """Runs for which all filters hold, newest first; all of them unless both `page` and `per_page` are given.

        Dates are compared with `created_at`, both inclusive. The status is read from the snapshots, where every
        writer keeps it; a run without a snapshot is pending. The server filters, one round trip per 8 MiB of
        snapshots; but for `thread_id` all runs that the other filters leave are read here.
        """
        operation = "LIST_WORKFLOW_RUNS"
        wanted = _page(page, per_page, operation)
        scan = _scan(workflow_name, resource_id, from_date, to_date, operation)
        if thread_id:
            text(thread_id, "thread_id", operation=operation)
        if status:
            wanted_status = equals(["snapshot", "status"], check_status(status, "status", operation=operation))
            scan = _where(scan, _PENDING if status == "pending" else wanted_status)
        if not thread_id:
            found = await self._records.read(wanted.scan(scan, include_total=include_total))
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return WorkflowRunPage(runs=[_run(row) for row in rows], **info)

        return await self._list_of_thread(thread_id, scan, wanted, include_total=include_total)

    async def _list_of_thread(
        self, thread_id: str, scan: Scan, wanted: PageRequest, *, include_total: bool
    ) -> WorkflowRunPage:
        """A page by a filter that no condition expresses: rows come in batches, and those of the page are kept."""
        end = None if wanted.limit is None else wanted.offset + wanted.limit
        kept: list[WorkflowRun] = []
        matched = 0
        async for row in self._records.iterate(scan, _BATCH):
            run = _run(row)
            if run.thread_id != thread_id:
                continue
            matched += 1
            if matched > wanted.offset and (end is None or matched <= end + 1):
                kept.append(run)
            if end is not None and matched > end and not include_total:
                break
        runs, info = wanted.cut(kept, matched, include_total=include_total)
        return WorkflowRunPage(runs=list(runs), **info)

    async def get_workflow_run_by_id(self, run_id: str, *, workflow_name: str | None = None) -> WorkflowRun | None:
        """The run, or None; without a workflow's name the newest of that id in any workflow."""
        operation = "GET_WORKFLOW_RUN_BY_ID"
        text(run_id, "run_id", operation=operation)
        if workflow_name:
            text(workflow_name, "workflow_name", operation=operation)
            found = await self._records.read(Get(table=SNAPSHOTS.name, keys=[[workflow_name, run_id]]))
            row = found.rows[0]
        else:
            newest = Scan(table=SNAPSHOTS.name, index="by_run_created", prefixes=[[run_id]], order="desc", limit=1)
            rows = (await self._records.read(newest)).rows
            row = rows[0] if rows else None
        return None if row is None else _run(row)

    async def delete_workflow_run_by_id(self, run_id: str, *, workflow_name: str) -> None:
        """Deletes the run; an unknown one is no error."""
        operation = "DELETE_WORKFLOW_RUN_BY_ID"
        text(run_id, "run_id", operation=operation)
        text(workflow_name, "workflow_name", operation=operation)
        await self._records.commit([Delete(table=SNAPSHOTS.name, keys=[[workflow_name, run_id]])])


def _page(page: int | None, per_page: PerPage | None, operation: str) -> PageRequest:
    """A page where both are given, else everything (docs/contract.md, "Workflow runs")."""
    checked = page_request(
        0 if page is None else page, False if per_page is None else per_page, operation=operation, after_all=True
    )
    return PageRequest(0, False) if page is None or per_page is None else checked


def _scan(
    workflow_name: str | None,
    resource_id: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    operation: str,
) -> Scan:
    where: list[Condition] = []
    index, prefix = "by_created", list[str]()
    if workflow_name:
        index, prefix = "by_workflow_created", [text(workflow_name, "workflow_name", operation=operation)]
    if resource_id:
        if workflow_name:
            where = [equals(["workflow_name"], workflow_name)]
        index, prefix = "by_resource_created", [text(resource_id, "resource_id", operation=operation)]
    return Scan(
        table=SNAPSHOTS.name,
        index=index,
        prefixes=[prefix],
        lower=_bound(from_date, "from_date", operation),
        upper=_bound(to_date, "to_date", operation),
        where=where,
        order="desc",
    )


def _bound(value: datetime | None, name: str, operation: str) -> Bound | None:
    return None if value is None else Bound(value=to_iso(moment(value, name, operation=operation)))


def _where(scan: Scan, condition: Condition) -> Scan:
    return replace(scan, where=[*scan.where, condition])


def _run(row: Row) -> WorkflowRun:
    values = decode_row(SNAPSHOTS, row)
    values.pop("id", None)  # derived, and not unique
    return WorkflowRun.stored(values)
