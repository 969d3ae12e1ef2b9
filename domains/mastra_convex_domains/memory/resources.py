"""Stores working memory and metadata of resources (docs/contract.md, "Resources")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mastra_convex.domain import (
    UNSET,
    Change,
    DomainStore,
    Edit,
    Get,
    Patch,
    Put,
    Row,
    Unset,
    WriteOp,
    about,
    answer_of,
    check_function,
    decode_row,
    encode_columns,
    encode_row,
    json_member,
    json_object,
    now,
    parse,
    read_modify_write,
    string,
    text,
)
from mastra_convex.errors import MastraConvexError, ValidationError

from .models import Resource, ResourceUpdate
from .saving import IfExists, NewRow, Saver
from .tables import RESOURCES
from .threads import merge_edit

ResourceChange = ResourceUpdate | Mapping[str, Any] | None


class ResourceMethods(DomainStore):
    """Adds the methods for resources to MemoryStore."""

    async def get_resource_by_id(self, resource_id: str) -> Resource | None:
        """Returns the resource, or None when nothing is stored for it."""
        text(resource_id, "resource_id", operation="GET_RESOURCE_BY_ID")
        [row] = (await self._records.read(Get(table=RESOURCES.name, keys=[[resource_id]]))).rows
        return None if row is None else stored_resource(row)

    async def save_resource(
        self, resource: Resource | Mapping[str, Any], *, if_exists: IfExists = "replace"
    ) -> Resource:
        """Stores the resource under its id; every field of an existing one is replaced, but `created_at` only by a
        given one.

        Args:
            resource: resource to store.
            if_exists: `replace` stores it over the one with its id; `keep` leaves that as it is; `error` raises
                ConflictError.

        Returns:
            The resource as it is stored now.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: the resource exists, and `if_exists` is `error`. Nothing was written.
        """
        operation = "SAVE_RESOURCE"
        saver = Saver(self._records, RESOURCES, if_exists=if_exists, operation=operation)
        checked = parse(Resource, resource, "resource", operation=operation)
        with about("resource"):
            row = _row(checked)
        otherwise = await saver.save([NewRow(row, "created_at" in checked.model_fields_set)])
        return stored_resource(otherwise[checked.id]) if otherwise else checked

    async def update_resource(
        self,
        resource_id: str,
        *,
        working_memory: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        update: Callable[[Resource], ResourceChange | Awaitable[ResourceChange]] | None = None,
    ) -> Resource:
        """Changes the given fields of a resource, and creates the resource when it does not exist.

        This is one atomic round trip, so concurrent merges are all kept. With `update` it is two: the stored resource
        is read, and what the function makes of it is written unless others changed the resource meanwhile; then both
        are done again. So nothing that others append to the text is lost.

        Args:
            resource_id: id of the resource.
            working_memory: text that replaces the stored one; `""` is a value. Left out, the stored text stays.
            metadata: members to merge over the stored ones, first level only. Left out, the stored ones stay.
            update: function of the stored resource, or of an empty one, that returns a mapping with `working_memory`,
                `metadata` or both, as they are given above, or None to write nothing; it may be async. It takes the
                place of the other two.

        Returns:
            The whole resource after the change.

        Raises:
            ValidationError: an argument, or the answer of `update`, is wrong.
            ConflictError: others changed the resource at each of 1,000 attempts; the call may be retried.
            MastraConvexError: the resource was deleted during the call.
        """
        operation = "UPDATE_RESOURCE"
        text(resource_id, "resource_id", operation=operation)
        if update is not None:
            if working_memory is not UNSET or metadata is not UNSET:
                raise ValidationError("update takes the place of working_memory and metadata", operation=operation)
            check_function(update, "a resource", operation=operation)
            return await self._updated_by(resource_id, update, operation)
        columns: dict[str, Any] = {}
        if working_memory is not UNSET:
            columns["workingMemory"] = string(working_memory, "working_memory", operation=operation)
        edits: list[Edit] = []
        if metadata is not UNSET:
            edits = [merge_edit("metadata", json_object(metadata, "metadata", operation=operation))]
        result = await self._records.commit(
            _changes(resource_id, columns, edits), returning=[Get(table=RESOURCES.name, keys=[[resource_id]])]
        )
        [row] = result.returned[0].rows
        if row is None:
            raise MastraConvexError(f"resource {resource_id!r} was deleted meanwhile", operation=operation)
        return stored_resource(row)

    async def _updated_by(
        self, id: str, update: Callable[[Resource], ResourceChange | Awaitable[ResourceChange]], operation: str
    ) -> Resource:
        async def change(row: Row | None) -> list[WriteOp] | None:
            wanted = await answer_of(update, Resource(id=id) if row is None else stored_resource(row))
            if wanted is None:
                return None
            change = parse(ResourceUpdate, wanted, "update()", operation=operation)
            columns = {} if change.working_memory is None else {"workingMemory": change.working_memory}
            edits: list[Edit] = []
            if change.metadata is not None:
                edits = [merge_edit("metadata", json_object(change.metadata, "update().metadata", operation=operation))]
            return _changes(id, columns, edits)

        row = await read_modify_write(self._records, RESOURCES, [id], change, operation=operation)
        return Resource(id=id) if row is None else stored_resource(row)


def _changes(id: str, columns: Mapping[str, Any], edits: Sequence[Edit]) -> list[WriteOp]:
    """Returns writes that change a resource, and make it before when there is none."""
    time = now()
    fresh = _row(Resource(id=id, created_at=time, updated_at=time))
    keep = [field.name for field in RESOURCES.fields]
    change = Change(set=encode_columns(RESOURCES, {**columns, "updatedAt": time}), edits=edits)
    return [
        Put(table=RESOURCES.name, rows=[fresh], keep=keep),  # only creates: an existing row keeps every column
        Patch(table=RESOURCES.name, keys=[[id]], change=change),
    ]


def _row(resource: Resource) -> Row:
    return encode_row(
        RESOURCES,
        {
            "id": resource.id,
            "workingMemory": resource.working_memory,
            "metadata": json_member(resource, "metadata"),
            "createdAt": resource.created_at,
            "updatedAt": resource.updated_at,
        },
    )


def stored_resource(row: Row) -> Resource:
    """Returns the resource of a stored row."""
    return Resource.stored(decode_row(RESOURCES, row), RESOURCES)
