"""Lists, finds and deletes workflow runs (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from dataclasses import replace

from mastra_convex.domain import (
    Bound,
    Condition,
    Delete,
    DomainStore,
    Get,
    PageRequest,
    PerPage,
    Row,
    Scan,
    Time,
    decode_row,
    each,
    equals,
    moment,
    page_request,
    text,
    to_iso,
)

from .models import RunStatus, WorkflowRun, WorkflowRunPage, check_status
from .tables import CLAIMS, SNAPSHOTS

_BATCH = 200
"""A filter by thread reads so many runs at a time."""

_PENDING = Condition(path=["snapshot"], operator="match", value='{"$or":[{"status":"pending"},{"$in":[null,""]}]}')
"""A run without a snapshot is pending, as in `@mastra/convex`, so both kinds match this condition."""


class RunMethods(DomainStore):
    """Adds the methods that list, find and delete runs to WorkflowsStore."""

    async def list_workflow_runs(
        self,
        *,
        workflow_name: str | None = None,
        from_date: Time | None = None,
        to_date: Time | None = None,
        resource_id: str | None = None,
        thread_id: str | None = None,
        status: RunStatus | None = None,
        page: int | None = None,
        per_page: PerPage | None = None,
        include_total: bool = True,
    ) -> WorkflowRunPage:
        """Lists the runs that match all filters, newest first.

        The server filters, with one round trip per 8 MiB of snapshots. With `thread_id`, the client reads all runs
        that match the other filters.

        Args:
            workflow_name: only runs of this workflow; None or `""` for all.
            from_date: earliest `created_at`, inclusive, datetime or ISO text with a time zone; None for no limit.
            to_date: latest `created_at`, inclusive, datetime or ISO text with a time zone; None for no limit.
            resource_id: only runs of this resource; None or `""` for all.
            thread_id: only runs that work on this memory thread; None or `""` for all.
            status: only runs whose snapshot has this status; None for all. A run without a snapshot is pending.
            page: number of the page, from 0. All runs are listed unless both `page` and `per_page` are given.
            per_page: runs on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of runs.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_WORKFLOW_RUNS"
        wanted = _page(page, per_page, operation)
        scan = run_scan(workflow_name, resource_id, status, operation)
        lower, upper = _bound(from_date, "from_date", operation), _bound(to_date, "to_date", operation)
        scan = replace(scan, lower=lower, upper=upper)
        if thread_id:
            text(thread_id, "thread_id", operation=operation)
        if not thread_id:
            found = await self._records.read(wanted.scan(scan, include_total=include_total))
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return WorkflowRunPage(runs=await each(stored_run, rows), **info)

        return await self._list_of_thread(thread_id, scan, wanted, include_total=include_total)

    async def _list_of_thread(
        self, thread_id: str, scan: Scan, wanted: PageRequest, *, include_total: bool
    ) -> WorkflowRunPage:
        """Reads all rows in batches and keeps those of the page, as no condition can express this filter."""
        end = None if wanted.limit is None else wanted.offset + wanted.limit
        kept: list[WorkflowRun] = []
        matched = 0
        async for row in self._records.iterate(scan, _BATCH):
            run = stored_run(row)
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
        """Returns the run, or None when there is none.

        Without a `workflow_name` it is the newest run of that id in any workflow.
        """
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
        return None if row is None else stored_run(row)

    async def delete_workflow_run_by_id(self, run_id: str, *, workflow_name: str) -> None:
        """Deletes the run and its claim; an unknown one is no error."""
        operation = "DELETE_WORKFLOW_RUN_BY_ID"
        text(run_id, "run_id", operation=operation)
        text(workflow_name, "workflow_name", operation=operation)
        key = (workflow_name, run_id)
        await self._records.commit([Delete(table=table.name, keys=[key]) for table in (SNAPSHOTS, CLAIMS)])


def _page(page: int | None, per_page: PerPage | None, operation: str) -> PageRequest:
    """Requests a page when both are given, else all runs (docs/contract.md, "Workflow runs")."""
    checked = page_request(
        0 if page is None else page, False if per_page is None else per_page, operation=operation, after_all=True
    )
    return PageRequest(0, False) if page is None or per_page is None else checked


def run_scan(workflow_name: str | None, resource_id: str | None, status: RunStatus | None, operation: str) -> Scan:
    """Returns the scan of the runs that match all filters, newest first."""
    where: list[Condition] = []
    index, prefix = "by_created", list[str]()
    if workflow_name:
        index, prefix = "by_workflow_created", [text(workflow_name, "workflow_name", operation=operation)]
    if resource_id:
        if workflow_name:
            where = [equals(["workflow_name"], workflow_name)]
        index, prefix = "by_resource_created", [text(resource_id, "resource_id", operation=operation)]
    if status:
        wanted = equals(["snapshot", "status"], check_status(status, "status", operation=operation))
        where.append(_PENDING if status == "pending" else wanted)
    return Scan(table=SNAPSHOTS.name, index=index, prefixes=[prefix], where=where, order="desc")


def _bound(value: Time | None, name: str, operation: str) -> Bound | None:
    return None if value is None else Bound(value=to_iso(moment(value, name, operation=operation)))


def stored_run(row: Row) -> WorkflowRun:
    """Returns the run of a stored row."""
    values = decode_row(SNAPSHOTS, row)
    values.pop("id", None)  # derived, and not unique
    return WorkflowRun.stored(values, SNAPSHOTS)
