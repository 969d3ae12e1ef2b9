"""Scores (docs/contract.md, "Scores")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from mastra_convex import ConvexStore, TooLargeError, ValidationError
from mastra_convex_domains import Score, ScorePage, ScoresStore
from tests.backends import Backend
from tests.data import at
from tests.effort import once

List = Callable[..., Awaitable[ScorePage]]
REFUSED: dict[str, Any] = {"$schema": "s", "名字": {"$ref": [1]}, "__proto__": 1, "plain": {"$deep": 1, "ok": [2.5]}}
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("list_scores_by_scorer_id", {"scorer_id": "relevance"}),
    ("list_scores_by_run_id", {"run_id": "run-1"}),
    ("list_scores_by_entity_id", {"entity_id": "agent-1", "entity_type": "AGENT"}),
    ("list_scores_by_span", {"trace_id": "trace-1", "span_id": "span-1"}),
]


def score(n: int = 0, **changes: Any) -> Score:
    given: dict[str, Any] = {
        "id": f"s{n:04}",
        "scorer_id": "relevance",
        "entity_id": "agent-1",
        "entity_type": "AGENT",
        "run_id": "run-1",
        "trace_id": "trace-1",
        "span_id": "span-1",
        "score": n / 10,
        "scorer": {"id": "relevance", "name": "Relevance"},
        "entity": {"id": "agent-1"},
        "source": "LIVE",
        "output": {"text": f"answer {n}"},
        "created_at": at(n),
    }
    return Score(**{**given, **changes})


def ids(page: ScorePage) -> list[str]:
    return [found.id for found in page.scores]


@pytest.fixture
def scores(store: ConvexStore) -> ScoresStore:
    return store.scores


async def test_a_saved_score_comes_back_equal(scores: ScoresStore) -> None:
    full = score(
        7,
        input=[{"role": "user", "content": "你好 🎉"}],
        reason="close enough",
        metadata={"n": 1, "f": 2.5},
        additional_context={"docs": ["a"]},
        request_context={"user": "u"},
        resource_id="user-1",
        thread_id="t1",
        organization_id="org",
        project_id="project",
        batch_id="b",
        dataset_id="d",
        dataset_item_id="i",
        preprocess_step_result={"a": 1},
        preprocess_prompt="p1",
        extract_step_result={"b": [1]},
        extract_prompt="p2",
        analyze_step_result={"score": 0.5},
        analyze_prompt="p3",
        generate_score_prompt="p4",
        generate_reason_prompt="p5",
        reason_prompt="p6",
        structured_output=True,
    )
    saved = await scores.save_score(full)
    assert saved.updated_at >= full.updated_at
    assert saved == full.model_copy(update={"updated_at": saved.updated_at})
    assert await scores.get_score_by_id(full.id) == saved
    assert (await scores.list_scores_by_run_id("run-1")).scores == [saved]


async def test_an_unknown_score_is_none(scores: ScoresStore) -> None:
    assert await scores.get_score_by_id("nothing") is None


async def test_a_mapping_in_either_spelling_is_a_score(scores: ScoresStore) -> None:
    saved = await scores.save_score(
        {
            "scorerId": "relevance",
            "entity_id": "agent-1",
            "runId": "run-1",
            "score": 1,
            "scorer": {},
            "entity": {},
            "source": "TEST",
            "output": None,
        }
    )
    assert (saved.score, saved.output, saved.source) == (1, None, "TEST")
    assert saved.created_at <= saved.updated_at
    assert await scores.get_score_by_id(saved.id) == saved


async def test_a_score_of_the_same_id_is_replaced_and_stays_where_it_was(scores: ScoresStore) -> None:
    first = await scores.save_score(score(1, id="s", reason="first", structured_output=True))
    await scores.save_score(score(2, id="t"))
    second = await scores.save_score(score(3, id="s", reason=None, input="now"))
    assert (second.created_at, second.reason, second.input, second.score) == (at(1), None, "now", 0.3)
    assert second.structured_output is None
    assert second.updated_at >= first.updated_at
    assert await scores.get_score_by_id("s") == second
    assert ids(await scores.list_scores_by_scorer_id("relevance")) == ["t", "s"]


async def test_concurrent_saves_of_one_id_leave_one_score(backend: Backend) -> None:
    async def save(n: int) -> None:
        await backend.store().scores.save_score(score(n, id="s"))

    async with anyio.create_task_group() as tasks:
        for n in range(10):
            tasks.start_soon(save, n)
    page = await backend.store().scores.list_scores_by_run_id("run-1")
    assert (page.total, ids(page)) == (1, ["s"])


OPTIONAL = [
    "input",
    "entity_type",
    "reason",
    "metadata",
    "structured_output",
    "organization_id",
    "dataset_id",
    "trace_id",
]


@pytest.mark.parametrize("name", OPTIONAL)
async def test_an_optional_member_may_be_none_or_left_out(scores: ScoresStore, name: str) -> None:
    given = score().model_dump()
    none = await scores.save_score({**given, name: None})
    absent = await scores.save_score({key: value for key, value in given.items() if key != name})
    assert getattr(none, name) is None
    assert absent == none.model_copy(update={"updated_at": absent.updated_at})
    assert await scores.get_score_by_id("s0000") == absent


async def test_keys_that_convex_refuses_survive(scores: ScoresStore) -> None:
    columns = ("scorer", "entity", "metadata", "additional_context", "extract_step_result", "input", "output")
    saved = await scores.save_score(score(0, **dict.fromkeys(columns, REFUSED), structured_output=True))
    for name in columns:
        assert getattr(saved, name) == REFUSED
    assert saved.structured_output is True
    assert await scores.get_score_by_id(saved.id) == saved


@pytest.mark.parametrize("scorer", [{}, {"structuredOutput": "mine"}, {"__mastra_json": "mine"}, {"$x": 1}])
@pytest.mark.parametrize("structured_output", [True, False, None])
async def test_structured_output_leaves_the_scorer_as_it_is(
    scores: ScoresStore, scorer: dict[str, Any], structured_output: bool | None
) -> None:
    saved = await scores.save_score(score(scorer=scorer, structured_output=structured_output))
    assert (saved.scorer, saved.structured_output) == (scorer, structured_output)
    assert await scores.get_score_by_id(saved.id) == saved


@pytest.mark.parametrize("value", ["[1, 2]", '{"a": 1}', "null", '"text"', "12"])
async def test_text_that_looks_like_json_comes_back_as_that_text(scores: ScoresStore, value: str) -> None:
    saved = await scores.save_score(score(input=value, output=value, reason=value, metadata={"k": value}))
    assert (saved.input, saved.output, saved.reason, saved.metadata) == (value, value, value, {"k": value})
    assert await scores.get_score_by_id(saved.id) == saved


@pytest.mark.parametrize(("method", "arguments"), LISTS)
async def test_every_list_is_newest_first_and_complete(
    scores: ScoresStore, method: str, arguments: dict[str, Any]
) -> None:
    for n in (2, 0, 3, 1, 4):
        await scores.save_score(score(n))
    others = {name: f"{value}-" for name, value in arguments.items()}
    await scores.save_score(score(5, **others))
    for name, value in others.items():
        await scores.save_score(score(6, id=f"other-{name}", **{**arguments, name: value}))
    listed: List = getattr(scores, method)

    page = await listed(**arguments)
    assert ids(page) == ["s0004", "s0003", "s0002", "s0001", "s0000"]
    assert (page.total, page.page, page.per_page, page.has_more) == (5, 0, 100, False)

    page = await listed(**arguments, page=1, per_page=2)
    assert (ids(page), page.total, page.has_more) == (["s0002", "s0001"], 5, True)
    page = await listed(**arguments, page=2, per_page=2, include_total=False)
    assert (ids(page), page.total, page.has_more) == (["s0000"], None, False)
    page = await listed(**arguments, per_page=False)
    assert (len(page.scores), page.total, page.per_page, page.has_more) == (5, 5, False, False)
    page = await listed(**arguments, per_page=0)
    assert (page.scores, page.total, page.has_more) == ([], 5, True)


@pytest.mark.parametrize(("method", "arguments"), LISTS)
async def test_every_list_filters_by_organization_and_project(
    scores: ScoresStore, method: str, arguments: dict[str, Any]
) -> None:
    tenants = [(None, None), ("a", None), ("a", "p"), ("a", "q"), ("b", "p"), ("", "")]
    for n, (organization_id, project_id) in enumerate(tenants):
        await scores.save_score(score(n, organization_id=organization_id, project_id=project_id))
    listed: List = getattr(scores, method)
    assert ids(await listed(**arguments, organization_id="a")) == ["s0003", "s0002", "s0001"]
    assert ids(await listed(**arguments, project_id="p")) == ["s0004", "s0002"]
    assert ids(await listed(**arguments, organization_id="a", project_id="p")) == ["s0002"]
    assert ids(await listed(**arguments, organization_id="")) == ["s0005"]
    page = await listed(**arguments, organization_id="a", per_page=1)
    assert (ids(page), page.total, page.has_more) == (["s0003"], 3, True)


async def test_the_scores_of_a_scorer_by_entity_and_source(scores: ScoresStore) -> None:
    await scores.save_score(score(0))
    await scores.save_score(score(1, entity_id="agent-2"))
    await scores.save_score(score(2, entity_type="WORKFLOW"))
    await scores.save_score(score(3, source="TEST"))
    listed = scores.list_scores_by_scorer_id
    assert ids(await listed("relevance", entity_id="agent-2")) == ["s0001"]
    assert ids(await listed("relevance", entity_type="AGENT")) == ["s0003", "s0001", "s0000"]
    assert ids(await listed("relevance", source="TEST")) == ["s0003"]
    assert ids(await listed("relevance", entity_id="agent-1", entity_type="AGENT", source="LIVE")) == ["s0000"]


@once
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"score": "0.5"}, "score.score"),
        ({"score": True}, "score.score"),
        ({"score": float("nan")}, "score.score"),
        ({"source": "DEAD"}, "score.source"),
        ({"scorer": None}, "score.scorer"),
        ({"scorer": '{"id": 1}'}, "score.scorer"),
        ({"entity_id": None}, "score.entity_id"),
        ({"id": ""}, "score.id"),
        ({"id": " "}, "score.id"),
        ({"scorer_id": " "}, "score.scorer_id"),
        ({"nonsense": 1}, "nonsense"),
        ({"runId": "twice"}, "run_id"),
        ({"output": {"x": 2**60}}, "output.x"),
        ({"created_at": "2026-01-01T00:00:00"}, "score.created_at"),
    ],
)
async def test_a_wrong_score_is_refused_by_name(scores: ScoresStore, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        await scores.save_score({**score().model_dump(), **change})
    assert await scores.get_score_by_id("s0000") is None


@pytest.mark.parametrize(("method", "arguments"), LISTS)
async def test_wrong_arguments_of_lists_are_refused(
    scores: ScoresStore, method: str, arguments: dict[str, Any]
) -> None:
    listed: List = getattr(scores, method)
    for name in arguments:
        with pytest.raises(ValidationError, match=name):
            await listed(**{**arguments, name: " "})
    for wrong in ({"page": -1}, {"per_page": -1}, {"per_page": 1.5}):
        with pytest.raises(ValidationError, match=next(iter(wrong))) as raised:
            await listed(**arguments, **wrong)
        assert raised.value.id == "MASTRA_STORAGE_CONVEX_LIST_SCORES_INVALID_PAGINATION"
    for name in ("organization_id", "project_id"):
        with pytest.raises(ValidationError, match=f"{name} must be a string"):
            await listed(**arguments, **{name: 5})


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"source": "DEAD"}, "source must be one of LIVE, TEST"),
        ({"entity_id": 5}, "entity_id must be a string"),
        ({"entity_type": ["AGENT"]}, "entity_type must be a string"),
    ],
)
async def test_wrong_filters_of_a_scorer_are_refused(
    scores: ScoresStore, filters: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        await scores.list_scores_by_scorer_id("relevance", **filters)


async def test_a_score_that_no_document_holds_is_refused(scores: ScoresStore) -> None:
    with pytest.raises(TooLargeError):
        await scores.save_score(score(run_id="x" * (1 << 20)))


async def test_clearing_deletes_every_score(scores: ScoresStore) -> None:
    await scores.save_score(score())
    await scores.dangerously_clear_all()
    assert (await scores.list_scores_by_scorer_id("relevance")).total == 0
