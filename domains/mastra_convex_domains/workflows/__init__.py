"""Workflows: snapshots of runs, which let a run outlive its process (contract section 6)."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex.registry import register
from mastra_convex.tables import Table

from .models import RunStatus, WorkflowRun, WorkflowRunPage
from .runs import RunMethods
from .snapshots import SnapshotMethods
from .tables import SNAPSHOTS

__all__ = ["RunStatus", "WorkflowRun", "WorkflowRunPage", "WorkflowsStore"]


@register
class WorkflowsStore(SnapshotMethods, RunMethods):
    """The snapshots of workflow runs. A run is named by its workflow and its run id together."""

    name: ClassVar[str] = "workflows"
    tables: ClassVar[tuple[Table, ...]] = (SNAPSHOTS,)
