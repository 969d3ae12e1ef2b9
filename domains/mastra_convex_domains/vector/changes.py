"""Changes and deletes vectors, by id or by filter (docs/contract.md, "Vectors")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mastra_convex.domain import (
    MAX_KEYS,
    Change,
    CommitResult,
    Condition,
    Delete,
    DeleteRange,
    Edit,
    Guard,
    Patch,
    PatchRange,
    VectorLike,
    WriteOp,
    in_parts,
    json_object,
    text,
    texts,
)
from mastra_convex.errors import ValidationError

from .filters import Filter, selection
from .floats import packed, shortest
from .indexes import IndexMethods, vectors_of
from .models import Metric
from .tables import VECTORS


class ChangeMethods(IndexMethods):
    """Adds the methods that change or delete vectors to VectorStore."""

    async def update_vector(
        self,
        index_name: str,
        *,
        id: str | None = None,
        filter: Filter | None = None,
        vector: VectorLike | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Changes the numbers and the metadata of one vector, or of all that match a filter.

        The server makes the change, so concurrent merges are all kept. It is atomic for up to 2,000 vectors or 6 MiB
        in the index, and done in steps beyond that.

        Args:
            index_name: name of the index.
            id: id of the vector to change; an unknown one is no error. Give either `id` or `filter`.
            filter: filter on the metadata that selects the vectors to change; it must not hold for every vector.
            vector: numbers that replace the stored ones; None keeps them. Give `vector`, `metadata` or both.
            metadata: members to merge over the stored ones, first level only; None keeps them.

        Raises:
            ValidationError: an argument is wrong, or these combinations are not respected.
            NotFoundError: the index does not exist.
        """
        operation = "VECTOR/UPDATE_VECTOR"
        text(index_name, "index_name", operation=operation)
        matching = _target("id", id, filter, missing="Either id or filter must be provided", operation=operation)
        if metadata is not None:
            metadata = self._scope.claimed(metadata, "metadata", operation=operation)
        change = _change(vector, metadata, operation)
        op: WriteOp
        ids: list[str] = []
        if id is not None:
            ids = [text(id, "id", operation=operation)]
            op = Patch(table=VECTORS.name, keys=[[index_name, *ids]], change=change)
        else:
            where = [*matching, *self._scope.conditions()]
            op = PatchRange(range=vectors_of(index_name, where=where), change=change)
        if vector is None:
            await self._commit_in(index_name, [op], ids=ids, operation=operation)
            return

        async def commit(guards: list[Guard], _: Metric) -> CommitResult:
            return await self._records.commit([op], guards=guards, mode="resumable")

        await self._guarded(index_name, len(change.set["embedding"]), commit, ids=ids, operation=operation)

    async def delete_vector(self, index_name: str, *, id: str) -> None:
        """Deletes a vector; an unknown id is no error. Raises NotFoundError for an unknown index."""
        operation = "VECTOR/DELETE_VECTOR"
        text(index_name, "index_name", operation=operation)
        await self._delete_ids(index_name, [text(id, "id", operation=operation)], operation=operation)

    async def delete_vectors(
        self, index_name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None
    ) -> None:
        """Deletes the vectors with these ids, or all that match a filter; it is no error when there are none.

        Args:
            index_name: name of the index.
            ids: ids of the vectors, at least one; about 1,900 are deleted at a time. Give either `ids` or `filter`.
            filter: filter on the metadata; it must not hold for every vector. The server deletes in steps of up to
                2,000 vectors or 6 MiB of the index.

        Raises:
            ValidationError: an argument is wrong, or not exactly one of `ids` and `filter` is given.
            NotFoundError: the index does not exist.
        """
        operation = "VECTOR/DELETE_VECTORS"
        text(index_name, "index_name", operation=operation)
        matching = _target("ids", ids, filter, missing="Either filter or ids must be provided", operation=operation)
        if ids is None:
            ops = [DeleteRange(range=vectors_of(index_name, where=[*matching, *self._scope.conditions()]))]
            await self._commit_in(index_name, ops, operation=operation)
            return
        names = texts(ids, "ids", operation=operation)
        if not names:
            raise ValidationError("ids must not be an empty ids array", operation=operation, status="EMPTY_IDS")
        await self._delete_ids(index_name, names, operation=operation)

    async def _delete_ids(self, index_name: str, ids: Sequence[str], *, operation: str) -> None:
        async def delete(ids: Sequence[str]) -> None:
            keys = [[index_name, id] for id in ids]
            await self._commit_in(index_name, [Delete(table=VECTORS.name, keys=keys)], ids=ids, operation=operation)

        if len(ids) > MAX_KEYS:
            await self._scope.check(self._records, index_name, ids, operation=operation)
        for first in range(0, len(ids), MAX_KEYS):
            await in_parts(ids[first : first + MAX_KEYS], delete)


def _target(name: str, given: object, filter: Filter | None, *, missing: str, operation: str) -> list[Condition]:
    """Returns the conditions of the filter; checks that exactly one of it and the argument `name` is given.

    `missing` is the text of the error when none is.
    """
    if given is not None and filter is not None:
        message = f"{name} and filter are mutually exclusive"
        raise ValidationError(message, operation=operation, status="MUTUALLY_EXCLUSIVE")
    if given is None and filter is None:
        raise ValidationError(missing, operation=operation, status="NO_TARGET")
    return selection(filter, "filter", operation=operation)


def _change(vector: VectorLike | None, metadata: Mapping[str, Any] | None, operation: str) -> Change:
    if vector is None and metadata is None:
        message = "no updates provided: vector or metadata must be given"
        raise ValidationError(message, operation=operation, status="NO_UPDATES")
    columns: dict[str, Any] = {}
    if vector is not None:
        columns["embedding"] = shortest(packed(vector, "vector", operation=operation))
    edits: list[Edit] = []
    if metadata is not None:
        members = json_object(metadata, "metadata", operation=operation)
        edits = [Edit(path=["metadata"], reducer="merge", value=members.json)]
    return Change(set=columns, edits=edits)
