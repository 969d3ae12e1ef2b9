"""Stores vectors in as few atomic commits as Convex's limits allow (docs/contract.md, "Vectors")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from mastra_convex.domain import (
    ArrayLike,
    Checked,
    CommitResult,
    Condition,
    DeleteRange,
    Guard,
    Put,
    Row,
    Scan,
    VectorLike,
    WriteOp,
    batches,
    encode_row,
    from_json,
    in_parts,
    items,
    json_object,
    new_id,
    text,
)
from mastra_convex.errors import RateLimitedError, TooLargeError, ValidationError

from .changes import ChangeMethods
from .filters import Filter, selection
from .floats import Floats, packed, plain_list, shortest
from .indexes import vectors_of
from .models import Metric
from .scopes import Scope
from .tables import VECTORS

Metadata = Mapping[str, Any] | None
PutRows = Callable[[Sequence[Row]], Awaitable[None]]

_OPERATION = "VECTOR/UPSERT"
_COMMIT_VALUES = 7 << 20
"""One commit stores vectors of at most so many bytes, as Convex reads each replaced row twice, and 16 MiB at most
(docs/protocol.md, "Limits of Convex").
"""

_GENTLE_VALUES = 4 << 20
"""Convex writes so many bytes in a second before it may refuse more (docs/protocol.md, "Limits of Convex")."""


class UpsertMethods(ChangeMethods):
    """Adds the method that stores vectors to VectorStore."""

    _commit_values = _COMMIT_VALUES

    async def upsert(
        self,
        index_name: str,
        *,
        vectors: Collection[VectorLike] | ArrayLike,
        metadata: Sequence[Metadata] | None = None,
        ids: Sequence[str] | None = None,
        delete_filter: Filter | None = None,
    ) -> list[str]:
        """Stores vectors with their metadata and replaces those of the same ids.

        Numbers are rounded to float32, and times in metadata become ISO text. Of equal ids the last is stored. Up to
        about 1,900 vectors or 7 MiB (9 bytes a number) are one atomic commit. More are several commits in order; if
        that is interrupted, calling it again with the same ids completes it. The commits have 4 MiB each when the
        deployment refuses to write more at a time.

        Args:
            index_name: name of an index that exists.
            vectors: lists of numbers or numpy arrays, all of the dimension of the index.
            metadata: a mapping, or None, for each vector; None for no metadata.
            ids: an id for each vector; new UUIDs by default.
            delete_filter: filter on the metadata; it must not hold for every vector. Vectors that match it when the
                call begins, and are not upserted, are deleted: in the same commit when everything fits one (at most
                14 MiB of the index), else after the upserts, so that there are never fewer vectors than before.

        Returns:
            The ids of the vectors, in their order.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the index does not exist.
        """
        text(index_name, "index_name", operation=_OPERATION)
        numbers = _vectors(vectors)
        objects = _metadata(metadata, len(numbers), self._scope)
        names = _ids(ids, len(numbers))
        matching = selection(delete_filter, "delete_filter", operation=_OPERATION)

        async def put(rows: Sequence[Row], before: Sequence[WriteOp] = ()) -> None:
            async def commit(guards: list[Guard], _: Metric) -> CommitResult:
                return await self._records.commit([*before, Put(table=VECTORS.name, rows=rows)], guards=guards)

            given = [] if ids is None else [row["id"] for row in rows]
            await self._guarded(index_name, len(numbers[0]), commit, ids=given, operation=_OPERATION)

        last = {name: n for n, name in enumerate(names)}
        rows = _rows(index_name, ((name, numbers[n], objects[n]) for name, n in last.items()))
        if not matching and not self._scope.limited:
            await self._put_all(rows, put)
            return names

        parts = batches(rows, max_values=self._commit_values)
        first, second = next(parts), next(parts, None)
        if second is not None and ids is not None:
            await self._scope.check(self._records, index_name, list(last), operation=_OPERATION)
        if not matching:
            await self._put_all(chain(first, second or (), chain.from_iterable(parts)), put)
            return names

        where = [*matching, *self._scope.conditions()]
        if second is None:
            try:
                await put(first, [DeleteRange(range=vectors_of(index_name, where=where))])
            except (TooLargeError, RateLimitedError):
                pass  # it does not fit one transaction
            else:
                return names
        replaced = [id for id in await self._ids_of(index_name, where) if id not in last]
        await self._put_all(chain(first, second or (), chain.from_iterable(parts)), put)
        await self._delete_ids(index_name, replaced, operation=_OPERATION)
        return names

    async def _put_all(self, rows: Iterable[Row], put: PutRows) -> None:
        parts = batches(rows, max_values=self._commit_values)
        for part in parts:
            try:
                await in_parts(part, put)  # the replaced rows may be larger than these
            except RateLimitedError:
                if self._commit_values == _GENTLE_VALUES:
                    raise
                self._commit_values = _GENTLE_VALUES
                await self._put_all(chain(part, chain.from_iterable(parts)), put)

    async def _ids_of(self, index_name: str, matching: Sequence[Condition]) -> list[str]:
        scan = Scan(table=VECTORS.name, index="by_index", prefixes=[[index_name]], where=matching, paths=[["id"]])
        found = await self._records.read(scan)
        return [from_json(value) for [value] in found.values or () if value is not None]


def _vectors(vectors: Any) -> list[Floats]:
    # An array is read row by row, as its numbers would take many times the memory in lists.
    given = items(
        vectors if getattr(vectors, "ndim", 0) else plain_list(vectors),
        "vectors",
        operation=_OPERATION,
        status="INVALID_VECTOR",
    )
    if given and (isinstance(given[0], int | float) or getattr(given[0], "ndim", 1) == 0):
        message = "vectors must be a list of vectors; put a single one into a list: vectors=[...]"
        raise ValidationError(message, operation=_OPERATION, status="INVALID_VECTOR")
    if not given:
        raise ValidationError("vectors must not be empty", operation=_OPERATION, status="EMPTY_VECTORS")
    numbers = [packed(vector, f"vectors[{n}]", operation=_OPERATION) for n, vector in enumerate(given)]
    for n, vector in enumerate(numbers):
        if len(vector) != len(numbers[0]):
            message = f"vectors[{n}] has {len(vector)} numbers, vectors[0] {len(numbers[0])}"
            raise ValidationError(message, operation=_OPERATION, status="DIMENSION_MISMATCH")
    return numbers


def _metadata(metadata: Any, count: int, scope: Scope) -> list[Checked | None]:
    """Returns the metadata of each vector; an empty list means none."""
    objects = [] if metadata is None else items(metadata, "metadata", operation=_OPERATION)
    given = objects or [None] * count
    if len(given) != count:
        message = f"metadata must have as many elements as vectors: {len(given)}, not {count}"
        raise ValidationError(message, operation=_OPERATION, status="METADATA_LENGTH_MISMATCH")
    return [_object(item, f"metadata[{n}]", scope) for n, item in enumerate(given)]


def _object(item: Any, name: str, scope: Scope) -> Checked | None:
    members = scope.claimed(item, name, operation=_OPERATION)
    return None if members is None else json_object(members, name, operation=_OPERATION)


def _ids(ids: Sequence[str] | None, count: int) -> list[str]:
    if ids is None:
        return [new_id() for _ in range(count)]
    status = "IDS_LENGTH_MISMATCH"
    names = items(plain_list(ids), "ids", operation=_OPERATION, status=status)
    if len(names) != count:
        message = f"ids must be a list of as many ids as vectors: {count}, not {len(names)}"
        raise ValidationError(message, operation=_OPERATION, status=status)
    return [text(id, f"ids[{n}]", operation=_OPERATION) for n, id in enumerate(names)]


def _rows(index_name: str, items: Iterable[tuple[str, Floats, Checked | None]]) -> Iterator[Row]:
    """Makes the stored rows as they are consumed, as vectors take several times the memory in rows."""
    for id, numbers, metadata in items:
        values = {"id": id, "indexName": index_name, "embedding": shortest(numbers), "metadata": metadata}
        yield encode_row(VECTORS, values)
