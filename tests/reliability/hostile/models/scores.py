from __future__ import annotations

from typing import Any

from mastra_convex_domains import Score
from tests.reliability.hostile.outcomes import NOW, plain

from .lists import Row, by_time, page_of


class ScoresModel:
    def __init__(self) -> None:
        self.scores: dict[str, Row] = {}

    def save_score(self, score: Row) -> Row:
        row = {**plain(Score(**score)), "updated_at": NOW}
        if row["id"] in self.scores:
            row["created_at"] = self.scores[row["id"]]["created_at"]
        self.scores[row["id"]] = row
        return row

    def get_score_by_id(self, id: str) -> Row | None:
        return self.scores.get(id)

    def _list(self, page: int = 0, per_page: Any = 100, include_total: bool = True, **wanted: Any) -> Row:
        rows = [row for row in self.scores.values() if all(row[name] == value for name, value in wanted.items())]
        return page_of("scores", by_time(rows, descending=True), page, per_page, include_total)

    list_scores_by_scorer_id = list_scores_by_run_id = list_scores_by_entity_id = list_scores_by_span = _list
