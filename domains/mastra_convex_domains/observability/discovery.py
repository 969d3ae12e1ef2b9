"""Finds which entities, programs, environments and labels there are, from the rows of traces."""

from __future__ import annotations

from typing import Final

from mastra_convex.domain import DomainStore, Key, Scan, from_json, text

from .tables import ROOTS

_STRATEGIES: Final = ("realtime", "batch-with-updates", "insert-only")
_FEATURES: Final = (
    "entity-type-discovery",
    "entity-name-discovery",
    "service-name-discovery",
    "environment-discovery",
    "tag-discovery",
    "trace-query",
)


class DiscoveryMethods(DomainStore):
    """Lists values that occur. Each different value costs a round trip, however many traces have it; labels are read
    of all traces.
    """

    async def get_entity_types(self) -> list[str]:
        """Returns the kinds of entities that traces began with, in order."""
        return await self._different("by_entity", [])

    async def get_entity_names(self, *, entity_type: str | None = None) -> list[str]:
        """Returns the names of entities that traces began with, of one kind or of all, in order."""
        if entity_type is None:
            return await self._different("by_entity_name_started", [])
        return await self._different("by_entity", [text(entity_type, "entity_type", operation="GET_ENTITY_NAMES")])

    async def get_service_names(self) -> list[str]:
        """Returns the names of programs, in order."""
        return await self._different("by_service_started", [])

    async def get_environments(self) -> list[str]:
        """Returns the names of environments, in order."""
        return await self._different("by_environment_started", [])

    async def get_tags(self, *, entity_type: str | None = None) -> list[str]:
        """Returns the labels of traces, of one kind of entity or of all, in order."""
        prefix = [] if entity_type is None else [text(entity_type, "entity_type", operation="GET_TAGS")]
        scan = Scan(table=ROOTS.name, index="by_entity", prefixes=[prefix], paths=[["tags"]])
        found: set[str] = set()
        for [tags] in (await self._records.read(scan)).values or ():
            found.update(tag for tag in from_json(tags or "[]") or () if isinstance(tag, str))
        return sorted(found)

    async def get_features(self) -> list[str]:
        """Returns the names of the optional features of Mastra's domain that this one has."""
        return [*_FEATURES]

    @property
    def observability_strategy(self) -> dict[str, object]:
        """Tells how spans may be written: whole at their end, or at their start and again later."""
        return {"preferred": "batch-with-updates", "supported": [*_STRATEGIES]}

    async def _different(self, index: str, prefix: Key) -> list[str]:
        """Returns the different texts of the field of an index after a prefix, one look-up for each."""
        return await self._records.different(Scan(table=ROOTS.name, index=index, prefixes=[prefix]))
