"""Stores working memory and metadata of resources (docs/contract.md, "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
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
    about,
    decode_row,
    encode_columns,
    encode_row,
    json_member,
    json_object,
    now,
    parse,
    string,
    text,
)
from mastra_convex.errors import MastraConvexError

from .models import Resource
from .tables import RESOURCES
from .threads import merge_edit


class ResourceMethods(DomainStore):
    """Adds the methods for resources to MemoryStore."""

    async def get_resource_by_id(self, resource_id: str) -> Resource | None:
        """Returns the resource, or None when nothing is stored for it."""
        text(resource_id, "resource_id", operation="GET_RESOURCE_BY_ID")
        [row] = (await self._records.read(Get(table=RESOURCES.name, keys=[[resource_id]]))).rows
        return None if row is None else _resource(row)

    async def save_resource(self, resource: Resource | Mapping[str, Any]) -> Resource:
        """Stores the resource under its id and returns it; every field of an existing one is replaced."""
        checked = parse(Resource, resource, "resource", operation="SAVE_RESOURCE")
        with about("resource"):
            row = _row(checked)
        await self._records.commit([Put(table=RESOURCES.name, rows=[row])])
        return checked

    async def update_resource(
        self,
        resource_id: str,
        *,
        working_memory: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
    ) -> Resource:
        """Changes the given fields of a resource, and creates the resource when it does not exist.

        This is one atomic round trip, so concurrent merges are all kept.

        Args:
            resource_id: id of the resource.
            working_memory: text that replaces the stored one; `""` is a value. Left out, the stored text stays.
            metadata: members to merge over the stored ones, first level only. Left out, the stored ones stay.

        Returns:
            The whole resource after the change.

        Raises:
            ValidationError: an argument is wrong.
            MastraConvexError: the resource was deleted during the call.
        """
        operation = "UPDATE_RESOURCE"
        text(resource_id, "resource_id", operation=operation)
        time = now()
        columns: dict[str, Any] = {"updatedAt": time}
        if working_memory is not UNSET:
            columns["workingMemory"] = string(working_memory, "working_memory", operation=operation)
        edits: list[Edit] = []
        if metadata is not UNSET:
            edits = [merge_edit("metadata", json_object(metadata, "metadata", operation=operation))]
        fresh = _row(Resource(id=resource_id, created_at=time, updated_at=time))
        keep = [field.name for field in RESOURCES.fields]
        key = [[resource_id]]
        change = Change(set=encode_columns(RESOURCES, columns), edits=edits)
        result = await self._records.commit(
            [
                Put(table=RESOURCES.name, rows=[fresh], keep=keep),  # only creates: an existing row keeps every column
                Patch(table=RESOURCES.name, keys=key, change=change),
            ],
            returning=[Get(table=RESOURCES.name, keys=key)],
        )
        [row] = result.returned[0].rows
        if row is None:
            raise MastraConvexError(f"resource {resource_id!r} was deleted meanwhile", operation=operation)
        return _resource(row)


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


def _resource(row: Row) -> Resource:
    return Resource.stored(decode_row(RESOURCES, row))
