"""Evaluates a transcript for the demo: which threads were answered, and how close the answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from mastra_convex.cli.demo.transcript import Line, derived_id
from mastra_convex.store_base import DomainAccess

CHECK: Final = "answer-check"
SCORER: Final = "closeness"


async def check_threads(store: DomainAccess, threads: Mapping[str, Sequence[Line]]) -> None:
    """Saves a run of a workflow for each thread: it waits where a user has the last word. A repeat changes nothing."""
    for thread_id, lines in threads.items():
        last = max(lines, key=lambda line: line.time)
        run_id = derived_id(CHECK, thread_id, last.id)
        status = "suspended" if last.role == "user" else "success"
        await store.workflows.persist_workflow_snapshot(
            CHECK,
            run_id=run_id,
            resource_id=last.resource,
            snapshot={"runId": run_id, "status": status, "context": {"input": {"thread": last.thread}}},
            created_at=last.time,
            updated_at=last.time,
        )


async def score_answers(store: DomainAccess, lines: Sequence[Line]) -> int:
    """Scores each answer in a thread unless it has its score, and returns how many are new."""
    thread_id = lines[0].thread_id
    known = {score.id for score in (await store.scores.list_scores_by_run_id(thread_id, per_page=False)).scores}
    ordered = sorted(lines, key=lambda line: line.time)
    answers = [pair for pair in pairwise(ordered) if (pair[0].role, pair[1].role) == ("user", "assistant")]
    new = [_score(*pair) for pair in answers if derived_id(SCORER, pair[1].id) not in known]
    for score in new:
        await store.scores.save_score(score)
    return len(new)


def _score(question: Line, answer: Line) -> dict[str, Any]:
    return {
        "id": derived_id(SCORER, answer.id),
        "scorer_id": SCORER,
        "scorer": {"id": SCORER, "description": "the part of the question's letter pairs that the answer has too"},
        "run_id": answer.thread_id,
        "entity_id": "assistant",
        "entity_type": "AGENT",
        "entity": {"id": "assistant"},
        "source": "LIVE",
        "score": _closeness(question.text, answer.text),
        "input": question.text,
        "output": answer.text,
        "thread_id": answer.thread_id,
        "resource_id": answer.resource,
        "created_at": answer.time,
    }


def _closeness(question: str, answer: str) -> float:
    """From 0 to 1; pairs of letters, as they need no words and so work in every script."""
    asked, said = _pairs(question), _pairs(answer)
    return round(len(asked & said) / len(asked), 2) if asked else 0.0


def _pairs(text: str) -> set[str]:
    words = "".join(c.lower() if c.isalnum() else " " for c in text).split()
    return {word[n : n + 2] for word in words for n in range(max(1, len(word) - 1))}
