"""How often a large text is read, parsed and printed, beside what the answer needs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import WorkflowsStore
from mastra_convex_domains.workflows.tables import SNAPSHOTS

STEP = {"status": "success", "output": {"text": "word " * 40, "scores": [0.5, 1, 2], "nested": [{"a": None}]}}
SNAPSHOT = {"status": "running", "context": {f"step{n}": STEP for n in range(1_400)}}
LARGE = 400_000


class Effort:
    """Counts the work on large texts. `snapshots` are JSON texts of the snapshot, `rows` those of the row with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed = {"snapshots": 0, "rows": 0}
        self.printed = {"snapshots": 0, "rows": 0}
        loads, dumps = orjson.loads, orjson.dumps

        def counted_loads(text: Any) -> Any:
            value = loads(text)
            if len(text) > LARGE:
                self.parsed[_kind(value)] += 1
            return value

        def counted_dumps(value: Any, *args: Any, **options: Any) -> bytes:
            text = dumps(value, *args, **options)
            if len(text) > LARGE and not options:  # with options it only checks numbers, and the text is thrown away
                self.printed[_kind(value)] += 1
            return text

        monkeypatch.setattr(orjson, "loads", counted_loads)
        monkeypatch.setattr(orjson, "dumps", counted_dumps)


def _kind(value: Any) -> str:
    return "snapshots" if isinstance(value, dict) and "context" in value else "rows"


@pytest.fixture(params=["in memory", "on a file"])
async def workflows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkflowsStore]:
    async with ConvexStore.local(":memory:" if request.param == "in memory" else tmp_path / "file.db") as store:
        await store.workflows.persist_workflow_snapshot("w", run_id="r", snapshot=SNAPSHOT)
        yield store.workflows


async def test_an_update_parses_and_prints_a_snapshot_once(
    workflows: WorkflowsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two guards with conditions, six edits and a returned path; the domain parses the returned text."""
    effort = Effort(monkeypatch)
    members: dict[str, Any] = {
        "result": {"a": 1},
        "error": {"message": "x"},
        "suspended_paths": {"b": [1]},
        "waiting_paths": {"c": [2]},
        "resume_labels": {"d": {"stepId": "e"}},
    }
    merged = await workflows.update_workflow_state(
        "w", run_id="r", status="suspended", expected_status=["running", "pending"], **members
    )
    assert merged is not None
    assert {merged["status"], len(merged["context"]), merged["result"]["a"]} == {"suspended", 1_400, 1}
    assert effort.parsed == {"snapshots": 2, "rows": 1}
    assert effort.printed == {"snapshots": 1, "rows": 1}


async def test_an_update_that_returns_nothing_parses_a_snapshot_once(
    workflows: WorkflowsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    effort = Effort(monkeypatch)
    await workflows.update_workflow_state("w", run_id="r", status="suspended", return_snapshot=False)
    assert effort.parsed == {"snapshots": 1, "rows": 1}
    assert effort.printed == {"snapshots": 1, "rows": 1}


async def test_an_update_that_finds_another_status_prints_nothing(
    workflows: WorkflowsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    effort = Effort(monkeypatch)
    update = workflows.update_workflow_state("w", run_id="r", status="running", expected_status="paused")
    assert await update is None
    assert effort.parsed == {"snapshots": 1, "rows": 1}
    assert effort.printed == {"snapshots": 0, "rows": 0}


async def test_a_loaded_snapshot_is_parsed_once_by_the_engine(
    workflows: WorkflowsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    effort = Effort(monkeypatch)
    assert await workflows.load_workflow_snapshot("w", run_id="r") == SNAPSHOT
    assert effort.parsed == {"snapshots": 2, "rows": 1}
    assert effort.printed == {"snapshots": 1, "rows": 0}


async def test_a_run_that_is_searched_for_by_its_status_is_parsed_once_by_the_engine(
    workflows: WorkflowsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    effort = Effort(monkeypatch)
    page = await workflows.list_workflow_runs(status="running")
    assert [run.run_id for run in page.runs] == ["r"]
    assert effort.parsed == {"snapshots": 2, "rows": 1}
    assert effort.printed == {"snapshots": 0, "rows": 0}


async def test_a_commit_looks_a_row_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For three guards, a patch and a returned path."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    async with ConvexStore.local(tmp_path / "file.db") as store:
        await store.workflows.persist_workflow_snapshot("w", run_id="r", snapshot={"status": "running", "context": {}})
        statements.clear()
        update = store.workflows.update_workflow_state("w", run_id="r", status="waiting", expected_status="running")
        assert await update == {"status": "waiting", "context": {}}
    selected = [text for text in statements if text.startswith("SELECT") and SNAPSHOTS.name in text]
    assert len(selected) == 1
