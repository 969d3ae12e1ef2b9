"""Stores snapshots of runs, and changes them in place, also concurrently (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic.alias_generators import to_camel

from mastra_convex.domain import (
    Change,
    Checked,
    Condition,
    DomainStore,
    Edit,
    Get,
    Guard,
    HoldsGuard,
    Key,
    KeyGuard,
    Patch,
    Path,
    Put,
    Time,
    checked,
    each,
    encode_columns,
    encode_row,
    integer,
    items,
    json_object,
    moment,
    now,
    text,
    to_json,
)
from mastra_convex.errors import MastraConvexError, damaged_row

from .claims import RunClaim, checked_claim, claim_lost
from .models import RunStatus, check_status, check_statuses, opened
from .tables import SNAPSHOTS

_SNAPSHOT = ("snapshot",)
_CONTEXT = ("snapshot", "context")
_STATUS = ("snapshot", "status")
_HAS_CONTEXT = [
    Condition(path=_CONTEXT, operator="exists", value="true"),
    Condition(path=_CONTEXT, operator="match", value='{"$contains":{}}'),  # an object
]


class SnapshotMethods(DomainStore):
    """Adds the methods that work on one snapshot to WorkflowsStore."""

    def supports_concurrent_updates(self) -> bool:
        """Returns True: concurrent calls of `update_workflow_results` and `update_workflow_state` lose nothing, in any
        number of processes.
        """
        return True

    async def persist_workflow_snapshot(
        self,
        workflow_name: str,
        *,
        run_id: str,
        snapshot: Mapping[str, Any],
        resource_id: str | None = None,
        created_at: Time | None = None,
        updated_at: Time | None = None,
        claim: RunClaim | None = None,
    ) -> None:
        """Stores the whole snapshot of a run as JSON text, in one round trip.

        A run that exists keeps its `created_at`.

        Args:
            workflow_name: name of the workflow.
            run_id: id of the run within the workflow.
            snapshot: state of the run; its keys may be any text, for instance `$schema`.
            resource_id: resource of the run. When it is None, a run that exists keeps its resource.
            created_at: creation time of a new run, datetime or ISO text with a time zone; None for now.
            updated_at: time of the change, datetime or ISO text with a time zone; None for now.
            claim: the claim under which this is written; None for none.

        Raises:
            ValidationError: an argument is wrong, or JSON cannot express a value (a Decimal, for instance).
            TooLargeError: the snapshot has a value of more than 128 MiB.
            ConflictError: `claim` is no longer the latest of the run; nothing is written.
        """
        operation = "PERSIST_WORKFLOW_SNAPSHOT"
        workflow_name, run_id = key = _key(workflow_name, run_id, operation=operation)
        guards = checked_claim(claim, key, operation)
        time = now()
        [checked_snapshot] = await each(lambda given: json_object(given, "snapshot", operation=operation), [snapshot])
        row = {
            "id": f"{workflow_name}-{run_id}",  # as @mastra/convex has it; it deletes by this column
            "workflow_name": workflow_name,
            "run_id": run_id,
            "resourceId": None if resource_id is None else text(resource_id, "resource_id", operation=operation),
            "snapshot": checked_snapshot,
            "createdAt": time if created_at is None else moment(created_at, "created_at", operation=operation),
            "updatedAt": time if updated_at is None else moment(updated_at, "updated_at", operation=operation),
        }
        keep = ["createdAt", "resourceId"] if resource_id is None else ["createdAt"]
        put = Put(table=SNAPSHOTS.name, rows=[encode_row(SNAPSHOTS, row)], keep=keep)
        if (await self._records.commit([put], guards=guards)).status == "conflict":
            raise claim_lost(key, operation)

    async def load_workflow_snapshot(self, workflow_name: str, *, run_id: str) -> dict[str, Any] | None:
        """Returns the snapshot, or None when there is none."""
        operation = "LOAD_WORKFLOW_SNAPSHOT"
        key = _key(workflow_name, run_id, operation=operation)
        found = await self._records.read(Get(table=SNAPSHOTS.name, keys=[key], paths=[_SNAPSHOT]))
        [values] = found.values or [None]
        [snapshot] = await each(opened, [values[0] if values else None])
        if snapshot is None or snapshot == "":
            return None
        if not isinstance(snapshot, dict):
            problem = f"the snapshot of run {run_id!r} is no JSON object"
            raise damaged_row(SNAPSHOTS.name, key, problem, operation=operation, status="INVALID_SNAPSHOT")
        return snapshot

    async def update_workflow_results(
        self,
        workflow_name: str,
        *,
        run_id: str,
        step_id: str,
        result: Mapping[str, Any],
        request_context: Mapping[str, Any] | None = None,
        claim: RunClaim | None = None,
        return_context: bool = True,
    ) -> dict[str, Any]:
        """Merges the result of one step into the context of the snapshot.

        This is one atomic round trip, so concurrent results are all kept. When both the stored and the new result
        have a list `output` (the parts of a loop), the lists are merged element by element: None and elements
        `{"__mastra_pending__": True}` keep the stored element.

        Args:
            workflow_name: name of the workflow.
            run_id: id of the run within the workflow.
            step_id: id of the step, the key in the context.
            result: result of the step.
            request_context: members to merge over those of the snapshot's `requestContext`; None for none.
            claim: the claim under which this is written; None for none.
            return_context: False leaves the context on the server.

        Returns:
            The whole context; `{}` for an unknown run, and with `return_context=False`.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: `claim` is no longer the latest of the run; nothing is written.
            MastraConvexError: the snapshot has no context; nothing is written.
        """
        operation = "UPDATE_WORKFLOW_RESULTS"
        key = _key(workflow_name, run_id, operation=operation)
        step = text(step_id, "step_id", operation=operation)
        value = json_object(result, "result", operation=operation).json
        edits = [Edit(path=[*_CONTEXT, step], reducer="slots", value=value)]
        if request_context is not None:
            value = json_object(request_context, "request_context", operation=operation).json
            edits.append(Edit(path=["snapshot", "requestContext"], reducer="merge", value=value))
        returning = _CONTEXT if return_context else None
        return await self._edit(key, edits, claim=claim, returning=returning, operation=operation) or {}

    async def update_workflow_state(
        self,
        workflow_name: str,
        *,
        run_id: str,
        status: RunStatus,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        suspended_paths: Mapping[str, Any] | None = None,
        waiting_paths: Mapping[str, Any] | None = None,
        resume_labels: Mapping[str, Any] | None = None,
        active_paths: Sequence[int] | None = None,
        active_steps_path: Mapping[str, Any] | None = None,
        tracing_context: Mapping[str, Any] | None = None,
        expected_status: RunStatus | Sequence[RunStatus] | None = None,
        claim: RunClaim | None = None,
        return_snapshot: bool = True,
    ) -> dict[str, Any] | None:
        """Sets the given members of the snapshot; an argument that is None leaves its member as it is.

        The check of `expected_status` and the change are one atomic round trip. When several processes move a run from
        `suspended` to `running`, exactly one succeeds.

        Args:
            workflow_name: name of the workflow.
            run_id: id of the run within the workflow.
            status: new status of the run.
            result: result of the run.
            error: error of the run.
            suspended_paths: path of each suspended step in the graph, by step id.
            waiting_paths: path of each waiting step, by step id.
            resume_labels: labels at which the run can be resumed.
            active_paths: indexes of the active steps.
            active_steps_path: path of each active step, by step id.
            tracing_context: context of the trace.
            expected_status: status, or several, that the stored run must have; None for any.
            claim: the claim under which this is written; None for none.
            return_snapshot: False leaves the snapshot on the server.

        Returns:
            The merged snapshot, or with `return_snapshot=False` the members that were set. None, and nothing is
            written, when the run is unknown or has another status than expected.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: `claim` is no longer the latest of the run; nothing is written.
            MastraConvexError: the snapshot has no context; nothing is written.
        """
        operation = "UPDATE_WORKFLOW_STATE"
        key = _key(workflow_name, run_id, operation=operation)
        expected = None
        if expected_status is not None:
            expected = check_statuses(expected_status, "expected_status", operation=operation)
        members = {"status": checked(check_status(status, "status", operation=operation), "status")}
        objects = {
            "result": result,
            "error": error,
            "suspended_paths": suspended_paths,
            "waiting_paths": waiting_paths,
            "resume_labels": resume_labels,
            "active_steps_path": active_steps_path,
            "tracing_context": tracing_context,
        }
        for name, value in objects.items():
            if value is not None:
                members[to_camel(name)] = json_object(value, name, operation=operation)
        if active_paths is not None:
            members["activePaths"] = _positions(active_paths, operation)
        edits = [Edit(path=["snapshot", name], reducer="set", value=member.json) for name, member in members.items()]
        merged = await self._edit(
            key,
            edits,
            expected=expected,
            claim=claim,
            returning=_SNAPSHOT if return_snapshot else None,
            operation=operation,
        )
        if merged is None or return_snapshot:
            return merged
        return {name: member.value for name, member in members.items()}

    async def _edit(
        self,
        key: Key,
        edits: Sequence[Edit],
        *,
        returning: Path | None,
        operation: str,
        claim: RunClaim | None,
        expected: Sequence[str] | None = None,
    ) -> dict[str, Any] | None:
        """Edits a snapshot and returns the value at `returning`, or None when the run is unknown or has another status
        than expected.
        """
        change = Change(set=encode_columns(SNAPSHOTS, {"updatedAt": now()}), edits=edits)
        under_claim = checked_claim(claim, key, operation)
        guards: list[Guard] = [
            *under_claim,
            KeyGuard(guard="exists", table=SNAPSHOTS.name, key=key),
            HoldsGuard(table=SNAPSHOTS.name, key=key, where=_HAS_CONTEXT),
        ]
        if expected is not None:
            among = Condition(path=_STATUS, operator="in", value=to_json(expected))
            guards.append(HoldsGuard(table=SNAPSHOTS.name, key=key, where=[among]))
        done = await self._records.commit(
            [Patch(table=SNAPSHOTS.name, keys=[key], change=change)],
            guards=guards,
            returning=[Get(table=SNAPSHOTS.name, keys=[key], paths=[returning])] if returning else [],
        )
        if done.guard is not None:
            if done.guard < len(under_claim):
                raise claim_lost(key, operation)
            if done.guard == len(under_claim) + 1:
                message = f"the snapshot of run {key[1]!r} has no context (Mastra: Snapshot context not found)"
                details = {"runId": key[1]}
                raise MastraConvexError(message, operation=operation, status="INVALID_SNAPSHOT", details=details)
            return None
        values = (done.returned[0].values or [None])[0] if returning else None
        [found] = await each(opened, [values[0]]) if values else [{}]
        return cast(dict[str, Any], found)


def _key(workflow_name: str, run_id: str, *, operation: str) -> tuple[str, str]:
    return text(workflow_name, "workflow_name", operation=operation), text(run_id, "run_id", operation=operation)


def _positions(active_paths: object, operation: str) -> Checked:
    given = enumerate(items(active_paths, "active_paths", operation=operation))
    positions = [integer(each, f"active_paths[{n}]", operation=operation, least=None, most=None) for n, each in given]
    return checked(positions, "active_paths")
