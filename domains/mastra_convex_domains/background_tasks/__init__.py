"""Stores background tasks (docs/contract.md, "Background tasks")."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from mastra_convex.domain import (
    UNSET,
    Change,
    Condition,
    Delete,
    DeleteRange,
    DomainStore,
    Get,
    GetResult,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Patch,
    PerPage,
    Put,
    RetentionTable,
    Row,
    Scan,
    Table,
    Time,
    Unset,
    about,
    decode_row,
    each,
    encode_columns,
    encode_row,
    page_request,
    parse,
    register,
    text,
    to_json,
)

from .models import BackgroundTask, BackgroundTaskPage, TaskOrder, TaskStatus, TaskTime
from .queries import TaskQuery, checked_statuses, column_of
from .tables import TASKS

__all__ = ["BackgroundTask", "BackgroundTaskPage", "BackgroundTasksStore", "TaskOrder", "TaskStatus", "TaskTime"]


@register
class BackgroundTasksStore(DomainStore):
    """Stores calls of tools that run in the background, and how far they are.

    Example:
        names = {"tool_name": "search", "tool_call_id": "call-1", "agent_id": "writer", "run_id": "run-1"}
        task = await store.background_tasks.create_task(names)
        start = {"status": "running", "expected_status": "pending"}
        assert await store.background_tasks.update_task(task.id, **start)
        assert not await store.background_tasks.update_task(task.id, **start)  # somebody else has started it
        assert await store.background_tasks.get_running_count() == 1
    """

    name: ClassVar[str] = "background_tasks"
    tables: ClassVar[tuple[Table, ...]] = (TASKS,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"backgroundTasks": RetentionTable(TASKS, "createdAt")}

    async def create_task(self, task: BackgroundTask | Mapping[str, Any]) -> BackgroundTask:
        """Stores the task under its id and returns it as stored.

        Every field of an existing one is replaced, but `created_at` only by a given one.
        """
        checked = parse(BackgroundTask, task, "task", operation="CREATE_TASK")
        with about("task"):
            row = encode_row(TASKS, {column_of(name): value for name, value in vars(checked).items()})
        if "created_at" in checked.model_fields_set:
            await self._records.commit([Put(table=TASKS.name, rows=[row])])
            return checked
        put = Put(table=TASKS.name, rows=[row], keep=["createdAt"])
        result = await self._records.commit([put], returning=[Get(table=TASKS.name, keys=[[checked.id]])])
        [stored] = result.returned[0].rows
        return checked if stored is None else _task(stored)

    async def get_task(self, task_id: str) -> BackgroundTask | None:
        """Returns the task, or None when there is none with this id."""
        text(task_id, "task_id", operation="GET_TASK")
        return await _first_task(await self._records.read(Get(table=TASKS.name, keys=[[task_id]])))

    def watch_task(self, task_id: str, *, give_up_after: float | None = None) -> AsyncGenerator[BackgroundTask | None]:
        """Watches a task: now, then after each change; None while there is none.

        After `give_up_after` seconds without a connection the watch fails.
        """
        text(task_id, "task_id", operation="WATCH_TASK")
        get = Get(table=TASKS.name, keys=[[task_id]])
        return self._records.watch(get, _first_task, give_up_after=give_up_after)

    async def update_task(
        self,
        task_id: str,
        *,
        expected_status: TaskStatus | Sequence[TaskStatus] | None = None,
        status: TaskStatus | Unset = UNSET,
        result: Any = UNSET,
        error: Mapping[str, Any] | Unset | None = UNSET,
        suspend_payload: Any = UNSET,
        retry_count: int | Unset = UNSET,
        started_at: datetime | Unset | None = UNSET,
        suspended_at: datetime | Unset | None = UNSET,
        completed_at: datetime | Unset | None = UNSET,
    ) -> bool:
        """Changes the given fields of a task. The check and the change are one atomic round trip.

        Args:
            task_id: id of the task.
            expected_status: status, or several, that the stored task must have; None for any. Of all that move a task
                from one status to another exactly one succeeds.
            status: the new status.
            result: the result, any JSON value; None removes it.
            error: the error; None removes it.
            suspend_payload: what the task is suspended with, any JSON value; None removes it.
            retry_count: how often the task was tried again.
            started_at: when it was started; None removes it.
            suspended_at: when it was suspended; None removes it.
            completed_at: when it ended; None removes it.

        Returns:
            Whether the task exists and had an expected status; else nothing was written.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "UPDATE_TASK"
        text(task_id, "task_id", operation=operation)
        given = {
            "status": status,
            "result": result,
            "error": error,
            "suspend_payload": suspend_payload,
            "retry_count": retry_count,
            "started_at": started_at,
            "suspended_at": suspended_at,
            "completed_at": completed_at,
        }
        changed = {name: value for name, value in given.items() if value is not UNSET}
        # Checked as the fields of a whole task are.
        names = dict.fromkeys(("tool_name", "tool_call_id", "agent_id", "run_id"), "x")
        columns = vars(parse(BackgroundTask, {**names, **changed}, "update_task()", operation=operation))
        change = Change(set=encode_columns(TASKS, {column_of(name): columns[name] for name in changed}))
        guards: list[KeyGuard | HoldsGuard] = [KeyGuard(guard="exists", table=TASKS.name, key=[task_id])]
        if expected_status is not None:
            expected = checked_statuses(expected_status, "expected_status", operation)
            among = Condition(path=["status"], operator="in", value=to_json(expected))
            guards.append(HoldsGuard(table=TASKS.name, key=[task_id], where=[among]))
        done = await self._records.commit(
            [Patch(table=TASKS.name, keys=[[task_id]], change=change)] if changed else [], guards=guards
        )
        return done.status == "done"

    async def list_tasks(
        self,
        *,
        status: TaskStatus | Sequence[TaskStatus] | None = None,
        agent_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        tool_name: str | None = None,
        tool_call_id: str | None = None,
        run_id: str | None = None,
        from_date: Time | None = None,
        to_date: Time | None = None,
        date_filter_by: TaskTime = "created_at",
        order_by: TaskOrder = "created_at",
        page: int = 0,
        per_page: PerPage = False,
        include_total: bool = True,
    ) -> BackgroundTaskPage:
        """Lists a page of the tasks that match all filters.

        In the order of `created_at`, without a call, run or several filters, it reads little more than the page. Other
        orders read all tasks that match.

        Args:
            status: only tasks of this status, or of one of several; an empty list matches none.
            agent_id: only tasks of this agent.
            thread_id: only tasks of this thread.
            resource_id: only tasks of this resource.
            tool_name: only tasks of this tool.
            tool_call_id: only tasks of this call.
            run_id: only tasks of this run.
            from_date: earliest time, inclusive.
            to_date: latest time, exclusive.
            date_filter_by: the time that the dates are about; a task without it does not match.
            order_by: a time, with `-` before it for the newest first. Tasks without it come before all others.
            page: number of the page, from 0.
            per_page: tasks on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of tasks.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_TASKS"
        wanted = page_request(page, per_page, operation=operation, after_all=True)
        query = TaskQuery.of(
            operation=operation,
            status=status,
            texts={
                "agent_id": agent_id,
                "thread_id": thread_id,
                "resource_id": resource_id,
                "tool_name": tool_name,
                "tool_call_id": tool_call_id,
                "run_id": run_id,
            },
            dates=(from_date, to_date, date_filter_by),
            order_by=order_by,
        )
        if query.matches_none:
            return BackgroundTaskPage(tasks=[], **wanted.info(0 if include_total else None, has_more=False))
        if query.is_in_order:
            found = await self._records.read(wanted.scan(query.scan, include_total=include_total))
            rows, matched = found.rows, found.matched
        else:
            found = await self._records.read(query.scan)
            ordered = sorted(found.rows, key=query.position, reverse=query.scan.order == "desc")
            limit = None if wanted.limit is None else wanted.offset + wanted.limit + 1
            rows, matched = ordered[wanted.offset : limit], len(ordered)
        rows, info = wanted.cut(rows, matched, include_total=include_total)
        return BackgroundTaskPage(tasks=await each(_task, rows), **info)

    async def delete_task(self, task_id: str) -> None:
        """Deletes the task; an unknown id is no error."""
        text(task_id, "task_id", operation="DELETE_TASK")
        await self._records.commit([Delete(table=TASKS.name, keys=[[task_id]])])

    async def delete_tasks(
        self,
        *,
        status: TaskStatus | Sequence[TaskStatus] | None = None,
        agent_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        tool_name: str | None = None,
        tool_call_id: str | None = None,
        run_id: str | None = None,
        from_date: Time | None = None,
        to_date: Time | None = None,
        date_filter_by: TaskTime = "created_at",
    ) -> None:
        """Deletes the tasks that match all filters; without any filter none is deleted.

        Up to about 2,000 tasks are deleted in one atomic commit, more in steps.

        Args:
            status: only tasks of this status, or of one of several; an empty list matches none.
            agent_id: only tasks of this agent.
            thread_id: only tasks of this thread.
            resource_id: only tasks of this resource.
            tool_name: only tasks of this tool.
            tool_call_id: only tasks of this call.
            run_id: only tasks of this run.
            from_date: earliest time, inclusive.
            to_date: latest time, exclusive.
            date_filter_by: the time that the dates are about; a task without it does not match.

        Raises:
            ValidationError: an argument is wrong.
        """
        query = TaskQuery.of(
            operation="DELETE_TASKS",
            status=status,
            texts={
                "agent_id": agent_id,
                "thread_id": thread_id,
                "resource_id": resource_id,
                "tool_name": tool_name,
                "tool_call_id": tool_call_id,
                "run_id": run_id,
            },
            dates=(from_date, to_date, date_filter_by),
            order_by="created_at",
        )
        if not query.matches_all:
            ranges = [
                IndexRange(
                    table=TASKS.name,
                    index=query.scan.index,
                    prefix=prefix,
                    lower=query.scan.lower,
                    upper=query.scan.upper,
                    where=query.scan.where,
                )
                for prefix in query.scan.prefixes
            ]
            await self._records.commit([DeleteRange(range=range) for range in ranges], mode="resumable")

    async def get_running_count(self) -> int:
        """Counts the tasks of status `running`. No task is read."""
        return await self._count("by_status_created", ["running"])

    async def get_running_count_by_agent(self, agent_id: str) -> int:
        """Counts the tasks of an agent of status `running`. No task is read."""
        text(agent_id, "agent_id", operation="GET_RUNNING_COUNT_BY_AGENT")
        return await self._count("by_agent_status", [agent_id, "running"])

    async def _count(self, index: str, prefix: list[str]) -> int:
        scan = Scan(table=TASKS.name, index=index, prefixes=[prefix], limit=0, total=True)
        return (await self._records.read(scan)).matched


async def _first_task(found: GetResult) -> BackgroundTask | None:
    [row] = found.rows
    return None if row is None else _task(row)


def _task(row: Row) -> BackgroundTask:
    return BackgroundTask.stored(decode_row(TASKS, row), TASKS)
