"""Workflows: snapshots of runs, which let a run outlive its process (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import register
from mastra_convex.retention import RetentionTable
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
    # By the last change, so that a run which is suspended or takes long is not as old as its start.
    retention: ClassVar[Mapping[str, RetentionTable]] = {"workflowSnapshot": RetentionTable(SNAPSHOTS, "updatedAt")}
