"""Watches workflow runs, and waits for them (docs/live.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any, Final

from mastra_convex.domain import DomainStore, Get, GetResult, PageRequest, Scan, ScanResult, each, integer, number, text
from mastra_convex.errors import RequestTimeoutError, ValidationError

from .models import RunStatus, WorkflowRun, WorkflowRunPage, check_statuses
from .runs import run_scan, stored_run
from .tables import SNAPSHOTS

RESTING: Final[tuple[RunStatus, ...]] = (
    "success",
    "failed",
    "tripwire",
    "suspended",
    "canceled",
    "bailed",
    "paused",
    "skipped",
)
"""A run that has one of these statuses does not go on by itself."""


class WatchMethods(DomainStore):
    """Adds the methods that watch runs to WorkflowsStore."""

    def watch_workflow_run(
        self, run_id: str, *, workflow_name: str | None = None, give_up_after: float | None = None
    ) -> AsyncGenerator[WorkflowRun | None]:
        """Watches a run: now, then after each change.

        Args:
            run_id: id of the run.
            workflow_name: its workflow; without one it is the newest run of that id in any workflow.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The run; None while there is none. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
        """
        return self._states(run_id, workflow_name, give_up_after, "WATCH_WORKFLOW_RUN")

    def watch_workflow_runs(
        self,
        *,
        workflow_name: str | None = None,
        resource_id: str | None = None,
        status: RunStatus | None = None,
        per_page: int = 20,
        include_total: bool = False,
        give_up_after: float | None = None,
    ) -> AsyncGenerator[WorkflowRunPage]:
        """Watches the newest runs: now, then after each change.

        Args:
            workflow_name: only runs of this workflow; None or `""` for all.
            resource_id: only runs of this resource; None or `""` for all.
            status: only runs whose snapshot has this status; None for all. A run without a snapshot is pending.
            per_page: runs on the page, which must fit one read; each change sends the whole page with its snapshots.
            include_total: True counts all runs that match, at every change.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The first page of `list_workflow_runs`. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: the page does not fit one read.
        """
        operation = "WATCH_WORKFLOW_RUNS"
        wanted = PageRequest(0, integer(per_page, "per_page", operation=operation))
        scan = run_scan(workflow_name, resource_id, status, operation)

        async def page(found: ScanResult) -> WorkflowRunPage:
            rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
            return WorkflowRunPage(runs=await each(stored_run, rows), **info)

        return self._records.watch(wanted.scan(scan, include_total=include_total), page, give_up_after=give_up_after)

    async def wait_for_run(
        self,
        run_id: str,
        *,
        workflow_name: str | None = None,
        status: RunStatus | Collection[RunStatus] = RESTING,
        timeout: float | None = None,
    ) -> WorkflowRun:
        """Waits until a run, which need not be stored yet, has a status.

        Args:
            run_id: id of the run.
            workflow_name: its workflow; without one it is the newest run of that id in any workflow.
            status: the status, or several, to wait for: unless others are given, those of a run that has ended or does
                not go on by itself.
            timeout: seconds to wait at most; None to wait as long as it takes.

        Returns:
            The run as it is then.

        Raises:
            ValidationError: an argument is wrong.
            RequestTimeoutError: the run had none of the statuses in time.
        """
        operation = "WAIT_FOR_RUN"
        wanted = check_statuses(status, "status", operation=operation)
        if not wanted:
            raise ValidationError("status must name a status to wait for", operation=operation)
        if timeout is not None:
            number(timeout, "timeout", operation=operation)
        last: WorkflowRun | None = None
        limit = asyncio.timeout(timeout)
        try:
            async with limit, aclosing(self._states(run_id, workflow_name, None, operation)) as states:
                async for last in states:
                    if last is not None and last.status in wanted:
                        return last
        except TimeoutError:
            if not limit.expired():
                raise
        state = "is not stored" if last is None else f"is {last.status}"
        raise RequestTimeoutError(f"after {timeout:g} s run {run_id!r} {state}", operation=operation)

    def _states(
        self, run_id: str, workflow_name: str | None, give_up_after: float | None, operation: str
    ) -> AsyncGenerator[WorkflowRun | None]:
        text(run_id, "run_id", operation=operation)
        if not workflow_name:
            newest = Scan(table=SNAPSHOTS.name, index="by_run_created", prefixes=[[run_id]], order="desc", limit=1)
            return self._records.watch(newest, _first_run, give_up_after=give_up_after)
        text(workflow_name, "workflow_name", operation=operation)
        get = Get(table=SNAPSHOTS.name, keys=[[workflow_name, run_id]])
        return self._records.watch(get, _first_run, give_up_after=give_up_after)


async def _first_run(found: GetResult | ScanResult) -> WorkflowRun | None:
    row: Any = next(iter(found.rows), None)
    return None if row is None else stored_run(row)
