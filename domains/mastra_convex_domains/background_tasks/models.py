"""Defines background tasks (docs/contract.md, "Background tasks")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Id,
    Page,
    Record,
    StoredObject,
    UtcDatetime,
    checked_when_given,
    new_id,
    now,
)

TaskStatus = Literal["pending", "running", "suspended", "completed", "failed", "cancelled", "timed_out"]
TaskTime = Literal["created_at", "started_at", "suspended_at", "completed_at"]
TaskOrder = Literal[
    "created_at",
    "-created_at",
    "started_at",
    "-started_at",
    "suspended_at",
    "-suspended_at",
    "completed_at",
    "-completed_at",
]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_SAFE_INTEGER)]


class BackgroundTask(Record):
    """Represents a call of a tool that runs in the background.

    Example:
        names = {"tool_name": "search", "tool_call_id": "call-1", "agent_id": "writer", "run_id": "run-1"}
        task = await store.background_tasks.create_task(BackgroundTask(**names, args={"query": "tea"}))
        assert task.status == "pending"
        assert await store.background_tasks.get_task(task.id) == task
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the task; a new UUID by default."""
    status: Annotated[TaskStatus, WrapValidator(checked_when_given)] = "pending"
    """Tells how far the task is."""
    tool_name: str
    """Names the tool."""
    tool_call_id: str
    """Identifies the call of the tool."""
    args: StoredObject = Field(default_factory=dict)
    """Holds the arguments of the call."""
    agent_id: str
    """Identifies the agent that called."""
    thread_id: str | None = None
    """Identifies the thread of the call, or None."""
    resource_id: str | None = None
    """Identifies the resource of the call, or None."""
    run_id: str
    """Identifies the run of the call."""
    result: Any = None
    """Holds the result, any JSON value; None while there is none."""
    error: StoredObject | None = None
    """Holds the error, `{"message": ..., "stack"?: ...}`, or None."""
    suspend_payload: Any = None
    """Holds what the task was suspended with, any JSON value, or None."""
    retry_count: Count = 0
    """Counts how often the task was tried again."""
    max_retries: Count = 0
    """Says how often it may be tried again."""
    timeout_ms: Count = 0
    """Says how many milliseconds it may take."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the task was made, in UTC; now by default."""
    started_at: UtcDatetime | None = None
    """Records when it was started, or is None."""
    suspended_at: UtcDatetime | None = None
    """Records when it was suspended, or is None."""
    completed_at: UtcDatetime | None = None
    """Records when it ended, or is None."""


class BackgroundTaskPage(Page):
    """Holds one page of a list of tasks.

    Example:
        page = await store.background_tasks.list_tasks(status="running")
        assert page.tasks == [] and page.total == 0
    """

    tasks: list[BackgroundTask]
    """Lists the tasks of the page, in the order asked for."""
