"""Stores schedules and records their triggers (docs/contract.md, "Schedules")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar, Final, get_args

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    UNSET,
    Bound,
    Change,
    Delete,
    DeleteRange,
    DomainStore,
    Get,
    HoldsGuard,
    KeyGuard,
    Patch,
    Put,
    RetentionTable,
    Row,
    Scan,
    Table,
    Unset,
    about,
    each,
    encode_columns,
    encode_row,
    equals,
    integer,
    parse,
    register,
    string,
    text,
)
from mastra_convex.errors import ConflictError, NotFoundError, ValidationError

from .models import Schedule, ScheduleStatus, ScheduleTrigger, milliseconds, now_in_milliseconds
from .rows import schedule_of, schedule_row, schedules_of, trigger_of, workflow_of
from .tables import SCHEDULES, TRIGGERS

__all__ = ["Schedule", "ScheduleTrigger", "SchedulesStore"]

Milliseconds = int | datetime

_LONGEST_WAIT: Final = 3600.0
"""Seconds after which a watch looks at the clock again: it may have been set, and timers bear no long waits."""


@register
class SchedulesStore(DomainStore):
    """Stores schedules and records their triggers. It fires none: who does lists those that are due and claims each.

    Example:
        target = {"type": "agent", "agentId": "writer", "prompt": "Write the report"}
        daily = {"id": "daily", "target": target, "cron": "0 9 * * *", "next_fire_at": 1_000}
        await store.schedules.create_schedule(daily)
        [due] = await store.schedules.list_due_schedules(1_000)
        claim = {"expected_next_fire_at": 1_000, "new_next_fire_at": 2_000, "last_fire_at": 1_000, "last_run_id": "r1"}
        assert await store.schedules.update_schedule_next_fire(due.id, **claim)
        assert not await store.schedules.update_schedule_next_fire(due.id, **claim)
    """

    name: ClassVar[str] = "schedules"
    tables: ClassVar[tuple[Table, ...]] = (SCHEDULES, TRIGGERS)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"triggers": RetentionTable(TRIGGERS, "actual_fire_at")}

    async def create_schedule(self, schedule: Schedule | Mapping[str, Any]) -> Schedule:
        """Stores a new schedule and returns it. Raises ConflictError when one with its id exists."""
        operation = "CREATE_SCHEDULE"
        checked = parse(Schedule, schedule, "schedule", operation=operation)
        with about("schedule"):
            row = schedule_row(checked)
        await self._insert(SCHEDULES, row, "schedule", operation)
        return checked

    async def get_schedule(self, id: str) -> Schedule | None:
        """Returns the schedule, or None when there is none with this id."""
        return await self._found(text(id, "id", operation="GET_SCHEDULE"))

    async def list_schedules(
        self,
        *,
        status: ScheduleStatus | None = None,
        workflow_id: str | None = None,
        owner_type: str | Unset | None = UNSET,
        owner_id: str | Unset | None = UNSET,
    ) -> list[Schedule]:
        """Lists all schedules that match, by the time at which they were made.

        Args:
            status: only schedules of this status; None for both.
            workflow_id: only schedules that run this workflow; None for all.
            owner_type: only schedules of owners of this kind; None for those without one. Left out, all.
            owner_id: only schedules of this owner; None for those without one. Left out, all.

        Returns:
            The schedules.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_SCHEDULES"
        if status not in (None, *get_args(ScheduleStatus)):
            raise ValidationError(f"status must be 'active' or 'paused', not {status!r}", operation=operation)
        wanted: dict[str, Any] = {}
        if workflow_id is not None:
            wanted["workflow_id"] = text(workflow_id, "workflow_id", operation=operation)
        for name, value in (("owner_type", owner_type), ("owner_id", owner_id)):
            if value is not UNSET:
                wanted[name] = None if value is None else string(value, name, operation=operation)
        if status is not None:
            wanted["status"] = status
        fields = next(fields for fields in _LISTED if set(fields) <= set(wanted))
        scan = Scan(
            table=SCHEDULES.name,
            index=_LISTED[fields],
            prefixes=[[wanted.pop(field) for field in fields]],
            where=[equals([name], value) for name, value in wanted.items()],
        )
        found = await each(schedule_of, (await self._records.read(scan)).rows)
        return sorted(found, key=lambda schedule: schedule.created_at)

    async def list_due_schedules(self, now: Milliseconds, *, limit: int | None = None) -> list[Schedule]:
        """Lists active schedules that are due, the longest overdue first.

        Args:
            now: the time, in epoch milliseconds or as a datetime with a zone.
            limit: number of schedules at most; None for all.

        Returns:
            The schedules whose `next_fire_at` is not after `now`.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_DUE_SCHEDULES"
        scan = Scan(
            table=SCHEDULES.name,
            index="by_status_next_fire_at",
            prefixes=[["active"]],
            upper=Bound(value=_time(now, "now", operation)),
            limit=_limit(limit, operation),
        )
        return await each(schedule_of, (await self._records.read(scan)).rows)

    async def watch_due(
        self, *, limit: int = 100, give_up_after: float | None = None
    ) -> AsyncGenerator[list[Schedule]]:
        """Watches which active schedules are due: now, then after each change, and when the time of one has come.

        Args:
            limit: number of schedules at most; those after them come when these were claimed.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The schedules as `list_due_schedules` gives them. The newest list always comes; those between may be
            skipped.

        Raises:
            ValidationError: an argument is wrong.
        """
        integer(limit, "limit", operation="WATCH_DUE")
        scan = Scan(table=SCHEDULES.name, index="by_status_next_fire_at", prefixes=[["active"]], limit=limit)
        waiting: asyncio.Task[list[Schedule]] | None = None
        due: list[Schedule] | None = None
        async with aclosing(self._records.watch(scan, schedules_of, give_up_after=give_up_after)) as states:
            schedules = await anext(states)
            try:
                while True:
                    now = now_in_milliseconds()
                    found = [schedule for schedule in schedules if schedule.next_fire_at <= now]
                    if found != due:
                        due = found
                        yield found
                    waiting = waiting or asyncio.ensure_future(anext(states))
                    await asyncio.wait({waiting}, timeout=_until_next(schedules))
                    if waiting.done():
                        schedules, waiting = waiting.result(), None
            finally:
                if waiting is not None:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)

    async def update_schedule(
        self,
        id: str,
        *,
        target: Mapping[str, Any] | Unset = UNSET,
        cron: str | Unset = UNSET,
        timezone: str | Unset | None = UNSET,
        status: ScheduleStatus | Unset = UNSET,
        next_fire_at: Milliseconds | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        owner_type: str | Unset | None = UNSET,
        owner_id: str | Unset | None = UNSET,
    ) -> Schedule:
        """Changes the given fields of a schedule and sets its `updated_at` to now; without any nothing is written.

        Args:
            id: id of the schedule.
            target: what it runs from now on.
            cron: the new cron expression. `next_fire_at` is the caller's to change with it.
            timezone: the new time zone; None removes it.
            status: the new status.
            next_fire_at: when it is due next.
            metadata: members that replace the stored ones; None removes them.
            owner_type: the new kind of owner; None removes it.
            owner_id: the new owner; None removes it.

        Returns:
            The whole schedule after the change.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the schedule does not exist.
        """
        operation = "UPDATE_SCHEDULE"
        text(id, "id", operation=operation)
        given = {
            "target": target,
            "cron": cron,
            "timezone": timezone,
            "status": status,
            "next_fire_at": next_fire_at,
            "metadata": metadata,
            "owner_type": owner_type,
            "owner_id": owner_id,
        }
        changed = {name: value for name, value in given.items() if value is not UNSET}
        if not changed:
            found = await self._found(id)
            if found is None:
                raise _not_found(id, operation)
            return found
        # Checked as the fields of a whole schedule are.
        whole = {"target": {"type": "workflow", "workflowId": "x"}, "cron": "x", "next_fire_at": 0, **changed}
        columns = vars(parse(Schedule, whole, "update_schedule()", operation=operation))
        values = {name: columns[name] for name in changed}
        if "target" in values:
            values["workflow_id"] = workflow_of(values["target"])
        change = Change(set=encode_columns(SCHEDULES, {**values, "updated_at": now_in_milliseconds()}))
        result = await self._records.commit(
            [Patch(table=SCHEDULES.name, keys=[[id]], change=change)],
            returning=[Get(table=SCHEDULES.name, keys=[[id]])],
        )
        row = result.returned[0].rows[0]
        if result.outcomes[0].missing or row is None:
            raise _not_found(id, operation)
        return schedule_of(row)

    async def update_schedule_next_fire(
        self,
        id: str,
        *,
        expected_next_fire_at: Milliseconds,
        new_next_fire_at: Milliseconds,
        last_fire_at: Milliseconds,
        last_run_id: str | None,
    ) -> bool:
        """Claims a firing: of all that expect the same time exactly one succeeds. This is one atomic round trip.

        Args:
            id: id of the schedule.
            expected_next_fire_at: the time that the caller read.
            new_next_fire_at: when it is due next.
            last_fire_at: when it fired.
            last_run_id: id of the run that the caller starts, or None.

        Returns:
            Whether the schedule exists, is active and had the expected time; else nothing was written.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "UPDATE_SCHEDULE_NEXT_FIRE"
        text(id, "id", operation=operation)
        expected = _time(expected_next_fire_at, "expected_next_fire_at", operation)
        columns = {
            "next_fire_at": _time(new_next_fire_at, "new_next_fire_at", operation),
            "last_fire_at": _time(last_fire_at, "last_fire_at", operation),
            "last_run_id": None if last_run_id is None else string(last_run_id, "last_run_id", operation=operation),
            "updated_at": now_in_milliseconds(),
        }
        where = [equals(["status"], "active"), equals(["next_fire_at"], expected)]
        result = await self._records.commit(
            [Patch(table=SCHEDULES.name, keys=[[id]], change=Change(set=encode_columns(SCHEDULES, columns)))],
            guards=[HoldsGuard(table=SCHEDULES.name, key=[id], where=where)],
        )
        return result.status == "done"

    async def delete_schedule(self, id: str) -> None:
        """Deletes the schedule and its triggers, in steps where there are many; an unknown id is no error."""
        text(id, "id", operation="DELETE_SCHEDULE")
        owned = [DeleteRange(range=range) for range in self._records.owned_ranges(SCHEDULES, id)]
        await self._records.commit([*owned, Delete(table=SCHEDULES.name, keys=[[id]])], mode="resumable")

    async def record_trigger(self, trigger: ScheduleTrigger | Mapping[str, Any]) -> ScheduleTrigger:
        """Stores a trigger and returns it. Raises ConflictError when one with its id exists."""
        operation = "RECORD_TRIGGER"
        checked = parse(ScheduleTrigger, trigger, "trigger", operation=operation)
        with about("trigger"):
            row = encode_row(TRIGGERS, {field.name: vars(checked)[field.name] for field in TRIGGERS.fields})
        await self._insert(TRIGGERS, row, "trigger", operation)
        return checked

    async def list_triggers(
        self,
        schedule_id: str,
        *,
        limit: int | None = None,
        from_actual_fire_at: Milliseconds | None = None,
        to_actual_fire_at: Milliseconds | None = None,
    ) -> list[ScheduleTrigger]:
        """Lists the triggers of a schedule, newest first.

        Args:
            schedule_id: id of the schedule.
            limit: number of triggers at most; None for all.
            from_actual_fire_at: earliest `actual_fire_at`, inclusive; None for no limit.
            to_actual_fire_at: latest `actual_fire_at`, exclusive; None for no limit.

        Returns:
            The triggers.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_TRIGGERS"
        text(schedule_id, "schedule_id", operation=operation)
        since, until = from_actual_fire_at, to_actual_fire_at
        scan = Scan(
            table=TRIGGERS.name,
            index="by_schedule_actual",
            prefixes=[[schedule_id]],
            lower=None if since is None else Bound(value=_time(since, "from_actual_fire_at", operation)),
            upper=None if until is None else Bound(value=_time(until, "to_actual_fire_at", operation), inclusive=False),
            order="desc",
            limit=_limit(limit, operation),
        )
        return await each(trigger_of, (await self._records.read(scan)).rows)

    async def _found(self, id: str) -> Schedule | None:
        [row] = (await self._records.read(Get(table=SCHEDULES.name, keys=[[id]]))).rows
        return None if row is None else schedule_of(row)

    async def _insert(self, table: Table, row: Row, kind: str, operation: str) -> None:
        guard = KeyGuard(guard="missing", table=table.name, key=[row["id"]])
        result = await self._records.commit([Put(table=table.name, rows=[row])], guards=[guard])
        if result.status == "conflict":
            raise ConflictError(f"{kind} {row['id']!r} exists already", operation=operation, status="EXISTS")


_LISTED: Mapping[tuple[str, ...], str] = {
    ("workflow_id", "status"): "by_workflow_status",
    ("workflow_id",): "by_workflow_id",
    ("owner_type", "owner_id"): "by_owner",
    ("owner_id",): "by_owner_id",
    ("owner_type",): "by_owner",
    ("status",): "by_status_next_fire_at",
    (): "by_created",
}
"""Names the index to list by, by the columns that are filtered; the first whose columns all are is taken."""


def _until_next(schedules: Sequence[Schedule]) -> float | None:
    """Returns the seconds until the next schedule becomes due; None when none does."""
    now = now_in_milliseconds()
    later = [schedule.next_fire_at - now for schedule in schedules if schedule.next_fire_at > now]
    return min(min(later) / 1000, _LONGEST_WAIT) if later else None


def _time(value: object, name: str, operation: str) -> int:
    try:
        time = milliseconds(value)
    except ValueError as error:
        raise ValidationError(f"{name} {error}", operation=operation) from error
    if type(time) is not int or not 0 <= time <= MAX_SAFE_INTEGER:
        raise ValidationError(f"{name} must be epoch milliseconds or a datetime with a zone", operation=operation)
    return time


def _limit(limit: object, operation: str) -> int | None:
    if limit is not None and (type(limit) is not int or not 0 <= limit <= MAX_SAFE_INTEGER):
        raise ValidationError("limit must be an integer >= 0, or None for all", operation=operation)
    return limit


def _not_found(id: str, operation: str) -> NotFoundError:
    return NotFoundError(f"schedule {id!r} not found", operation=operation, status="SCHEDULE_NOT_FOUND")
