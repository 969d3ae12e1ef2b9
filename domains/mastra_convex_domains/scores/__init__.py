"""Stores and lists scores, the results of evaluations (docs/contract.md, "Scores")."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar, Final, get_args

from pydantic.alias_generators import to_camel

from mastra_convex.domain import (
    DomainStore,
    Get,
    PageRequest,
    PerPage,
    Put,
    RetentionTable,
    Row,
    Scan,
    ScanResult,
    Table,
    about,
    carried,
    choice,
    decode_row,
    each,
    encode_row,
    equals,
    integer,
    now,
    page_request,
    parse,
    register,
    string,
    text,
)
from mastra_convex.errors import MastraConvexError

from .models import Score, ScorePage, Source
from .tables import SCORES

_CARRIED = ("structuredOutput",)
"""These fields are stored in the column `scorer`, as the table, shared with @mastra/convex, has no column for them."""

__all__ = ["Score", "ScorePage", "ScoresStore", "Source"]


@register
class ScoresStore(DomainStore):
    """Stores scores and lists them newest first.

    Every list uses an index. A filter on a field that is not in the index reads the rows that it leaves out.

    Example:
        scorer = {"scorer_id": "accuracy", "scorer": {}, "score": 0.9, "source": "LIVE"}
        await store.scores.save_score({**scorer, "run_id": "run-1", "entity_id": "a", "entity": {}, "output": "Hi"})
        page = await store.scores.list_scores_by_run_id("run-1")
        assert [score.score for score in page.scores] == [0.9]
    """

    name: ClassVar[str] = "scores"
    tables: ClassVar[tuple[Table, ...]] = (SCORES,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"scorers": RetentionTable(SCORES, "createdAt")}

    async def get_score_by_id(self, id: str) -> Score | None:
        """Returns the score, or None when there is none with this id."""
        text(id, "id", operation="GET_SCORE_BY_ID")
        [row] = (await self._records.read(Get(table=SCORES.name, keys=[[id]]))).rows
        return None if row is None else _score(row)

    async def save_score(self, score: Score | Mapping[str, Any]) -> Score:
        """Stores the score under its id and returns it as stored: `updated_at` is now.

        It replaces a score of the same id, whose `created_at` stays, in one round trip.
        """
        operation = "SAVE_SCORE"
        checked = parse(Score, score, "score", operation=operation)
        with about("score"):
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
        """Lists a page of the scores of a scorer.

        Args:
            scorer_id: id of the scorer.
            entity_id: only scores of this entity; None for all.
            entity_type: only scores of entities of this kind; None for all.
            source: only scores from `LIVE` or `TEST`; None for both.
            organization_id: only scores of this organization; None for all.
            project_id: only scores of this project; None for all.
            page: number of the page, from 0.
            per_page: scores on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of scores, newest first.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_SCORES_BY_SCORER_ID"
        if source is not None:
            choice(source, "source", get_args(Source), operation=operation)
        return await self._page(
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
        """Lists a page of the scores of a run.

        Args:
            run_id: id of the run.
            organization_id: only scores of this organization; None for all.
            project_id: only scores of this project; None for all.
            page: number of the page, from 0.
            per_page: scores on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of scores, newest first.

        Raises:
            ValidationError: an argument is wrong.
        """
        return await self._page(
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
        """Lists a page of the scores of an entity, which is identified by its id and its kind together.

        Args:
            entity_id: id of the entity.
            entity_type: kind of the entity, such as `AGENT`.
            organization_id: only scores of this organization; None for all.
            project_id: only scores of this project; None for all.
            page: number of the page, from 0.
            per_page: scores on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of scores, newest first.

        Raises:
            ValidationError: an argument is wrong.
        """
        return await self._page(
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
        """Lists a page of the scores of a span of a trace.

        Args:
            trace_id: id of the trace.
            span_id: id of the span in the trace.
            organization_id: only scores of this organization; None for all.
            project_id: only scores of this project; None for all.
            page: number of the page, from 0.
            per_page: scores on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of scores, newest first.

        Raises:
            ValidationError: an argument is wrong.
        """
        return await self._page(
            {"trace_id": trace_id, "span_id": span_id},
            {"organization_id": organization_id, "project_id": project_id},
            page,
            per_page,
            include_total=include_total,
            operation="LIST_SCORES_BY_SPAN",
        )

    def watch_scores(
        self,
        *,
        scorer_id: str | None = None,
        run_id: str | None = None,
        entity_id: str | None = None,
        source: Source | None = None,
        resource_id: str | None = None,
        thread_id: str | None = None,
        per_page: int = 20,
        include_total: bool = False,
        give_up_after: float | None = None,
    ) -> AsyncGenerator[ScorePage]:
        """Watches the newest scores: now, then after each change.

        Args:
            scorer_id: only scores of this scorer; None for all.
            run_id: only scores of this run; None for all.
            entity_id: only scores of this agent, workflow or step; None for all.
            source: only scores from `LIVE` or `TEST`; None for both.
            resource_id: only scores of this resource; None for all.
            thread_id: only scores of this thread; None for all.
            per_page: scores on the page, which must fit one read; each change sends the whole page.
            include_total: True counts all scores that match, at every change.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The page of scores, newest first. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: the page, with the rows that filters leave out, does not fit one read.
        """
        operation = "WATCH_SCORES"
        if source is not None:
            choice(source, "source", get_args(Source), operation=operation)
        wanted = PageRequest(0, integer(per_page, "per_page", operation=operation))
        filters = {
            "scorer_id": scorer_id,
            "run_id": run_id,
            "entity_id": entity_id,
            "source": source,
            "resource_id": resource_id,
            "thread_id": thread_id,
        }
        first = next(({name: filters.pop(name)} for name in ("scorer_id", "run_id") if filters[name] is not None), {})
        scan = _newest(first, filters, operation)

        async def page(found: ScanResult) -> ScorePage:
            return await _page_of(found, wanted, include_total=include_total)

        return self._records.watch(wanted.scan(scan, include_total=include_total), page, give_up_after=give_up_after)

    async def _page(
        self,
        prefix: Mapping[str, str],
        filters: Mapping[str, str | None],
        page: int,
        per_page: PerPage,
        *,
        include_total: bool,
        operation: str,
    ) -> ScorePage:
        wanted = page_request(page, per_page, operation="LIST_SCORES", status="INVALID_PAGINATION")
        scan = _newest(prefix, filters, operation)
        found = await self._records.read(wanted.scan(scan, include_total=include_total))
        return await _page_of(found, wanted, include_total=include_total)


_INDEXES: Final[Mapping[tuple[str, ...], str]] = {
    (): "by_created",
    ("scorer_id",): "by_scorer_created",
    ("run_id",): "by_run_created",
    ("entity_id", "entity_type"): "by_entity_created",
    ("trace_id", "span_id"): "by_span_created",
}
"""The index of each choice of scores."""


def _newest(prefix: Mapping[str, str | None], filters: Mapping[str, str | None], operation: str) -> Scan:
    """Returns the scan of scores, newest first: of the rows that have the prefix, those that match the filters."""
    return Scan(
        table=SCORES.name,
        index=_INDEXES[tuple(prefix)],
        prefixes=[[text(value, name, operation=operation) for name, value in prefix.items()]],
        where=[
            equals([to_camel(name)], string(value, name, operation=operation))
            for name, value in filters.items()
            if value is not None
        ],
        order="desc",
    )


async def _page_of(found: ScanResult, wanted: PageRequest, *, include_total: bool) -> ScorePage:
    rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
    return ScorePage(scores=await each(_score, rows), **info)


def score_row(score: Score) -> Row:
    """Returns the stored row of a score."""
    values = {field.alias or name: getattr(score, name) for name, field in Score.model_fields.items()}
    carried = {name: values.pop(name) for name in _CARRIED}
    return encode_row(SCORES, values, carrying={"scorer": carried})


def _score(row: Row) -> Score:
    scorer, values = carried(row.get("scorer"), _CARRIED)
    columns = decode_row(SCORES, {**row, "scorer": scorer})
    # The table does not require these two, though every writer of Mastra gives them.
    return Score.stored({"entityId": "", "entity": {}, **columns, **values}, SCORES)
