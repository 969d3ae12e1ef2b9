"""What Convex takes in no document (keys, levels, members, elements) is stored all the same, or refused by name."""

from __future__ import annotations

import operator
from contextlib import aclosing
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from mastra_convex import ConvexStore, TooLargeError
from tests.data import thread
from tests.effort import effort
from tests.reliability.large.kinds import KINDS, Kind, message, score
from tests.reliability.large.texts import MIB


def nested(levels: int, *, inside: Any = 1, lists: bool = False) -> Any:
    value = inside
    for _ in range(levels):
        value = [value] if lists else {"a": value}
    return value


SHAPES: dict[str, Any] = {
    "objects in objects": nested(60),
    "arrays in arrays": nested(60, lists=True),
    "many keys": {f"key {n}": n for n in range(3_000)},
    "many elements": list(range(9_000)),
    "many everywhere": {"list": [{"deep": nested(20), "wide": list(range(8_193))}], "$ref": {"名": nested(30)}},
    "at the limit": {"a": nested(12), "list": list(range(8_192)), "keys": {f"k{n}": n for n in range(1_023)}},
}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@shapes
async def test_metadata_of_any_shape(store: ConvexStore, shape: Any) -> None:
    metadata = {"shape": shape, "plain": 1}
    saved = await store.memory.save_thread(thread().model_copy(update={"metadata": metadata}))
    assert await store.memory.get_thread_by_id("t1") == saved
    changed = await store.memory.update_thread("t1", metadata={"more": shape, "plain": 2})
    assert changed.metadata == metadata | {"more": shape, "plain": 2}
    assert (await store.memory.list_threads(metadata={"plain": 2, "more": shape})).threads == [changed]
    assert (await store.memory.list_threads(metadata={"plain": 2, "more": 1})).threads == []


@shapes
async def test_documents_scores_and_state_of_any_shape(store: ConvexStore, shape: Any) -> None:
    document = await store.documents.put("notes", record={"id": "a", "shape": shape})
    assert await store.documents.get("notes", id="a") == document == {"id": "a", "shape": shape}
    assert (await store.documents.list("notes", filter={"shape": shape})).documents == [document]
    saved = await store.scores.save_score(score("s", shape).model_copy(update={"scorer": {"shape": shape}}))
    assert (saved.output, saved.structured_output) == ({"answer": shape}, {"verdict": [shape]})
    assert await store.scores.get_score_by_id("s") == saved
    await store.thread_state.set_state("t1", type="task", value=shape)
    assert await store.thread_state.get_state("t1", type="task") == shape


WIDE: dict[str, Any] = {f"key {n}": "y" * 1_000 for n in range(2_000)}
LARGE_SHAPES: dict[str, Any] = {
    "a list of one large member": [{"role": "user", "content": "x" * 2 * MIB}],
    "a list of one object that goes as a whole": [WIDE],
    "lists in lists": [[[WIDE]]],
    "a member that is named like references": {"__mastra_large": "x" * 2 * MIB},
    "a list of such": [{"__mastra_large": "x" * 2 * MIB}],
    "keys that Convex refuses": {"名": "n", "small": 1, "$large": "x" * 2 * MIB},
    "nothing beside": {"a": None, "b": "", "c": [], "d": "x" * 2 * MIB},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name != "working memory"], ids=str)
@pytest.mark.parametrize("shape", LARGE_SHAPES.values(), ids=LARGE_SHAPES)
async def test_large_values_of_any_shape(store: ConvexStore, kind: Kind, shape: Any) -> None:
    await kind.save(store, "a", shape)
    assert await kind.load(store, "a") == shape


@pytest.mark.parametrize("shape", LARGE_SHAPES.values(), ids=LARGE_SHAPES)
async def test_columns_of_any_large_shape(store: ConvexStore, shape: Any) -> None:
    await store.scores.save_score(score("s", "x").model_copy(update={"input": shape, "scorer": {"of": shape}}))
    found = await store.scores.get_score_by_id("s")
    assert found is not None
    assert (found.input, found.scorer) == (shape, {"of": shape})


@pytest.mark.parametrize("shape", [nested(20, lists=True), list(range(8_193))], ids=["levels", "elements"])
async def test_an_array_that_no_object_holds_is_refused_by_name(store: ConvexStore, shape: Any) -> None:
    with pytest.raises(TooLargeError, match=r"^score: input (is nested deeper|has 8193 elements)"):
        await store.scores.save_score(score("s", "x").model_copy(update={"input": shape}))
    with pytest.raises(TooLargeError, match=r"scorer\.structuredOutput"):
        await store.scores.save_score(score("s", "x").model_copy(update={"scorer": {"structuredOutput": shape}}))
    assert await store.scores.get_score_by_id("s") is None


LIKENESS = f"__mastra_large:{'0' * 32}:1:5 (x)"
KEYS = st.sampled_from(["a", "b", "__mastra_large", "__mastra_json", "$c", "名", "k"])
TEXTS = st.builds(
    operator.mul, st.sampled_from(["x", "名", '"\\\n']), st.sampled_from([0, 1, 6_000, 16_384, 90_000, 400_000])
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.just(1.5), TEXTS, st.sampled_from([LIKENESS, {"__mastra_large": LIKENESS}])
)
VALUES = st.recursive(
    LEAVES, lambda inside: st.lists(inside, max_size=4) | st.dictionaries(KEYS, inside, max_size=4), max_leaves=25
)


@settings(max_examples=effort(40, 1_000))
@given(value=VALUES)
async def test_any_value_comes_back(value: Any) -> None:
    async with aclosing(ConvexStore.local(":memory:")) as store:
        document = await store.documents.put("t", record={"id": "a", "value": value})
        assert await store.documents.get("t", id="a") == document
        saved = message("a", value).model_copy(update={"content": {"parts": [], "metadata": {}, "value": value}})
        await store.memory.save_messages([saved])
        assert await store.memory.list_messages_by_id(["a"]) == [saved]
        [changed] = await store.memory.update_messages([{"id": "a", "content": {"metadata": {"more": value}}}])
        assert changed.content == saved.content | {"metadata": {"more": value}}
        assert await store.memory.list_messages_by_id(["a"]) == [changed]
