"""What a page costs: calls of the engine and documents, however much is stored; and what the renderer lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.view.markdown import rendered
from mastra_convex.view.parts import blocks_of
from mastra_convex.view.studio import add_routes
from tests.effort import effort
from tests.view.browsing import Checked, visiting
from tests.view.large import fill

_PAGES = (
    "/", "/threads", "/threads?q=none", "/threads?resource=r1", "/thread?id=t0", "/thread?id=t1", "/runs",
    "/runs?status=failed", "/runs?workflow=w&resource=r&status=failed", "/run?workflow=w&run=0", "/scores",
    "/scores?scorer=s", "/traces", "/resource?id=r1",
)  # fmt: skip
_LISTS_OF_STUDIO = ("/api/agents", "/api/workflows", "/api/workflows/run-counts", "/api/scores/scorers")
_THREADS, _RUNS = effort((2_000, 500), (100_000, 10_000))


@pytest.mark.long
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_page_costs_three_calls_and_two_hundred_documents(
    store: ConvexStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, threads=_THREADS, runs=_RUNS)
    calls: list[int] = []
    read = LocalEngine.read

    async def counted(self: LocalEngine, ops: Sequence[Any], /) -> list[Any]:
        answers: list[Any] = await read(self, ops)
        calls.append(sum(len(each.values or getattr(each, "rows", ())) for each in answers if hasattr(each, "values")))
        return answers

    async with visiting(store, extensions=[add_routes]) as visitor:
        await visitor.page("/")  # learns which tables there are
        monkeypatch.setattr(LocalEngine, "read", counted)
        for path in _PAGES:
            calls.clear()
            await visitor.page(path)
            assert len(calls) <= 3, path
            assert sum(calls) <= 200, path
            following = path
            for _ in range(2):
                links = [link for link in (await visitor.page(following)).links if "cursor=" in link]
                if not links:
                    break
                following = links[0]

        for path in _LISTS_OF_STUDIO:
            calls.clear()
            answer = await visitor.html(path)
            assert "rare" in answer
            assert len(calls) <= 3, path
            assert sum(calls) <= 200, path


_TEXT = st.text(alphabet=st.sampled_from("<>&\"'`*_#-+>~ \n[]()!ax1.;:/="), max_size=200)


@given(_TEXT)
def test_markdown_makes_nothing_but_its_own_tags(text: str) -> None:
    page = Checked(str(rendered(text)))
    assert not page.links
    letters = [c for c in text if c in "ax<=;"]
    assert [c for c in page.text if c in "ax<=;"] == letters or "~~~" in text or "```" in text


_KEYS = st.sampled_from(("type", "text", "parts", "toolInvocation", "toolName", "details", "data", "content", "args"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_KINDS = st.sampled_from(("text", "reasoning", "tool-invocation", "tool-x", "file", "image", "step-start", "source"))


@given(_JSON, st.lists(st.dictionaries(_KEYS, _JSON, max_size=3), max_size=3), _KINDS)
def test_any_content_has_blocks(content: Any, parts: list[dict[str, Any]], kind: str) -> None:
    blocks_of(content)
    assert all(block.kind for block in blocks_of({"parts": [{**part, "type": kind} for part in parts]}))
