"""Scores: what evaluations said of outputs (docs/contract.md, "Scores")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, get_args

from pydantic.alias_generators import to_camel

from mastra_convex.contract.arguments import equals, string, text
from mastra_convex.contract.models import parse
from mastra_convex.contract.pages import PerPage, page_request
from mastra_convex.domain import DomainStore, register
from mastra_convex.engine.protocol import Get, Put, Scan
from mastra_convex.errors import MastraConvexError, ValidationError
from mastra_convex.retention import RetentionTable
from mastra_convex.rows.codec import decode_row, encode_row
from mastra_convex.rows.times import now
from mastra_convex.rows.values import Row, carried
from mastra_convex.tables import Table

from .models import Score, ScorePage, Source
from .tables import SCORES

_CARRIED = ("structuredOutput",)
"""What the table, shared with @mastra/convex, has no column for."""

__all__ = ["Score", "ScorePage", "ScoresStore", "Source"]


@register
class ScoresStore(DomainStore):
    """Scores, listed newest first.

    `organization_id` and `project_id` filter every list when they are given. All lists run on an index; a filter that
    is not part of it reads the rows that it leaves out.
    """

    name: ClassVar[str] = "scores"
    tables: ClassVar[tuple[Table, ...]] = (SCORES,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"scorers": RetentionTable(SCORES, "createdAt")}

    async def get_score_by_id(self, id: str) -> Score | None:
        """The score, or None when there is none with this id."""
        text(id, "id", operation="GET_SCORE_BY_ID")
        [row] = (await self._records.read(Get(table=SCORES.name, keys=[[id]]))).rows
        return None if row is None else _score(row)

    async def save_score(self, score: Score | Mapping[str, Any]) -> Score:
        """Stores the score under its id and returns it as stored: `updated_at` is now.

        It replaces a score of the same id, whose `created_at` stays. One round trip.
        """
        operation = "SAVE_SCORE"
        checked = parse(Score, score, "score", operation=operation)
        row = score_row(checked.model_copy(update={"updated_at": now()}))
        result = await self._records.commit(
            [Put(table=SCORES.name, rows=[row], keep=["createdAt"])],
            returning=[Get(table=SCORES.name, keys=[[row["id"]]])],
        )
        [stored] = result.returned[0].rows
        if stored is None:
            raise MastraConvexError(f"score {row['id']!r} was deleted meanwhile", operation=operation)
        return _score(stored)

    async def list_scores_by_scorer_id(
        self,
        scorer_id: str,
        *,
        entity_id: str | None = None,
        entity_type: str | None = None,
        source: Source | None = None,
        organization_id: str | None = None,
        project_id: str | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
    ) -> ScorePage:
        """A page of the scores of a scorer, of one entity, kind of entity or source if given."""
        operation = "LIST_SCORES_BY_SCORER_ID"
        if source not in (None, *get_args(Source)):
            raise ValidationError(f"source must be one of LIVE, TEST, not {source!r}", operation=operation)
        return await self._page(
            "by_scorer_created",
            {"scorer_id": scorer_id},
            {
                "entity_id": entity_id,
                "entity_type": entity_type,
                "source": source,
                "organization_id": organization_id,
                "project_id": project_id,
            },
            page,
            per_page,
            include_total=include_total,
            operation=operation,
        )

    async def list_scores_by_run_id(
        self,
        run_id: str,
        *,
        organization_id: str | None = None,
        project_id: str | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
    ) -> ScorePage:
        """A page of the scores of a run."""
        return await self._page(
            "by_run_created",
            {"run_id": run_id},
            {"organization_id": organization_id, "project_id": project_id},
            page,
            per_page,
            include_total=include_total,
            operation="LIST_SCORES_BY_RUN_ID",
        )

    async def list_scores_by_entity_id(
        self,
        entity_id: str,
        *,
        entity_type: str,
        organization_id: str | None = None,
        project_id: str | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
    ) -> ScorePage:
        """A page of the scores of an entity, which its id and its kind name together."""
        return await self._page(
            "by_entity_created",
            {"entity_id": entity_id, "entity_type": entity_type},
            {"organization_id": organization_id, "project_id": project_id},
            page,
            per_page,
            include_total=include_total,
            operation="LIST_SCORES_BY_ENTITY_ID",
        )

    async def list_scores_by_span(
        self,
        trace_id: str,
        *,
        span_id: str,
        organization_id: str | None = None,
        project_id: str | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
    ) -> ScorePage:
        """A page of the scores of a span of a trace."""
        return await self._page(
            "by_span_created",
            {"trace_id": trace_id, "span_id": span_id},
            {"organization_id": organization_id, "project_id": project_id},
            page,
            per_page,
            include_total=include_total,
            operation="LIST_SCORES_BY_SPAN",
        )

    async def _page(
        self,
        index: str,
        prefix: Mapping[str, str],
        filters: Mapping[str, str | None],
        page: int,
        per_page: PerPage,
        *,
        include_total: bool,
        operation: str,
    ) -> ScorePage:
        wanted = page_request(page, per_page, operation="LIST_SCORES", status="INVALID_PAGINATION")
        scan = Scan(
            table=SCORES.name,
            index=index,
            prefixes=[[text(value, name, operation=operation) for name, value in prefix.items()]],
            where=[
                equals([to_camel(name)], string(value, name, operation=operation))
                for name, value in filters.items()
                if value is not None
            ],
            order="desc",
        )
        found = await self._records.read(wanted.scan(scan, include_total=include_total))
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return ScorePage(scores=[_score(row) for row in rows], **info)


def score_row(score: Score) -> Row:
    """The stored row of a score."""
    values = {field.alias or name: getattr(score, name) for name, field in Score.model_fields.items()}
    carried = {name: values.pop(name) for name in _CARRIED}
    return encode_row(SCORES, values, carrying={"scorer": carried})


def _score(row: Row) -> Score:
    scorer, values = carried(row["scorer"], _CARRIED)
    columns = decode_row(SCORES, {**row, "scorer": scorer})
    # The table does not require these two, though every writer of Mastra gives them.
    return Score.stored({"entityId": "", "entity": {}, **columns, **values})
