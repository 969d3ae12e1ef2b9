"""What records above 1 MiB cost; the attachment is base64, as images are."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import MemoryStore
from tests.cost.conftest import Meter
from tests.reliability.large.kinds import message
from tests.reliability.large.texts import MIB, attachment_text

LARGE = attachment_text(6 * MIB)


async def test_w15_save_and_read_an_attachment_of_6_mebibytes(memory: MemoryStore, meter: Meter) -> None:
    await meter.start()
    await memory.save_messages([message("a", LARGE)])
    saved = await meter.cost()
    assert (saved.calls, saved.documents_written) == (1, 1 + 7 + 1 + 1)  # message, chunks, their generation, receipt
    assert saved.request_bytes < 1.05 * len(LARGE)
    await meter.start()
    [found] = await memory.list_messages_by_id(["a"])
    cost = await meter.cost()
    assert found == message("a", LARGE)
    assert (cost.calls, cost.documents_read) == (2, 1 + 7 + 1)
    assert cost.response_bytes < 1.05 * len(LARGE)


@pytest.mark.long
async def test_an_attachment_of_64_mebibytes(memory: MemoryStore, meter: Meter) -> None:
    text = attachment_text(64 * MIB)
    await meter.start()
    await memory.save_messages([message("a", text)])
    saved = await meter.cost()
    await meter.start()
    await memory.list_messages_by_id(["a"])
    found = await meter.cost()
    assert (saved.calls, found.calls) == (1 + 18 + 1, 1 + 8)
    assert max(saved.request_bytes, found.response_bytes) < 1.05 * len(text)


@pytest.mark.parametrize("attachments", [1, 4])
async def test_changes_beside_a_large_value_cost_no_more_than_others(
    store: ConvexStore, meter: Meter, attachments: int
) -> None:
    """The claim of a run, the result of a step: one round trip, whatever the snapshot has beside."""
    context: dict[str, Any] = {f"step-{n}": {"output": attachment_text(MIB, seed=n)} for n in range(attachments)}
    snapshot = {"status": "suspended", "context": context, "result": {"text": "x" * MIB}}
    await store.workflows.persist_workflow_snapshot("w", run_id="r", snapshot=snapshot)
    await meter.start()
    claimed = await store.workflows.update_workflow_state(
        "w", run_id="r", status="running", expected_status="suspended", return_snapshot=False
    )
    assert claimed == {"status": "running"}
    await store.workflows.update_workflow_results(
        "w", run_id="r", step_id="new", result={"status": "success"}, return_context=False
    )
    cost = await meter.cost()
    assert cost.calls == 2
    assert cost.request_bytes + cost.response_bytes < 4_000
