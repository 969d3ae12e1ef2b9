"""Stores snapshots of workflow runs, so that a run outlives its process (docs/contract.md, "Workflow runs")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import RetentionTable, Table, register

from .claims import ClaimMethods, RunClaim
from .models import RunStatus, WorkflowRun, WorkflowRunPage
from .runs import RunMethods
from .snapshots import SnapshotMethods
from .tables import CLAIMS, SNAPSHOTS
from .watching import WatchMethods

__all__ = ["RunClaim", "RunStatus", "WorkflowRun", "WorkflowRunPage", "WorkflowsStore"]


@register
class WorkflowsStore(SnapshotMethods, RunMethods, ClaimMethods, WatchMethods):
    """Stores the snapshots of workflow runs. A run is identified by its workflow and its run id together.

    Example:
        snapshot = {"status": "suspended", "context": {}}
        await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot=snapshot)
        claim = {"run_id": "1", "status": "running", "expected_status": "suspended"}
        assert await store.workflows.update_workflow_state("trip", **claim) is not None
        assert await store.workflows.update_workflow_state("trip", **claim) is None  # only one caller resumes it
    """

    name: ClassVar[str] = "workflows"
    tables: ClassVar[tuple[Table, ...]] = (SNAPSHOTS, CLAIMS)
    # The last change counts, so that a run which is suspended or takes long is not pruned by its start.
    retention: ClassVar[Mapping[str, RetentionTable]] = {
        "workflowClaims": RetentionTable(CLAIMS, "expires_at"),
        "workflowSnapshot": RetentionTable(SNAPSHOTS, "updatedAt"),
    }
