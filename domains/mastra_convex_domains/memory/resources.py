"""Resources: working memory and metadata across threads (docs/contract.md, "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex.contract.arguments import json_object, string, text
from mastra_convex.contract.models import about, parse
from mastra_convex.contract.unset import UNSET, Unset
from mastra_convex.domain import DomainStore
from mastra_convex.engine.protocol import Get, Patch, Put
from mastra_convex.errors import MastraConvexError
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.codec import decode_row, encode_columns, encode_row
from mastra_convex.rows.times import now
from mastra_convex.rows.values import Row

from .models import Resource
from .tables import RESOURCES
from .threads import merge_edit


class ResourceMethods(DomainStore):
    """The resource methods of MemoryStore."""

    async def get_resource_by_id(self, resource_id: str) -> Resource | None:
        """The resource, or None when nothing is stored for it."""
        text(resource_id, "resource_id", operation="GET_RESOURCE_BY_ID")
        [row] = (await self._records.read(Get(table=RESOURCES.name, keys=[[resource_id]]))).rows
        return None if row is None else _resource(row)

    async def save_resource(self, resource: Resource | Mapping[str, Any]) -> Resource:
        """Stores the resource under its id, replacing every field of an existing one; returns it."""
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
        """Changes only what is given, creating the resource when it does not exist: working memory is replaced,
        metadata merged.

        One atomic round trip: concurrent merges are all kept. Returns the whole resource.
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
            "metadata": resource.metadata,
            "createdAt": resource.created_at,
            "updatedAt": resource.updated_at,
        },
    )


def _resource(row: Row) -> Resource:
    return Resource.stored(decode_row(RESOURCES, row))
