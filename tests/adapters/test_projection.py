"""Items of frameworks in rows: whatever JSON they are, they come back exactly, and what is shown of them is stored."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex import ConvexStore
from mastra_convex.adapters.openai_agents import StoreSession
from tests.effort import effort, some_backends
from tests.reliability.hostile.strategies import KEYS, LONE_SURROGATES, SCALARS, nested

TEXTS = st.sampled_from([*LONE_SURROGATES, "[1.0]", '{"a":', "data:", "file-1", "https://example.com"])
LONG_INTEGERS = st.sampled_from([2**53, 2**63, 2**64, -(2**64), 10**300])
ANY_JSON = st.recursive(
    SCALARS | TEXTS | LONG_INTEGERS | st.sampled_from([nested(60), nested(200)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
CONVERSATIONS = Path(__file__).parents[1] / "interop" / "conversations"
ITEMS = [item for talk in json.loads((CONVERSATIONS / "openaiAgents.json").read_text()) for item in talk["items"]]

_numbers = count()


@st.composite
def almost_items(draw: st.DrawFn) -> Any:
    """An item of which one value, at any depth, is any other, or missing."""
    item = json.loads(json.dumps(draw(st.sampled_from(ITEMS))))
    place = item
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            break
        place = place[key]
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(ANY_JSON)
    return item


@some_backends("memory", "convex-test")
@settings(max_examples=effort(60, 2_000))
@given(items=st.lists(ANY_JSON | almost_items(), min_size=1, max_size=4))
async def test_any_item_comes_back_exactly(store: ConvexStore, items: list[Any]) -> None:
    id = f"s{next(_numbers)}"
    session = StoreSession(id, store)
    await session.add_items(items)
    found = await session.get_items()
    assert [json.dumps(item) for item in found] == [json.dumps(item) for item in items]
    shown = await store.memory.list_messages(id, per_page=False)
    assert shown.total == len(items)
    assert all(message.content["parts"] for message in shown.messages)
