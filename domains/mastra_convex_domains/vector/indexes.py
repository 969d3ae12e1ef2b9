"""Makes, describes and deletes indexes of vectors (docs/contract.md, "Vectors")."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, get_args

from mastra_convex.domain import (
    MAX_ARRAY_ELEMENTS,
    CommitResult,
    Delete,
    DeleteRange,
    Describe,
    DomainStore,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Put,
    Records,
    Row,
    Scan,
    WriteOp,
    choice,
    encode_row,
    equals,
    from_json,
    integer,
    now,
    text,
)
from mastra_convex.errors import (
    ConflictError,
    NotFoundError,
    RateLimitedError,
    TooLargeError,
    ValidationError,
    damaged_row,
)

from .models import IndexDescription, Metric
from .scopes import Scope
from .tables import VECTOR_INDEXES, VECTORS

_METRICS: tuple[str, ...] = get_args(Metric)
_MAX_CONFLICTS = 10
"""An operation is tried so many times while others change the index, then a ConflictError is raised."""

_COLUMNS = tuple(field.name for field in VECTOR_INDEXES.fields)

_log = logging.getLogger("mastra_convex.vector")


@dataclass(frozen=True)
class IndexFacts:
    """Holds the properties of an index that an operation depends on."""

    dimension: int
    metric: Metric

    def guard(self, name: str) -> Guard:
        """Returns a guard that the index still has these properties."""
        where = [equals(["dimension"], self.dimension), equals(["metric"], self.metric)]
        return HoldsGuard(table=VECTOR_INDEXES.name, key=[name], where=where)


class _Answer(Protocol):
    @property
    def status(self) -> Literal["done", "more", "conflict"]: ...
    @property
    def guard(self) -> int | None: ...


AnswerT = TypeVar("AnswerT", bound=_Answer)


class IndexMethods(DomainStore):
    """Adds the methods for indexes to VectorStore, and caches the metric of each index.

    The cached metric is only a guess: each operation checks it by a guard, and reads the index when the guard fails.
    So an operation usually takes one call, even the first one.
    """

    def __init__(self, records: Records, **options: Any) -> None:
        super().__init__(records, **options)
        self._metrics: dict[str, Metric] = {}
        self._scope = Scope()

    async def create_index(self, index_name: str, *, dimension: int, metric: Metric = "cosine") -> None:
        """Makes an index of vectors, in one call. An index that exists stays as it is.

        Args:
            index_name: name of the index.
            dimension: count of the numbers of each vector, 1 to 8,192.
            metric: `cosine`, `euclidean` or `dotproduct`. If the index exists with another one, a warning is logged.

        Raises:
            ValidationError: an argument is wrong, or the index exists with another dimension.
        """
        operation = "VECTOR/CREATE_INDEX"
        text(index_name, "index_name", operation=operation)
        most = MAX_ARRAY_ELEMENTS
        dimension = integer(dimension, "dimension", operation=operation, most=most, status="INVALID_DIMENSION")
        choice(metric, "metric", _METRICS, operation=operation, status="INVALID_METRIC")
        values = {"id": index_name, "indexName": index_name, "dimension": dimension, "metric": metric}
        row = encode_row(VECTOR_INDEXES, {**values, "createdAt": now()})
        result = await self._records.commit(
            [Put(table=VECTOR_INDEXES.name, rows=[row], keep=_COLUMNS)],  # an index that exists stays as it is
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
        """Lists the names of all indexes, ordered by their UTF-8 bytes."""
        scan = Scan(table=VECTOR_INDEXES.name, index=VECTOR_INDEXES.key, paths=[["id"]])
        found = await self._records.read(scan)
        return [from_json(value) for [value] in found.values or () if value is not None]

    async def describe_index(self, index_name: str) -> IndexDescription:
        """Returns the dimension, the metric and the number of vectors of an index, and how it is searched.

        The vectors are counted on the server, with one call per 8 MiB of them.

        Raises:
            ValidationError: the name is wrong.
            NotFoundError: the index does not exist.
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

        This is done in steps of up to 2,000 vectors or 6 MiB, the index itself with the last step. If that is
        interrupted, calling it again completes it.
        """
        text(index_name, "index_name", operation="VECTOR/DELETE_INDEX")
        index = Delete(table=VECTOR_INDEXES.name, keys=[[index_name]])
        await self._records.commit([DeleteRange(range=vectors_of(index_name)), index], mode="resumable")
        self._metrics.pop(index_name, None)

    async def truncate_index(self, index_name: str) -> None:
        """Deletes all vectors of the index, in steps; raises NotFoundError for an unknown index."""
        operation = "VECTOR/TRUNCATE_INDEX"
        text(index_name, "index_name", operation=operation)
        await self._commit_in(index_name, [DeleteRange(range=vectors_of(index_name))], operation=operation)

    async def _commit_in(self, name: str, ops: Sequence[WriteOp], *, ids: Sequence[str] = (), operation: str) -> None:
        """Commits operations, on the vectors with these ids, in steps if the index exists.

        Raises NotFoundError for an unknown index, ConflictError for an id outside of the scope.
        """
        exists = KeyGuard(guard="exists", table=VECTOR_INDEXES.name, key=[name])
        guards = [exists, *self._scope.guards(name, ids)]
        async with self._checked_if_too_large(name, ids, operation):
            result = await self._records.commit(ops, guards=guards, mode="resumable")
        if result.status == "conflict":
            raise index_not_found(name, operation) if result.guard == 0 else self._not_owned(ids, result, operation)

    async def _guarded(
        self,
        name: str,
        dimension: int,
        run: Callable[[list[Guard], Metric], Awaitable[AnswerT]],
        *,
        ids: Sequence[str] = (),
        operation: str,
    ) -> AnswerT:
        """Runs an operation on vectors of `dimension` under guards for the dimension and metric of the index, and for
        the ids.

        When the cached metric is wrong, the operation runs again with the stored one. Raises NotFoundError for an
        unknown index, ValidationError when it has another dimension, ConflictError for an id outside of the scope.
        """
        owned = self._scope.guards(name, ids)
        for _ in range(_MAX_CONFLICTS):
            metric = self._metrics.get(name, "cosine")
            async with self._checked_if_too_large(name, ids, operation):
                answer = await run([IndexFacts(dimension, metric).guard(name), *owned], metric)
            if answer.status != "conflict":
                return answer
            if answer.guard != 0:
                raise self._not_owned(ids, answer, operation)
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

    def _not_owned(self, ids: Sequence[str], answer: _Answer, operation: str) -> ConflictError:
        failed = answer.failed if isinstance(answer, CommitResult) else ()
        return self._scope.refused([ids[guard - 1] for guard in failed], operation)

    @asynccontextmanager
    async def _checked_if_too_large(self, name: str, ids: Sequence[str], operation: str) -> AsyncGenerator[None]:
        """Checks the ids when a commit is refused, because smaller ones follow, each guarded for itself."""
        try:
            yield
        except (TooLargeError, RateLimitedError):
            await self._scope.check(self._records, name, ids, operation=operation)
            raise

    def _found(self, row: Row | None, name: str, operation: str) -> IndexFacts:
        """Returns the properties of an index that was read, and caches its metric."""
        if row is None:
            self._metrics.pop(name, None)
            raise index_not_found(name, operation)
        facts = _facts(row)
        self._metrics[name] = facts.metric
        return facts


def vectors_of(index_name: str, **members: Any) -> IndexRange:
    """Returns the range of the vectors of an index."""
    return IndexRange(table=VECTORS.name, index="by_index", prefix=[index_name], **members)


def index_not_found(name: str, operation: str) -> NotFoundError:
    """Returns the error for an unknown index."""
    return NotFoundError(
        f"index {name!r} not found", operation=operation, status="INDEX_NOT_FOUND", details={"indexName": name}
    )


def _facts(row: Row) -> IndexFacts:
    metric, dimension = row.get("metric"), row.get("dimension")
    key = VECTOR_INDEXES.key_of(row)
    if metric not in _METRICS:
        problem = f"an index with an unknown metric: {metric!r}"
        raise damaged_row(VECTOR_INDEXES.name, key, problem, status="UNKNOWN_METRIC")
    if not isinstance(dimension, int | float):
        raise damaged_row(VECTOR_INDEXES.name, key, "an index without a dimension")
    return IndexFacts(int(dimension), metric)
