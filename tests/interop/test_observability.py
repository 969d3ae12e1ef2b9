"""The answers of the domain of traces pass the schemas of @mastra/core, by which Mastra's servers check them."""

from __future__ import annotations

import json
from typing import Any

import anyio
from pydantic import BaseModel

from mastra_convex import ConvexStore
from mastra_convex.contract.pages import Page
from mastra_convex.testing.convex_host import node
from tests.backends import FUNCTIONS
from tests.domains.observability.spans import agent, generation
from tests.domains.observability.test_spans import EVERYTHING

KINDS = {"entity_type": "tool", "parent_entity_type": "agent", "root_entity_type": "agent"}


def told(model: BaseModel | None) -> Any:
    """A record as JSON with Mastra's names."""
    assert model is not None
    return model.model_dump(by_alias=True, mode="json")


def listed(page: Page, **items: Any) -> dict[str, Any]:
    info = {"total": page.total, "page": page.page, "perPage": page.per_page, "hasMore": page.has_more}
    return {"pagination": info, **{name: [told(each) for each in some] for name, some in items.items()}}


async def test_answers_pass_the_schemas_of_core() -> None:
    async with ConvexStore.local(":memory:") as store:
        traces = store.observability
        tool = {**EVERYTHING, **KINDS, "parent_span_id": "s0"}
        await traces.batch_create_spans([agent(0), tool, generation(2), agent(9, "t2", ended_at=None)])
        whole, light = await traces.list_whole_traces(), await traces.list_traces_light()
        branches = await traces.list_branches()
        some = await traces.get_spans("t1", span_ids=["s1", "s0"])
        answers: dict[str, Any] = {
            "getSpanResponseSchema": {"span": told(await traces.get_span("t1", span_id="s1"))},
            "getRootSpanResponseSchema": {"span": told(await traces.get_root_span("t1"))},
            "getSpansResponseSchema": {"traceId": "t1", "spans": [told(span) for span in some]},
            "getTraceResponseSchema": told(await traces.get_trace("t1")),
            "getTraceLightResponseSchema": told(await traces.get_trace_light("t1")),
            "getBranchResponseSchema": told(await traces.get_branch("t1", span_id="s0")),
            "listTracesResponseSchema": listed(whole, spans=whole.spans),
            "listTracesLightResponseSchema": listed(light, spans=light.spans),
            "listBranchesResponseSchema": listed(branches, branches=branches.branches),
        }
    asked = json.dumps([*answers.items(), ("getSpanResponseSchema", {"span": {"traceId": "t1"}})]).encode()
    command = [node(), str(FUNCTIONS / "tests" / "interop" / "schemas.mjs")]
    found = json.loads((await anyio.run_process(command, input=asked)).stdout)
    assert dict(zip(answers, found, strict=False)) == dict.fromkeys(answers)
    assert found[-1]  # a wrong answer has problems
