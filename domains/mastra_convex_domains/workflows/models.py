"""Defines workflow runs (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ValidationInfo

from mastra_convex.domain import Page, Record, UtcDatetime, from_json, is_stored, items
from mastra_convex.errors import ValidationError

RunStatus = Literal[
    "running",
    "success",
    "failed",
    "tripwire",
    "suspended",
    "waiting",
    "pending",
    "canceled",
    "bailed",
    "paused",
    "skipped",
]

_STATUSES: tuple[str, ...] = get_args(RunStatus)


def check_status(value: object, name: str, *, operation: str) -> str:
    """Returns `value` when it is the status of a run; raises ValidationError, which names the parameter, otherwise."""
    if not isinstance(value, str) or value not in _STATUSES:
        raise ValidationError(f"{name} must be one of {', '.join(_STATUSES)}, not {value!r}", operation=operation)
    return value


def check_statuses(value: object, name: str, *, operation: str) -> list[str]:
    """Returns one status or several as a list; raises ValidationError otherwise."""
    several = [value] if isinstance(value, str) else items(value, name, operation=operation)
    return [check_status(each, name, operation=operation) for each in several]


def opened(value: Any) -> Any:
    """Parses a stored snapshot: JSON text, or in older rows an object. Text that is not JSON is returned as it is."""
    while isinstance(value, str):
        try:
            value = from_json(value)
        except ValueError:
            break
    return value


def _snapshot(value: Any, info: ValidationInfo) -> Any:
    if not is_stored(info):
        return value
    found = opened(value)
    if found is None or found == "":
        return {"status": "pending", "context": {}}  # a run without a snapshot is pending
    return found if isinstance(found, dict) else str(value)


StoredSnapshot = Annotated[dict[str, Any] | str, BeforeValidator(_snapshot)]


class WorkflowRun(Record):
    """Represents a run of a workflow.

    Example:
        await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "waiting"})
        run = await store.workflows.get_workflow_run_by_id("1")
        assert run is not None and run.workflow_name == "trip" and run.status == "waiting"
    """

    workflow_name: str
    """Names the workflow."""
    run_id: str
    """Identifies the run within its workflow."""
    snapshot: StoredSnapshot
    """Holds the state of the run; a `str` when the stored value is not a JSON object."""
    resource_id: str | None = None
    """Names the resource that the run belongs to, or None."""
    created_at: UtcDatetime
    """Records when the run was first stored, in UTC."""
    updated_at: UtcDatetime
    """Records when the run was last changed, in UTC."""

    @property
    def status(self) -> str | None:
        """Returns the status in the snapshot."""
        status: str | None = _member(self.snapshot, "status")
        return status

    @property
    def thread_id(self) -> str | None:
        """Returns the id of the memory thread that the run works on, or None.

        As in @mastra/core, it is read from the stream state of the first suspended step that has one, else from the
        input of the run.
        """
        context = _member(self.snapshot, "context")
        info = _member(context, "input", "messageListState", "memoryInfo")
        for step in context.values() if isinstance(context, dict) else ():
            stream = _member(step, "suspendPayload", "__streamState")
            if _member(step, "status") == "suspended" and stream not in (None, False, ""):
                info = _member(stream, "messageList", "memoryInfo")
                break
        thread_id: str | None = _member(info, "threadId")
        return thread_id


class WorkflowRunPage(Page):
    """Holds one page of a list of workflow runs.

    Example:
        await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "waiting"})
        page = await store.workflows.list_workflow_runs(status="waiting")
        assert page.total == 1 and page.runs[0].run_id == "1"
    """

    runs: list[WorkflowRun]
    """Lists the runs of the page, newest first."""


def _member(value: Any, *keys: str) -> Any:
    """Returns the member of nested objects, or None when there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
