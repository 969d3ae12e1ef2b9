"""Large values beside the stock TypeScript store: what it sees is valid, small, and says what it is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import MemoryStore, Resource, Thread
from tests.backends import ConvexHost
from tests.data import at
from tests.interop.conftest import StockStore
from tests.reliability.large.kinds import attachment, message, score, snapshot
from tests.reliability.large.texts import MIB, attachment_text

LARGE = attachment_text(2 * MIB)
SAYS = re.compile(r"__mastra_large:[0-9a-f]{32}:\d+:\d+ \(a value of 209\d{4} bytes that mastra_convex keeps in .*\)")


async def test_typescript_sees_all_of_a_message_but_the_attachment(memory: MemoryStore, stock: StockStore) -> None:
    await memory.save_thread(Thread(id="t1", resource_id="user-1"))
    await memory.save_messages([message("a", LARGE)])
    page = await stock.call("memory", "listMessages", {"threadId": "t1"})
    [found] = page["messages"]
    assert found["content"] == attachment(found["content"]["parts"][1]["data"])
    assert SAYS.fullmatch(found["content"]["parts"][1]["data"])


async def test_typescript_sees_the_status_of_a_run_and_may_change_it(ours: ConvexStore, stock: StockStore) -> None:
    await ours.workflows.persist_workflow_snapshot("w", run_id="r", snapshot=snapshot(LARGE))
    found = await stock.call("workflows", "loadWorkflowSnapshot", {"workflowName": "w", "runId": "r"})
    page = found["context"]["fetch"]["output"]["page"]
    assert SAYS.fullmatch(page)
    assert found == snapshot(page)
    running = found | {"status": "running"}
    await stock.call("workflows", "persistWorkflowSnapshot", {"workflowName": "w", "runId": "r", "snapshot": running})
    assert await ours.workflows.load_workflow_snapshot("w", run_id="r") == snapshot(LARGE) | {"status": "running"}


async def test_typescript_sees_scores_and_working_memory(ours: ConvexStore, stock: StockStore) -> None:
    await ours.memory.save_resource(Resource(id="user-1", working_memory=LARGE, metadata={"plan": "pro"}))
    resource = await stock.call("memory", "getResourceById", {"resourceId": "user-1"})
    assert SAYS.fullmatch(resource["workingMemory"])
    assert resource["metadata"] == {"plan": "pro"}
    await ours.scores.save_score(score("s", LARGE))
    page = await stock.call(
        "scores", "listScoresByScorerId", {"scorerId": "relevance", "pagination": {"page": 0, "perPage": 5}}
    )
    [found] = page["scores"]
    assert (found["id"], found["score"], found["input"]) == ("s", 0.5, {"question": "What is this?"})
    assert SAYS.fullmatch(found["output"]["answer"])


async def test_typescript_merges_into_a_large_message(memory: MemoryStore, stock: StockStore) -> None:
    await memory.save_messages([message("a", LARGE)])
    update: dict[str, Any] = {"id": "a", "content": {"metadata": {"topic": "cats"}}}
    await stock.call("memory", "updateMessages", {"messages": [update]})
    [found] = await memory.list_messages_by_id(["a"])
    assert found.content == attachment(LARGE) | {"metadata": {"topic": "cats"}}


async def test_what_typescript_replaces_or_deletes_is_swept_in_time(
    ours: ConvexStore, stock: StockStore, interop_host: ConvexHost
) -> None:
    await ours.memory.save_thread(Thread(id="t1", resource_id="user-1"))
    await ours.memory.save_messages([message("a", LARGE), message("b", LARGE), message("c", LARGE)])
    small = {
        "id": "a",
        "threadId": "t1",
        "resourceId": "user-1",
        "role": "user",
        "type": "v2",
        "createdAt": to_iso(at(0)),
    }
    await stock.call("memory", "saveMessages", {"messages": [small | {"content": attachment("small")}]})
    await stock.call("memory", "deleteMessages", ["b"])
    [kept] = [row["id"] for row in await interop_host.rows("mastra_large_values") if '"c"' in row["owner"]]
    await interop_host.advance(timedelta(days=8))
    await ours.sweep()  # notes what is no longer referred to, which goes an hour later
    assert len(await interop_host.rows("mastra_large_values")) == 3
    await interop_host.advance(timedelta(hours=2))
    await ours.sweep()
    assert {row["id"] for row in await interop_host.rows("mastra_large_values")} == {kept}
    assert {row["generation"] for row in await interop_host.rows("mastra_chunks")} == {kept}
    assert [each.id for each in (await ours.memory.list_messages("t1")).messages] == ["a", "c"]
