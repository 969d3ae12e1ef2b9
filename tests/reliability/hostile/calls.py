"""Calls that the machines make at random: for each method of a domain, a strategy of its keyword arguments.

Names come from small pools, so that calls meet; values are hostile.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.reliability.hostile.strategies import JSON

Arguments = st.SearchStrategy[dict[str, Any]]

THREADS = st.sampled_from(["t1", "t2", "t3"])
MESSAGES = st.sampled_from([f"m{n}" for n in range(8)])
RESOURCES = st.sampled_from(["u1", "u2", "\u202e\0"])
TIMES = st.integers(0, 5).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=n * n))
VALUES = (
    st.sampled_from([None, True, 1, 1.5, "x", "\0", [], {}, [1, {"$d": None}], {"a": {"b": 2}}, "\U0001f600"]) | JSON
)
MEMBERS = st.dictionaries(st.sampled_from(["a", "b", "$c", "\u0434", "__proto__", "metadata"]), VALUES, max_size=3)
PAIRS = st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, True, 1, 1.5, "x"]), max_size=1)
FLAGS = st.booleans()


def some(required: dict[str, st.SearchStrategy[Any]] | None = None, /, **optional: st.SearchStrategy[Any]) -> Arguments:
    return st.fixed_dictionaries(required or {}, optional=optional)


PAGE = {
    "page": st.integers(0, 2),
    "per_page": st.sampled_from([False, 0, 1, 2, 3, 40]),
    "include_total": FLAGS,
}
RANGE = {"start": TIMES, "end": TIMES, "start_exclusive": FLAGS, "end_exclusive": FLAGS}
ORDER = st.sampled_from(["created_at", "-created_at"])

MESSAGE = st.fixed_dictionaries(
    {
        "id": MESSAGES,
        "thread_id": THREADS,
        "resource_id": RESOURCES,
        "role": st.sampled_from(["user", "assistant", "system", "signal"]),
        "content": MEMBERS.map(lambda members: {"parts": [], **members}),
        "created_at": TIMES,
    }
)
UPDATE = some({"id": MESSAGES}, thread_id=THREADS, resource_id=RESOURCES, role=st.just("signal"), content=MEMBERS)
INCLUDE = some({"id": MESSAGES}, with_previous_messages=st.integers(0, 3), with_next_messages=st.integers(0, 3))
THREAD = st.fixed_dictionaries(
    {
        "id": THREADS,
        "resource_id": RESOURCES,
        "title": st.text(max_size=3),
        "metadata": MEMBERS,
        "created_at": TIMES,
        "updated_at": TIMES,
    }
)
RESOURCE = some({"id": RESOURCES, "created_at": TIMES, "updated_at": TIMES}, working_memory=st.text(), metadata=MEMBERS)

MEMORY = {
    "save_thread": some({"thread": THREAD}),
    "get_thread_by_id": some({"thread_id": THREADS}, resource_id=RESOURCES),
    "update_thread": some({"id": THREADS}, title=st.text(max_size=3), metadata=MEMBERS),
    "update_thread_resource_id": some({"thread_id": THREADS, "resource_id": RESOURCES}),
    "list_threads": some(resource_id=RESOURCES, metadata=PAIRS, order_by=ORDER, **PAGE),
    "delete_thread": some({"thread_id": THREADS}, deletes_vectors=FLAGS),
    "clone_thread": some(
        {"source_thread_id": THREADS, "new_thread_id": THREADS},
        resource_id=RESOURCES,
        title=st.text(max_size=3),
        metadata=MEMBERS,
        message_limit=st.integers(1, 3),
        message_ids=st.lists(MESSAGES, max_size=3),
        start=TIMES,
        end=TIMES,
    ),
    "save_messages": some({"messages": st.lists(MESSAGE, max_size=4)}),
    "update_messages": some({"messages": st.lists(UPDATE, max_size=3)}),
    "delete_messages": some({"message_ids": st.lists(MESSAGES, max_size=2)}),
    "list_messages": some(
        {"thread_id": THREADS | st.lists(THREADS, min_size=1, max_size=3)},
        resource_id=RESOURCES,
        include=st.lists(INCLUDE, max_size=2),
        metadata=PAIRS,
        order_by=ORDER,
        **RANGE,
        **PAGE,
    ),
    "list_messages_by_resource_id": some({"resource_id": RESOURCES}, metadata=PAIRS, order_by=ORDER, **RANGE, **PAGE),
    "list_messages_by_id": some({"message_ids": st.lists(MESSAGES, min_size=1, max_size=8)}),
    "save_resource": some({"resource": RESOURCE}),
    "get_resource_by_id": some({"resource_id": RESOURCES}),
    "update_resource": some({"resource_id": RESOURCES}, working_memory=st.text(), metadata=MEMBERS),
}

WORKFLOWS_POOL = st.sampled_from(["w1", "w2"])
RUNS = st.sampled_from(["r1", "r2", "r3"])
STATUSES = st.sampled_from(["running", "suspended", "pending", "success"])
PENDING = {"__mastra_pending__": True}
OUTPUT = st.lists(
    st.sampled_from([None, 1, "x", PENDING, {"status": "suspended", "suspendPayload": {}}, {"status": "suspended"}]),
    max_size=4,
)
RESULT = some(status=STATUSES, output=OUTPUT | VALUES, payload=VALUES)
CONTEXT = st.dictionaries(st.sampled_from(["input", "s1", "$s2", "0"]), RESULT, max_size=3)
SNAPSHOT = some(status=STATUSES, context=CONTEXT, requestContext=MEMBERS, value=VALUES)
RUN = {"workflow_name": WORKFLOWS_POOL, "run_id": RUNS}

WORKFLOWS = {
    "persist_workflow_snapshot": some(
        {**RUN, "snapshot": SNAPSHOT, "created_at": TIMES}, resource_id=RESOURCES, updated_at=TIMES
    ),
    "load_workflow_snapshot": some(RUN),
    "update_workflow_results": some(
        {**RUN, "step_id": st.sampled_from(["s1", "$s2", "0"]), "result": RESULT},
        request_context=MEMBERS,
        return_context=FLAGS,
    ),
    "update_workflow_state": some(
        {**RUN, "status": STATUSES},
        result=MEMBERS,
        error=MEMBERS,
        suspended_paths=MEMBERS,
        active_paths=st.lists(st.integers(0, 9), max_size=2),
        expected_status=STATUSES | st.lists(STATUSES, max_size=2),
        return_snapshot=FLAGS,
    ),
    "list_workflow_runs": some(
        workflow_name=WORKFLOWS_POOL, resource_id=RESOURCES, status=STATUSES, from_date=TIMES, to_date=TIMES, **PAGE
    ),
    "get_workflow_run_by_id": some({"run_id": RUNS}, workflow_name=WORKFLOWS_POOL),
    "delete_workflow_run_by_id": some(RUN),
}

SCORE = some(
    {
        "id": st.sampled_from([f"s{n}" for n in range(6)]),
        "scorer_id": st.sampled_from(["k1", "k2"]),
        "entity_id": st.sampled_from(["e1", "e2"]),
        "run_id": RUNS,
        "score": st.floats(-1, 1),
        "scorer": MEMBERS,
        "entity": MEMBERS,
        "source": st.sampled_from(["LIVE", "TEST"]),
        "output": VALUES,
        "created_at": TIMES,
    },
    input=VALUES,
    entity_type=st.sampled_from(["AGENT", "STEP"]),
    structured_output=VALUES,
    metadata=MEMBERS,
    trace_id=st.just("tr"),
    span_id=st.sampled_from(["sp1", "sp2"]),
    organization_id=st.sampled_from(["o1", "o2"]),
    reason=st.text(max_size=3),
)
ORGANIZATION = {"organization_id": st.sampled_from(["o1", "o2"])}

SCORES = {
    "save_score": some({"score": SCORE}),
    "get_score_by_id": some({"id": st.sampled_from(["s0", "s1", "s9"])}),
    "list_scores_by_scorer_id": some(
        {"scorer_id": st.sampled_from(["k1", "k2"])},
        entity_id=st.sampled_from(["e1", "e2"]),
        entity_type=st.sampled_from(["AGENT", "STEP"]),
        source=st.sampled_from(["LIVE", "TEST"]),
        **ORGANIZATION,
        **PAGE,
    ),
    "list_scores_by_run_id": some({"run_id": RUNS}, **ORGANIZATION, **PAGE),
    "list_scores_by_entity_id": some(
        {"entity_id": st.sampled_from(["e1", "e2"]), "entity_type": st.sampled_from(["AGENT", "STEP"])},
        **ORGANIZATION,
        **PAGE,
    ),
    "list_scores_by_span": some(
        {"trace_id": st.just("tr"), "span_id": st.sampled_from(["sp1", "sp2"])}, **ORGANIZATION, **PAGE
    ),
}

STATE = {"thread_id": THREADS, "type": st.sampled_from(["task", "goal", "\0"])}

THREAD_STATE = {
    "set_state": some({**STATE, "value": VALUES}),
    "get_state": some(STATE),
    "delete_state": some(STATE),
}

TABLES = st.sampled_from(["notes", "\u05e9"])
DOCUMENT_IDS = st.sampled_from(["1", "2", "\ue000", "\U0001f600", 1, 10])
DOCUMENT = some({"id": DOCUMENT_IDS}, a=VALUES, **{"$b": VALUES, "__mastra_json": VALUES})

DOCUMENTS = {
    "put": some({"table": TABLES, "record": DOCUMENT}),
    "put_many": some({"table": TABLES, "records": st.lists(DOCUMENT, max_size=4)}),
    "get": some({"table": TABLES, "id": DOCUMENT_IDS}),
    "list": some(
        {"table": TABLES},
        filter=some(a=VALUES, **{"$b": VALUES}),
        order_by=st.sampled_from(["inserted", "-inserted", "id", "-id"]),
        **PAGE,
    ),
    "delete": some({"table": TABLES, "id": DOCUMENT_IDS}),
    "clear": some({"table": TABLES}),
}

INDEXES = st.sampled_from(["i1", "i2"])
VECTOR_IDS = st.sampled_from(["v1", "v2", "v3", "v4"])
# Scores of such vectors are either the same or far apart, so that their order is certain.
VECTOR = st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3)
METRICS = st.sampled_from(["cosine", "euclidean", "dotproduct"])
PLAIN = st.sampled_from([None, True, 0, 1, 1.5, "x", [1, "x"], {"a": 1}, "t1"])
VECTOR_METADATA = st.dictionaries(st.sampled_from(["a", "b", "thread_id", "$c"]), PLAIN, max_size=3)
OPERATORS = st.one_of(
    PLAIN,
    some({"$ne": PLAIN}),
    some({"$in": st.lists(PLAIN, max_size=2)}),
    some({"$gte": st.integers(0, 2)}),
    some({"$exists": FLAGS}),
    some({"$not": some({"$eq": PLAIN})}),
)
FILTER = st.dictionaries(st.sampled_from(["a", "b", "thread_id", "a.0"]), OPERATORS, min_size=1, max_size=2)
ITEMS = st.lists(st.tuples(VECTOR_IDS, VECTOR, st.none() | VECTOR_METADATA), min_size=1, max_size=4)

VECTORS = {
    "create_index": some({"index_name": INDEXES, "dimension": st.just(3) | st.integers(0, 4)}, metric=METRICS),
    "list_indexes": some(),
    "describe_index": some({"index_name": INDEXES}),
    "upsert": st.builds(
        lambda name, items, rest: {
            "index_name": name,
            "ids": [id for id, _, _ in items],
            "vectors": [vector for _, vector, _ in items],
            "metadata": [metadata for _, _, metadata in items],
            **rest,
        },
        INDEXES,
        ITEMS,
        some(delete_filter=FILTER),
    ),
    "query": some(
        {"index_name": INDEXES},
        query_vector=VECTOR,
        filter=FILTER,
        top_k=st.integers(1, 4),
        include_vector=FLAGS,
        min_score=st.sampled_from([-0.5, 0.25, 0.9]),
    ),
    "update_vector": some(
        {"index_name": INDEXES}, id=VECTOR_IDS, filter=FILTER, vector=VECTOR, metadata=VECTOR_METADATA
    ),
    "delete_vector": some({"index_name": INDEXES, "id": VECTOR_IDS}),
    "delete_vectors": some({"index_name": INDEXES}, ids=st.lists(VECTOR_IDS, max_size=2), filter=FILTER),
    "truncate_index": some({"index_name": INDEXES}),
    "delete_index": some({"index_name": INDEXES}),
}

FIRST: dict[str, list[tuple[str, Arguments]]] = {
    "memory": [
        ("save_messages", some({"messages": st.lists(MESSAGE, min_size=6, max_size=12)})),
        *[("save_thread", some({"thread": THREAD}))] * 3,
        ("save_resource", some({"resource": RESOURCE})),
    ],
    "workflows": [("persist_workflow_snapshot", WORKFLOWS["persist_workflow_snapshot"])] * 4,
    "scores": [("save_score", SCORES["save_score"])] * 5,
    "thread_state": [("set_state", THREAD_STATE["set_state"])] * 3,
    "documents": [("put_many", some({"table": TABLES, "records": st.lists(DOCUMENT, min_size=4, max_size=8)}))] * 2,
    "vector": [("create_index", some({"index_name": INDEXES, "dimension": st.just(3)}, metric=METRICS))] * 2
    + [("upsert", VECTORS["upsert"])] * 2,
}
"""What is there before anything else is called."""

CALLS: dict[str, dict[str, Arguments]] = {
    "memory": MEMORY,
    "workflows": WORKFLOWS,
    "scores": SCORES,
    "thread_state": THREAD_STATE,
    "documents": DOCUMENTS,
    "vector": VECTORS,
}
