"""Indexes of vectors: a name, a dimension and a metric (docs/contract.md, "Vectors")."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, get_args

from mastra_convex.contract.arguments import equals, text
from mastra_convex.domain import DomainStore
from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import (
    Delete,
    DeleteRange,
    Describe,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Put,
    Scan,
    WriteOp,
)
from mastra_convex.errors import ConflictError, MastraConvexError, NotFoundError, ValidationError
from mastra_convex.rows.codec import encode_row
from mastra_convex.rows.times import now
from mastra_convex.rows.values import MAX_ARRAY_ELEMENTS, Row, from_json

from .models import IndexDescription, Metric
from .tables import VECTOR_INDEXES, VECTORS

_METRICS: tuple[str, ...] = get_args(Metric)
_MAX_CONFLICTS = 10
_COLUMNS = tuple(field.name for field in VECTOR_INDEXES.fields)

_log = logging.getLogger("mastra_convex.vector")


@dataclass(frozen=True)
class IndexFacts:
    """What an operation needs to know of an index."""

    dimension: int
    metric: Metric

    def guards(self, name: str) -> list[Guard]:
        """The index is still like this."""
        where = [equals(["dimension"], self.dimension), equals(["metric"], self.metric)]
        return [HoldsGuard(table=VECTOR_INDEXES.name, key=[name], where=where)]


class _Answer(Protocol):
    @property
    def status(self) -> Literal["done", "more", "conflict"]: ...


AnswerT = TypeVar("AnswerT", bound=_Answer)


class IndexMethods(DomainStore):
    """The methods of VectorStore about indexes, and what it knows of them.

    What is known is never trusted: each operation carries it as a guard, and an index that turns out to be another is
    looked up. So the usual operation costs one call, the first one included.
    """

    def __init__(self, records: Records, **options: Any) -> None:
        super().__init__(records, **options)
        self._metrics: dict[str, Metric] = {}

    async def create_index(self, index_name: str, *, dimension: int, metric: Metric = "cosine") -> None:
        """Makes an index for vectors of `dimension` numbers (1 to 8,192). One call.

        Creating it again changes nothing; with another metric that is logged as a warning, with another dimension it
        is a ValidationError.
        """
        operation = "VECTOR/CREATE_INDEX"
        text(index_name, "index_name", operation=operation)
        if type(dimension) is not int or not 1 <= dimension <= MAX_ARRAY_ELEMENTS:
            message = f"dimension must be an integer from 1 to {MAX_ARRAY_ELEMENTS}"
            raise ValidationError(message, operation=operation, status="INVALID_DIMENSION")
        if metric not in _METRICS:
            message = f"metric must be one of {', '.join(_METRICS)}, not {metric!r}"
            raise ValidationError(message, operation=operation, status="INVALID_METRIC")
        values = {"id": index_name, "indexName": index_name, "dimension": dimension, "metric": metric}
        row = encode_row(VECTOR_INDEXES, {**values, "createdAt": now()})
        result = await self._records.commit(
            [Put(table=VECTOR_INDEXES.name, rows=[row], keep=_COLUMNS)],  # an index that is there stays as it is
            returning=[Get(table=VECTOR_INDEXES.name, keys=[[index_name]])],
        )
        existing = _facts(result.returned[0].rows[0] or row)
        if existing.dimension != dimension:
            raise ValidationError(
                f"index {index_name!r} already exists with {existing.dimension} dimensions, not {dimension}",
                operation=operation,
                id="VECTOR_VALIDATE_INDEX_DIMENSION_MISMATCH",  # Mastra's own, which names no store
                details={"indexName": index_name, "existingDim": existing.dimension, "requestedDim": dimension},
            )
        if existing.metric != metric:
            _log.warning(
                "index %r already exists with metric %s, which it keeps; delete it to make one with %s",
                index_name,
                existing.metric,
                metric,
            )
        self._metrics[index_name] = existing.metric

    async def list_indexes(self) -> list[str]:
        """The names of all indexes, in alphabetical order."""
        scan = Scan(table=VECTOR_INDEXES.name, index=VECTOR_INDEXES.key, paths=[["id"]])
        found = await self._records.read(scan)
        return [from_json(value) for [value] in found.values or () if value is not None]

    async def describe_index(self, index_name: str) -> IndexDescription:
        """Dimension, metric, number of vectors, and how the index is searched; NotFoundError for an unknown one.

        One call per 8 MiB of vectors, which are counted on the server.
        """
        operation = "VECTOR/DESCRIBE_INDEX"
        text(index_name, "index_name", operation=operation)
        index, vectors, deployed = await self._records.read(
            Get(table=VECTOR_INDEXES.name, keys=[[index_name]]),
            Scan(table=VECTORS.name, index="by_index", prefixes=[[index_name]], limit=0, total=True),
            Describe(table=VECTORS.name),
        )
        facts = self._found(index.rows[0], index_name, operation)
        natives = deployed.native
        native = facts.metric == "cosine" and any(one.dimensions == facts.dimension for one in natives)
        return IndexDescription(
            dimension=facts.dimension,
            count=vectors.matched,
            metric=facts.metric,
            served="native" if native else "scan",
        )

    async def delete_index(self, index_name: str) -> None:
        """Deletes the index with all its vectors; an unknown one is no error.

        In steps of up to 2,000 vectors or 6 MiB, the index with the last of them: interrupted, a repeat completes it.
        """
        text(index_name, "index_name", operation="VECTOR/DELETE_INDEX")
        index = Delete(table=VECTOR_INDEXES.name, keys=[[index_name]])
        await self._records.commit([DeleteRange(range=vectors_of(index_name)), index], mode="resumable")
        self._metrics.pop(index_name, None)

    async def truncate_index(self, index_name: str) -> None:
        """Deletes all vectors of the index, in steps; NotFoundError for an unknown one."""
        operation = "VECTOR/TRUNCATE_INDEX"
        text(index_name, "index_name", operation=operation)
        await self._commit_in(index_name, [DeleteRange(range=vectors_of(index_name))], operation=operation)

    async def _commit_in(self, name: str, ops: Sequence[WriteOp], *, operation: str) -> None:
        """Commits, in steps, what needs the index to exist; NotFoundError otherwise."""
        exists = KeyGuard(guard="exists", table=VECTOR_INDEXES.name, key=[name])
        result = await self._records.commit(ops, guards=[exists], mode="resumable")
        if result.status == "conflict":
            raise index_not_found(name, operation)

    async def _guarded(
        self, name: str, dimension: int, run: Callable[[list[Guard], Metric], Awaitable[AnswerT]], *, operation: str
    ) -> AnswerT:
        """Runs what concerns vectors of `dimension` under guards that say what it takes for granted: that these are
        the vectors of the index, and the metric that it is given. NotFoundError and ValidationError where it is not so.
        """
        for _ in range(_MAX_CONFLICTS):
            metric = self._metrics.get(name, "cosine")
            answer = await run(IndexFacts(dimension, metric).guards(name), metric)
            if answer.status != "conflict":
                return answer
            found = await self._records.read(Get(table=VECTOR_INDEXES.name, keys=[[name]]))
            facts = self._found(found.rows[0], name, operation)
            if facts.dimension != dimension:
                raise ValidationError(
                    f"index {name!r} has vectors of {facts.dimension} numbers, not {dimension}",
                    operation=operation,
                    status="DIMENSION_MISMATCH",
                    details={"indexName": name, "expected": facts.dimension, "actual": dimension},
                )
        raise ConflictError(f"index {name!r} kept changing", operation=operation, retryable=True)

    def _found(self, row: Row | None, name: str, operation: str) -> IndexFacts:
        """The facts of an index that was read; from now on they are those taken for granted."""
        if row is None:
            self._metrics.pop(name, None)
            raise index_not_found(name, operation)
        facts = _facts(row)
        self._metrics[name] = facts.metric
        return facts


def vectors_of(index_name: str, **members: Any) -> IndexRange:
    """The vectors of an index."""
    return IndexRange(table=VECTORS.name, index="by_index", prefix=[index_name], **members)


def index_not_found(name: str, operation: str) -> NotFoundError:
    """The error for an unknown index."""
    return NotFoundError(
        f"index {name!r} not found", operation=operation, status="INDEX_NOT_FOUND", details={"indexName": name}
    )


def _facts(row: Row) -> IndexFacts:
    metric = row["metric"]
    if metric not in _METRICS:
        raise MastraConvexError(f"index {row['id']!r} has an unknown metric: {metric!r}", status="UNKNOWN_METRIC")
    return IndexFacts(int(row["dimension"]), metric)
