"""Workflow runs as Python sees them (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ValidationInfo

from mastra_convex.contract.models import Record, UtcDatetime, is_stored
from mastra_convex.contract.pages import Page
from mastra_convex.errors import ValidationError
from mastra_convex.rows.values import from_json

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
    """`value` when it is the status of a run; ValidationError naming the parameter otherwise."""
    if not isinstance(value, str) or value not in _STATUSES:
        raise ValidationError(f"{name} must be one of {', '.join(_STATUSES)}, not {value!r}", operation=operation)
    return value


def opened(value: Any) -> Any:
    """A stored snapshot as a value: it is JSON text, in older rows an object; a text that is no JSON is itself."""
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
        return {"status": "pending", "context": {}}  # what a run without a snapshot counts as
    return found if isinstance(found, dict) else str(value)


StoredSnapshot = Annotated[dict[str, Any] | str, BeforeValidator(_snapshot)]


class WorkflowRun(Record):
    """A run of a workflow. `snapshot` is its state; a `str` where what is stored is no JSON object."""

    workflow_name: str
    run_id: str
    snapshot: StoredSnapshot
    resource_id: str | None = None
    created_at: UtcDatetime
    updated_at: UtcDatetime

    @property
    def status(self) -> str | None:
        """The status in the snapshot."""
        status: str | None = _member(self.snapshot, "status")
        return status

    @property
    def thread_id(self) -> str | None:
        """The thread of memory that the run works on, if it does.

        It is found as in @mastra/core: in the stream state of the first suspended step that has one, else in the
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
    runs: list[WorkflowRun]


def _member(value: Any, *keys: str) -> Any:
    """The member of nested objects, None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
