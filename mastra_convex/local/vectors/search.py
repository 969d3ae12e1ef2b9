"""The nearest vectors of a range, exact with respect to its conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mastra_convex.engine.protocol import Hit, Search, SearchResult
from mastra_convex.errors import ValidationError
from mastra_convex.local.documents import Stored
from mastra_convex.local.guards import failing_guards
from mastra_convex.local.scan import plan
from mastra_convex.local.schema import Layout, Session
from mastra_convex.local.vectors import Query, Ranking, Scored
from mastra_convex.local.vectors.cache import VectorCache
from mastra_convex.local.vectors.index_filter import possible_rows
from mastra_convex.rows.at_once import TakesLongError
from mastra_convex.rows.conditions import predicate
from mastra_convex.rows.values import MAX_SAFE_INTEGER, Row

_MAX_DIMENSIONS = 8_192
_FIRST_BATCH = 64
"""Conditions are held against at least so many rows of the ranking before it goes on."""
_GROWTH = 4
"""Each batch of rows that conditions are held against is so many times larger than the one before."""
_ROWS_AT_ONCE = 256
"""So many rows are read by one statement."""
_QUICK_ROWS, _QUICK_BYTES = 128, 256 << 10
"""To read and parse more rows, or larger ones, takes longer than to wake a thread."""


def search(op: Search, cache: VectorCache, session: Session, *, at_once: bool = False) -> SearchResult:
    """Finds the nearest rows. With `at_once`, raises TakesLongError when more than a few rows have to be read."""
    target = op.range
    layout = session.layout(target.table)
    query = _query(op, layout)
    walk = plan(layout, target.index, [target.prefix], lower=target.lower, upper=target.upper)
    holds = predicate(layout.table, target.where)
    failed = failing_guards(session, op.guards)
    if failed:
        return SearchResult(status="conflict", guard=failed[0])
    vectors = cache.vectors(session, walk, op)
    among = possible_rows(session, walk, target.where)
    if at_once and holds is not None and (among is None or len(among) > _QUICK_ROWS):
        raise TakesLongError
    ranking = vectors.ranking(query, among)
    reader = _Reader(session, layout, at_once=at_once)
    if holds is None:
        best = ranking(0, op.limit)
    else:
        compared = any(condition.path[0] in layout.vectors for condition in target.where)
        best = _matching(
            ranking,
            op,
            lambda seqs: reader.read(seqs, vectors=compared),
            lambda stored: holds(stored.open(layout.table)),
        )
    if op.min_score is not None:
        best = [scored for scored in best if scored[0] >= op.min_score]
    rows = reader.read([seq for _, seq in best], vectors=layout.vectors != (op.field,) or op.include_vector)
    hits = [Hit(row=_row(rows[seq], op), score=score) for score, seq in best]
    return SearchResult(status="done", guard=None, hits=hits)


def _query(op: Search, layout: Layout) -> Query:
    field = layout.table.field_by_name.get(op.field)
    if field is None or field.type != "floats":
        raise ValidationError(f"{layout.table.name} has no column of floats {op.field!r}")
    if not 1 <= op.limit <= MAX_SAFE_INTEGER:
        raise ValidationError("limit is a whole number from 1 to 2^53 - 1")
    query = Query(op.vector, op.metric)
    if not 1 <= len(op.vector) <= _MAX_DIMENSIONS or not math.isfinite(query.norm):
        raise ValidationError(f"vector must have 1 to {_MAX_DIMENSIONS} finite numbers")
    return query


def _matching(
    ranking: Ranking, op: Search, read: Callable[[Sequence[int]], dict[int, Stored]], holds: Callable[[Stored], bool]
) -> list[Scored]:
    """Returns the best rows for which the conditions hold; as few as possible are looked at."""
    found: list[Scored] = []
    seen, wanted = 0, max(op.limit, _FIRST_BATCH)
    while True:
        batch = ranking(seen, wanted)
        for start in range(0, len(batch), _ROWS_AT_ONCE):
            part = batch[start : start + _ROWS_AT_ONCE]
            rows = read([seq for _, seq in part])
            for scored in part:
                if op.min_score is not None and scored[0] < op.min_score:
                    return found
                if holds(rows[scored[1]]):
                    found.append(scored)
                    if len(found) == op.limit:
                        return found
        if len(batch) < wanted - seen:
            return found
        seen, wanted = wanted, wanted * _GROWTH


def _row(stored: Stored, op: Search) -> Row:
    row = stored.row()
    if not op.include_vector:
        row.pop(op.field, None)
    return row


class _Reader:
    """Reads rows; with `at_once` not many, and TakesLongError is raised for more."""

    def __init__(self, session: Session, layout: Layout, *, at_once: bool) -> None:
        self._session = session
        self._layout = layout
        self._rows_left: float = _QUICK_ROWS if at_once else math.inf
        self._bytes_left: float = _QUICK_BYTES if at_once else math.inf

    def read(self, seqs: Sequence[int], *, vectors: bool) -> dict[int, Stored]:
        """Reads rows, each by its `_seq`, with or without their vectors."""
        self._rows_left -= len(seqs)
        if self._rows_left < 0:
            raise TakesLongError
        layout = self._layout
        columns, stored = (layout.columns, layout.stored) if vectors else ("_seq, doc", Stored)
        rows: dict[int, Stored] = {}
        for start in range(0, len(seqs), _ROWS_AT_ONCE):
            chunk = seqs[start : start + _ROWS_AT_ONCE]
            marks = ", ".join("?" * len(chunk))
            query = f"SELECT {columns} FROM {layout.name} WHERE _seq IN ({marks})"  # noqa: S608  # quoted names
            rows.update((values[0], stored(*values)) for values in self._session.connection.execute(query, chunk))
        if self._bytes_left < math.inf:
            self._bytes_left -= sum([row.size for row in rows.values()])
            if self._bytes_left < 0:
                raise TakesLongError
        return rows
