"""Snapshots of runs: stored whole, or changed in place by many at once (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel

from mastra_convex.contract.arguments import items, json_object, moment, text
from mastra_convex.domain import DomainStore
from mastra_convex.engine.protocol import Get, HoldsGuard, KeyGuard, Patch, Put
from mastra_convex.errors import MastraConvexError, ValidationError
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.codec import encode_columns, encode_row
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.keys import Key
from mastra_convex.rows.native import Checked
from mastra_convex.rows.paths import Path
from mastra_convex.rows.times import now
from mastra_convex.rows.values import checked, to_json

from .models import RunStatus, check_status, opened
from .tables import SNAPSHOTS

_SNAPSHOT = ("snapshot",)
_CONTEXT = ("snapshot", "context")
_STATUS = ("snapshot", "status")
_HAS_CONTEXT = [
    Condition(path=_CONTEXT, operator="exists", value="true"),
    Condition(path=_CONTEXT, operator="match", value='{"$contains":{}}'),  # an object
]


class SnapshotMethods(DomainStore):
    """The methods of WorkflowsStore that work on one snapshot."""

    def supports_concurrent_updates(self) -> bool:
        """Always True: `update_workflow_results` and `update_workflow_state` lose nothing, from any number of
        processes.
        """
        return True

    async def persist_workflow_snapshot(
        self,
        workflow_name: str,
        *,
        run_id: str,
        snapshot: Mapping[str, Any],
        resource_id: str | None = None,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
    ) -> None:
        """Stores the snapshot whole, as JSON text; keys such as `$schema` stay as they are.

        A run that exists keeps its `created_at`, and its resource where none is given. One round trip. Raises
        ValidationError for what JSON lacks (a datetime, say), TooLargeError for a value of more than 128 MiB in it.
        """
        operation = "PERSIST_WORKFLOW_SNAPSHOT"
        workflow_name, run_id = _key(workflow_name, run_id, operation=operation)
        time = now()
        row = {
            "id": f"{workflow_name}-{run_id}",  # as @mastra/convex has it; it deletes by this column
            "workflow_name": workflow_name,
            "run_id": run_id,
            "resourceId": None if resource_id is None else text(resource_id, "resource_id", operation=operation),
            "snapshot": json_object(snapshot, "snapshot", operation=operation),
            "createdAt": time if created_at is None else moment(created_at, "created_at", operation=operation),
            "updatedAt": time if updated_at is None else moment(updated_at, "updated_at", operation=operation),
        }
        keep = ["createdAt", "resourceId"] if resource_id is None else ["createdAt"]
        await self._records.commit([Put(table=SNAPSHOTS.name, rows=[encode_row(SNAPSHOTS, row)], keep=keep)])

    async def load_workflow_snapshot(self, workflow_name: str, *, run_id: str) -> dict[str, Any] | None:
        """The snapshot, or None when there is none."""
        operation = "LOAD_WORKFLOW_SNAPSHOT"
        key = _key(workflow_name, run_id, operation=operation)
        found = await self._records.read(Get(table=SNAPSHOTS.name, keys=[key], paths=[_SNAPSHOT]))
        [values] = found.values or [None]
        snapshot = opened(values[0]) if values else None
        if snapshot is None or snapshot == "":
            return None
        if not isinstance(snapshot, dict):
            raise _invalid(run_id, "is no JSON object", operation)
        return snapshot

    async def update_workflow_results(
        self,
        workflow_name: str,
        *,
        run_id: str,
        step_id: str,
        result: Mapping[str, Any],
        request_context: Mapping[str, Any] | None = None,
        return_context: bool = True,
    ) -> dict[str, Any]:
        """Merges the result of one step into the snapshot's context, and `request_context` over the snapshot's.

        One atomic round trip: of concurrent results none is lost. Where both the stored and the new result have a
        list `output` (the parts of a loop), it is merged element by element: None and elements
        `{"__mastra_pending__": True}` leave what others have stored.

        Returns the whole context, or `{}` for an unknown run. With `return_context=False` it stays on the server, and
        the answer is `{}`. Raises MastraConvexError, nothing written, when the snapshot has no context.
        """
        operation = "UPDATE_WORKFLOW_RESULTS"
        key = _key(workflow_name, run_id, operation=operation)
        step = text(step_id, "step_id", operation=operation)
        value = json_object(result, "result", operation=operation).json
        edits = [Edit(path=[*_CONTEXT, step], reducer="slots", value=value)]
        if request_context is not None:
            value = json_object(request_context, "request_context", operation=operation).json
            edits.append(Edit(path=["snapshot", "requestContext"], reducer="merge", value=value))
        return await self._edit(key, edits, returning=_CONTEXT if return_context else None, operation=operation) or {}

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
        return_snapshot: bool = True,
    ) -> dict[str, Any] | None:
        """Sets the given members of the snapshot; None leaves one as it is.

        With `expected_status` (one or several), only if the stored status is among them. The check and the change are
        one atomic round trip: of any number of processes that move a run from `suspended` to `running`, exactly one
        succeeds.

        Returns the merged snapshot; None, nothing written, when the status is another one or the run unknown. With
        `return_snapshot=False` the snapshot stays on the server, and the answer is what was set. Raises
        MastraConvexError, nothing written, when the snapshot has no context.
        """
        operation = "UPDATE_WORKFLOW_STATE"
        key = _key(workflow_name, run_id, operation=operation)
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
            expected=_statuses(expected_status, operation),
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
        expected: Sequence[str] | None = None,
    ) -> dict[str, Any] | None:
        """Edits a snapshot; the value at `returning` afterwards, None when the run is unknown or its status not
        expected.
        """
        change = Change(set=encode_columns(SNAPSHOTS, {"updatedAt": now()}), edits=edits)
        guards: list[KeyGuard | HoldsGuard] = [
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
        if done.status == "conflict":
            if done.guard == 1:
                raise _invalid(key[1], "has no context", operation)
            return None
        values = (done.returned[0].values or [None])[0] if returning else None
        found: dict[str, Any] = opened(values[0]) if values else {}
        return found


def _key(workflow_name: str, run_id: str, *, operation: str) -> tuple[str, str]:
    return text(workflow_name, "workflow_name", operation=operation), text(run_id, "run_id", operation=operation)


def _positions(active_paths: object, operation: str) -> Checked:
    positions = checked(items(active_paths, "active_paths", operation=operation), "active_paths")
    for n, position in enumerate(positions.value):
        if type(position) is not int:
            raise ValidationError(f"active_paths[{n}] must be an integer", operation=operation)
    return positions


def _statuses(expected: RunStatus | Sequence[RunStatus] | None, operation: str) -> list[str] | None:
    if expected is None:
        return None
    several = [expected] if isinstance(expected, str) else items(expected, "expected_status", operation=operation)
    return [check_status(each, "expected_status", operation=operation) for each in several]


def _invalid(run_id: object, what: str, operation: str) -> MastraConvexError:
    message = f"the snapshot of run {run_id!r} {what}"
    return MastraConvexError(message, operation=operation, status="INVALID_SNAPSHOT", details={"runId": run_id})
