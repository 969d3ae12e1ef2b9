"""Limits what vector methods see and change to the vectors of one resource (docs/contract.md, "Vectors")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mastra_convex.domain import Condition, EmptyGuard, Get, Guard, IndexRange, Records, equals, from_json, to_json
from mastra_convex.errors import ConflictError

from .tables import VECTORS

_KEY = "resource_id"
_PATH = ("metadata", _KEY)
"""A vector belongs to the resource that its metadata name."""

_NAMED_IDS = 10
"""An error message names at most so many ids; its details have all."""


@dataclass(frozen=True)
class Scope:
    """Holds the resource whose vectors methods may see and change; without one they are all vectors."""

    resource_id: str | None = None

    @property
    def limited(self) -> bool:
        """Tells whether there are vectors outside."""
        return self.resource_id is not None

    def conditions(self) -> list[Condition]:
        """Returns the conditions that a vector belongs to the resource.

        The first finds it by an index, but also finds lists that have the resource; the second compares exactly.
        """
        if self.resource_id is None:
            return []
        found = Condition(path=["metadata"], operator="match", value=to_json({_KEY: self.resource_id}))
        return [found, equals(_PATH, self.resource_id)]

    def guards(self, index_name: str, ids: Sequence[str]) -> list[Guard]:
        """Returns a guard for each id: no vector that has it belongs to another resource, or to none."""
        if self.resource_id is None:
            return []
        foreign = [Condition(path=_PATH, operator="ne", value=to_json(self.resource_id))]
        return [
            EmptyGuard(range=IndexRange(table=VECTORS.name, index=VECTORS.key, prefix=[index_name, id], where=foreign))
            for id in ids
        ]

    async def check(self, records: Records, index_name: str, ids: Sequence[str], *, operation: str) -> None:
        """Raises ConflictError for ids of vectors of another resource, before the first of several commits."""
        if self.resource_id is None:
            return
        found = await records.read(Get(table=VECTORS.name, keys=[[index_name, id] for id in ids], paths=[_PATH]))
        foreign = [
            id
            for id, values in zip(ids, found.values or (), strict=True)
            if values is not None and (values[0] is None or from_json(values[0]) != self.resource_id)
        ]
        if foreign:
            raise self.refused(foreign, operation)

    def refused(self, ids: Sequence[str], operation: str) -> ConflictError:
        """Returns the error for ids whose vectors belong to another resource, or to none."""
        named = ", ".join(map(repr, ids[:_NAMED_IDS])) + (", ..." if len(ids) > _NAMED_IDS else "")
        return ConflictError(
            f"not of resource {self.resource_id!r}: {named}; nothing was written",
            operation=operation,
            status="NOT_OWNED",
            details={"ids": list(ids)},
        )

    def claimed(self, metadata: Mapping[str, Any] | None, name: str, *, operation: str) -> Mapping[str, Any] | None:
        """Returns metadata that name the resource; raises ConflictError if they name another."""
        if self.resource_id is None:
            return metadata
        if metadata is None:
            metadata = {}
        if not isinstance(metadata, Mapping):
            return metadata  # it is refused with other wrong values
        if metadata.get(_KEY, self.resource_id) != self.resource_id:
            message = f"{name}.{_KEY} must be {self.resource_id!r}, the resource of this view, or left out"
            raise ConflictError(message, operation=operation, status="NOT_OWNED")
        return {**metadata, _KEY: self.resource_id}
