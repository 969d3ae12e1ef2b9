"""Integers, lists, names and the contract's own sentences: alike in the methods of all domains."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from mastra_convex import ConfigurationError, ConvexStore, RetentionPolicy, RetryPolicy, ValidationError
from mastra_convex_domains import HashingEmbedder, Include, Message, MessageUpdate
from tests.data import message, messages
from tests.effort import once

Call = Callable[[ConvexStore, Any], Awaitable[Any]]


class Two(IntEnum):
    TWO = 2


class Index:
    def __index__(self) -> int:
        return 2


async def _described(store: ConvexStore, dimension: Any) -> Any:
    await store.vector.create_index("of two", dimension=dimension)
    return await store.vector.describe_index("of two")


async def _positions(store: ConvexStore, position: Any) -> Any:
    return await _active(store, [position])


def _active(store: ConvexStore, active_paths: Any) -> Awaitable[Any]:
    return store.workflows.update_workflow_state("w", run_id="r", status="running", active_paths=active_paths)


async def _cloned(store: ConvexStore, limit: Any) -> Any:
    return (await store.memory.clone_thread("t1", message_limit=limit)).thread.title


async def _iterated(store: ConvexStore, size: Any) -> Any:
    return [each.id async for each in store.memory.iter_messages("t1", batch_size=size)]


async def _pruned(store: ConvexStore, rows: Any) -> Any:
    policies = {"messages": RetentionPolicy(max_age="1d", batch_size=rows)}
    return await store.memory.prune(policies, max_rows=rows, max_batches=rows, dry_run=True)


INTEGERS: dict[str, Call] = {
    "per_page": lambda store, n: store.memory.list_messages("t1", per_page=n),
    "page": lambda store, n: store.memory.list_messages("t1", per_page=2, page=n),
    "page of runs": lambda store, n: store.workflows.list_workflow_runs(page=n, per_page=n),
    "page of scores": lambda store, n: store.scores.list_scores_by_run_id("r", page=n, per_page=n),
    "page of documents": lambda store, n: store.documents.list("t", page=n, per_page=n),
    "include": lambda store, n: store.memory.list_messages(
        "t1", per_page=0, include=[{"id": "t1-m00003", "with_previous_messages": n, "withNextMessages": n}]
    ),
    "batch_size": _iterated,
    "message_limit": _cloned,
    "top_k": lambda store, n: store.vector.query("i", query_vector=[1, 0], top_k=n),
    "dimension": _described,
    "active_paths": _positions,
    "id": lambda store, n: store.documents.get("t", id=n),
    "max_rows, max_batches, batch_size": _pruned,
}
NO_INTEGERS = [
    True,
    np.bool_(True),
    2.0,
    np.float64(2),
    "2",
    None,
    [2],
    np.array([1, 2]),
    datetime(2026, 1, 1, tzinfo=UTC),
]


@pytest.fixture
async def filled(store: ConvexStore) -> ConvexStore:
    await store.memory.save_thread({"id": "t1", "resource_id": "u"})
    await store.memory.save_messages(messages(5))
    await store.vector.create_index("i", dimension=2)
    await store.vector.upsert("i", vectors=[[1, 0], [0, 1], [1, 1]], ids=["a", "b", "c"])
    await store.workflows.persist_workflow_snapshot("w", run_id="r", snapshot={"status": "running", "context": {}})
    await store.documents.put("t", record={"id": 2})
    return store


@once
@pytest.mark.parametrize("name", INTEGERS)
async def test_whatever_counts_as_an_integer_is_taken(filled: ConvexStore, name: str) -> None:
    call = INTEGERS[name]
    expected = await call(filled, 2)
    for same in (np.int64(2), np.uint8(2), np.array(2), Two.TWO, Index()):
        assert await call(filled, same) == expected


@once
@pytest.mark.parametrize("name", INTEGERS)
async def test_what_is_no_integer_is_refused_with_what_was_given(filled: ConvexStore, name: str) -> None:
    for wrong in NO_INTEGERS:
        if (name, wrong is None) in (("id", False), ("message_limit", True), ("page of runs", True)):
            continue  # an id may be text, and None has a meaning of its own
        given = "True|numpy.bool|2.0|float|numpy.float64|'2'|str|None|list|numpy.ndarray|datetime.datetime"
        with pytest.raises(ValidationError, match=rf"(integer|string).*, not ({given})"):
            await INTEGERS[name](filled, wrong)


def test_the_settings_of_a_store_take_integers_alike() -> None:
    wrong: Any
    some: list[Any] = [np.int64(2), Two.TWO, Index()]
    for same in some:
        assert RetryPolicy(attempts=same).attempts == 2
        assert HashingEmbedder(same).dimension == 2
        ConvexStore.local(":memory:", vector_cache_bytes=same)
        options: dict[str, Any] = {"id": "a", "deployment_url": "http://127.0.0.1:1", "admin_auth_token": "key"}
        ConvexStore(**options, max_in_flight=same)
    for wrong in NO_INTEGERS:
        with pytest.raises(ConfigurationError, match="attempts must be an integer >= 1, not "):
            RetryPolicy(attempts=wrong)
        with pytest.raises(ConfigurationError, match="vector_cache_bytes must be an integer >= 0, not "):
            ConvexStore.local(":memory:", vector_cache_bytes=wrong)
        with pytest.raises(ConfigurationError, match="max_in_flight must be an integer >= 1, not "):
            ConvexStore(**options, max_in_flight=wrong)
        with pytest.raises(ValidationError, match="dimension must be >= 1, an integer, not "):
            HashingEmbedder(wrong)


@once
async def test_other_numbers_may_be_those_of_numpy(filled: ConvexStore) -> None:
    numbers: list[Any] = [0.5, np.float32(0.5), np.int64(0)]
    others: list[Any] = [True, "0.5", float("nan"), np.float64("inf"), 10**400]
    ages: list[Any] = [60, np.int64(60), np.float32(60), timedelta(minutes=1)]
    for score in numbers:
        assert await filled.vector.query("i", query_vector=[1, 0], min_score=score)
    for wrong in others:
        with pytest.raises(ValidationError, match="min_score must be a finite number, not "):
            await filled.vector.query("i", query_vector=[1, 0], min_score=wrong)
    scored = {
        "scorer_id": "s",
        "entity_id": "e",
        "run_id": "r",
        "scorer": {},
        "entity": {},
        "output": 1,
        "source": "TEST",
    }
    for score in numbers:
        assert (await filled.scores.save_score({**scored, "score": score})).score == float(score)
    for wrong in others:
        with pytest.raises(ValidationError, match=r"score\.score: must be a finite number, not "):
            await filled.scores.save_score({**scored, "score": wrong})
    for age in ages:
        assert RetentionPolicy(max_age=age).max_age == timedelta(minutes=1)


SINGLE: dict[str, tuple[Call, list[Any]]] = {
    "messages": (
        lambda store, one: store.memory.save_messages(one),
        [message(0), message(0).model_dump(), "m", 5, b"m"],
    ),
    "messages to update": (
        lambda store, one: store.memory.update_messages(one),
        [MessageUpdate(id="m"), {"id": "m"}, "m"],
    ),
    "message_ids": (
        lambda store, one: store.memory.list_messages_by_id(one),
        ["m", message(0), 5, b"m", np.array("m")],
    ),
    "message_ids to delete": (lambda store, one: store.memory.delete_messages(one), ["m", message(0)]),
    "message_ids to clone": (lambda store, one: store.memory.clone_thread("t1", message_ids=one), ["m"]),
    "include": (lambda store, one: store.memory.list_messages("t1", include=one), [Include(id="m"), {"id": "m"}, "m"]),
    "expected_status": (
        lambda store, one: store.workflows.update_workflow_state(
            "w", run_id="r", status="running", expected_status=one
        ),
        [5, {"running": 1}],
    ),
    "active_paths": (_active, [0, "0"]),
    "records": (lambda store, one: store.documents.put_many("t", records=one), [{"id": "a"}, "a", message(0)]),
    "vectors": (
        lambda store, one: store.vector.upsert("i", vectors=one),
        [[1.0, 0.0], [1, 0], (1.0, 0.0), np.array([1.0, 0.0], np.float32), "ab", 5],
    ),
    "metadata": (lambda store, one: store.vector.upsert("i", vectors=[[1, 0]], metadata=one), [{"a": 1}, "a"]),
    "ids": (lambda store, one: store.vector.upsert("i", vectors=[[1, 0]], ids=one), ["a", 5]),
    "ids to delete": (lambda store, one: store.vector.delete_vectors("i", ids=one), ["a", 5]),
    "texts": (lambda store, one: HashingEmbedder(2).embed(one), ["a text", b"a text"]),
}


@once
@pytest.mark.parametrize("name", SINGLE)
async def test_a_single_value_in_place_of_a_list_is_told_to_go_into_one(filled: ConvexStore, name: str) -> None:
    call, values = SINGLE[name]
    parameter = name.partition(" ")[0]
    for value in values:
        with pytest.raises(
            ValidationError,
            match=rf"^{parameter} must be a list.*; put a single one into a list: {parameter}=\[\.\.\.\]",
        ):
            await call(filled, value)


@once
async def test_any_collection_is_a_list(filled: ConvexStore) -> None:
    given: Any = iter(messages(3))
    await filled.memory.save_messages(given)
    id = "t1-m00001"
    several: list[Any] = [{id}, (id,), {id: 1}.keys(), np.array([id]), iter([id])]
    for ids in several:
        assert [each.id for each in await filled.memory.list_messages_by_id(ids)] == [id]
        assert [each.id for each in (await filled.memory.list_messages({"t1"})).messages][1] == id  # type: ignore[arg-type]
    for vectors in (np.eye(2), [np.array([1, 0])] * 2, iter([[1, 0], [0, 1]]), ((1, 0), (0, 1))):
        given, names = vectors, {"a": 1, "b": 2}.keys()
        assert await filled.vector.upsert("i", vectors=given, ids=names) == ["a", "b"]  # type: ignore[arg-type]


CONTRACT: list[tuple[Call, str, str]] = [
    (
        lambda store, _: store.memory.list_messages(" "),
        "thread_id must be a non-empty string",
        "threadId must be a non-empty string or array of non-empty strings",
    ),
    (
        lambda store, _: store.memory.list_messages(["t1", ""]),
        "thread_id must be a non-empty string",
        "threadId must be a non-empty string or array of non-empty strings",
    ),
    (
        lambda store, _: store.memory.list_messages([]),
        "list of such, not list",
        "threadId must be a non-empty string or array of non-empty strings",
    ),
    (lambda store, _: store.memory.list_threads(per_page=-1), "per_page must be >= 0", "perPage must be >= 0"),
    (lambda store, _: store.memory.list_messages("t1", per_page=-2), "per_page must be", "perPage must be >= 0"),
    (lambda store, _: store.memory.list_threads(page=-1), "page must be >= 0", "page must be >= 0"),
    (
        lambda store, _: store.memory.list_threads(page=1, per_page=False),
        "page must be 0 when per_page is False",
        "page must be 0 when perPage is false",
    ),
    (
        lambda store, _: store.memory.list_threads(page=2**52, per_page=9),
        "page value too large",
        "page value too large",
    ),
    (
        lambda store, _: store.memory.list_threads(metadata={"a.b": 1}),
        "a key is a letter or _, followed by letters, digits and _",
        "Invalid metadata key",
    ),
    (
        lambda store, _: store.memory.save_messages([{**message(0).model_dump(), "resource_id": None}]),
        "messages[0].resource_id is required",
        "Resource ID is required",
    ),
    (lambda store, _: store.scores.list_scores_by_run_id("r", per_page=-1), "per_page must be", "perPage must be >= 0"),
    (lambda store, _: store.scores.list_scores_by_run_id("r", page=-1), "page must be >= 0", "page must be >= 0"),
    (
        lambda store, _: store.workflows.list_workflow_runs(page=0, per_page=-1),
        "per_page must be >= 0",
        "perPage must be >= 0",
    ),
    (lambda store, _: store.workflows.list_workflow_runs(page=-1), "page must be >= 0", "page must be >= 0"),
]


@once
@pytest.mark.parametrize(("call", "ours", "sentence"), CONTRACT, ids=[sentence for _, _, sentence in CONTRACT])
async def test_the_sentence_of_the_contract_is_in_the_message(
    store: ConvexStore, call: Call, ours: str, sentence: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        await call(store, None)
    assert ours in raised.value.message
    assert sentence in raised.value.message


CHOICES: list[tuple[Call, Any, str]] = [
    (
        lambda store, wrong: store.memory.list_threads(order_by=wrong),
        "-created",
        "order_by must be one of created_at, -created_at, updated_at, -updated_at, not '-created'; "
        "did you mean '-created_at'?",
    ),
    (
        lambda store, wrong: store.documents.list("t", order_by=wrong),
        "Id",
        "order_by must be one of inserted, -inserted, id, -id, not 'Id'; did you mean 'id'?",
    ),
    (
        lambda store, wrong: store.scores.list_scores_by_scorer_id("s", source=wrong),
        "live",
        "source must be one of LIVE, TEST, not 'live'; did you mean 'LIVE'?",
    ),
    (
        lambda store, wrong: store.vector.create_index("i", dimension=2, metric=wrong),
        "cosinus",
        "metric must be one of cosine, euclidean, dotproduct, not 'cosinus'; did you mean 'cosine'?",
    ),
    (
        lambda store, wrong: store.workflows.list_workflow_runs(status=wrong),
        "sucess",
        "skipped, not 'sucess'; did you mean 'success'?",
    ),
    (
        lambda store, wrong: store.prune({"memory": {wrong: "1d"}}),
        "mesages",
        "retention.memory has no table 'mesages' to prune; it has: 'messages', 'observational_memory', "
        "'resources', 'threads'; "
        "did you mean 'messages'?",
    ),
    (lambda store, wrong: store.prune({wrong: {}}), "memroy", "; did you mean 'memory'?"),
    (
        lambda store, wrong: store.memory.save_thread({"resource_id": "u", wrong: {}}),
        "meta_data",
        "thread: unknown key 'meta_data'; did you mean 'metadata'?",
    ),
    (
        lambda store, wrong: store.memory.save_thread(wrong),
        message(0),
        "thread: must be a Thread, not mastra_convex_domains.memory.models.Message",
    ),
]


@once
@pytest.mark.parametrize(("call", "wrong", "text"), CHOICES, ids=[text[:30] for *_, text in CHOICES])
async def test_what_is_allowed_is_listed_and_what_was_meant_suggested(
    store: ConvexStore, call: Call, wrong: Any, text: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        await call(store, wrong)
    assert text in raised.value.message


@once
async def test_a_message_is_read_without_a_type_that_was_not_given(store: ConvexStore) -> None:
    given = {"thread_id": "t1", "resource_id": "u", "role": "user", "content": "Hello"}
    saved = await store.memory.save_messages(
        [{**given, "id": "a"}, {**given, "id": "b", "type": "note"}, {**given, "id": "c", "type": "v2"}]
    )
    assert [each.type for each in saved] == [None, "note", None]
    read = await store.memory.list_messages_by_id(["a", "b", "c"])
    assert read == saved
    assert "type" not in Message.model_dump(read[0], exclude_unset=True)
    [changed] = await store.memory.update_messages([{"id": "b", "type": "v2"}])
    assert changed.type is None
