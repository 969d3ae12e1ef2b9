"""The nearest vectors of a range, exact with respect to its conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mastra_convex.engine.protocol import Hit, Search, SearchResult
from mastra_convex.errors import ValidationError
from mastra_convex.local.documents import Stored
from mastra_convex.local.guards import failing_guard
from mastra_convex.local.scan import plan
from mastra_convex.local.schema import Layout, Session
from mastra_convex.local.vectors.cache import VectorCache
from mastra_convex.local.vectors.index_filter import rows_demanded
from mastra_convex.local.vectors.scores import Query, Ranking, Scored
from mastra_convex.rows.conditions import predicate
from mastra_convex.rows.values import MAX_SAFE_INTEGER

_MAX_DIMENSIONS = 8_192
_LEAST_BATCH = 64
_GROWTH = 4
"""Each batch of rows that conditions are held against is so many times larger than the one before."""
_READ_AT_ONCE = 256


def search(op: Search, cache: VectorCache, session: Session) -> SearchResult:
    layout = session.layout(op.range.table)
    _check(op, layout)
    target = op.range
    walk = plan(layout, target.index, [target.prefix], lower=target.lower, upper=target.upper)
    holds = predicate(layout.table, target.where)
    guard = failing_guard(session, op.guards)
    if guard is not None:
        return SearchResult(status="conflict", guard=guard)
    vectors = cache.vectors(session, walk, op.field, len(op.vector))
    among = rows_demanded(session, walk, target.where)
    ranking = vectors.ranking(Query(op.vector, op.metric), among)
    if holds is None:
        best = ranking(0, op.limit)
    else:
        plain = all(condition.path[0] not in layout.vectors for condition in target.where)
        columns = "_seq, doc" if plain else layout.columns
        best = _matching(
            ranking,
            op,
            lambda seqs: _read(session, layout, seqs, columns),
            lambda stored: holds(stored.open(layout.table)),
        )
    if op.min_score is not None:
        best = [scored for scored in best if scored[0] >= op.min_score]
    rows = _read(session, layout, [seq for _, seq in best], layout.columns)
    return SearchResult(status="done", guard=None, hits=[_hit(rows[seq], score, op) for score, seq in best])


def _check(op: Search, layout: Layout) -> None:
    field = layout.table.field_by_name.get(op.field)
    if field is None or field.type != "floats":
        raise ValidationError(f"{layout.table.name} has no column of floats {op.field!r}")
    if not 1 <= op.limit <= MAX_SAFE_INTEGER:
        raise ValidationError("limit is a whole number from 1 to 2^53 - 1")
    if not 1 <= len(op.vector) <= _MAX_DIMENSIONS or not all(map(math.isfinite, op.vector)):
        raise ValidationError(f"vector must have 1 to {_MAX_DIMENSIONS} finite numbers")


def _matching(
    ranking: Ranking, op: Search, read: Callable[[Sequence[int]], dict[int, Stored]], holds: Callable[[Stored], bool]
) -> list[Scored]:
    """The best rows for which the conditions hold; as few as possible are looked at."""
    found: list[Scored] = []
    seen, wanted = 0, max(op.limit, _LEAST_BATCH)
    while True:
        batch = ranking(seen, wanted)
        for start in range(0, len(batch), _READ_AT_ONCE):
            part = batch[start : start + _READ_AT_ONCE]
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


def _read(session: Session, layout: Layout, seqs: Sequence[int], columns: str) -> dict[int, Stored]:
    return {stored.seq: stored for stored in _rows(session, layout, seqs, columns)}


def _rows(session: Session, layout: Layout, seqs: Sequence[int], columns: str) -> Iterator[Stored]:
    stored = layout.stored if columns == layout.columns else Stored
    for start in range(0, len(seqs), _READ_AT_ONCE):
        chunk = seqs[start : start + _READ_AT_ONCE]
        marks = ", ".join("?" * len(chunk))
        query = f"SELECT {columns} FROM {layout.name} WHERE _seq IN ({marks})"  # noqa: S608  # quoted names
        for values in session.connection.execute(query, chunk):
            yield stored(*values)


def _hit(stored: Stored, score: float, op: Search) -> Hit:
    if not op.include_vector:
        stored = replace(stored, vectors=tuple([vector for vector in stored.vectors if vector[0] != op.field]))
    return Hit(row=stored.row(), score=score)
