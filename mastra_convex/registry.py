"""Domains: the base class of domain stores, and the registry through which stores find them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import ClassVar, TypeVar

from mastra_convex.engine import Engine
from mastra_convex.errors import ConfigurationError
from mastra_convex.records import Records
from mastra_convex.tables import Table, by_name

_BUILTIN_DOMAINS = "mastra_convex_domains"  # found by name: the core imports no domain
_ENTRY_POINTS = "mastra_convex.domains"


class DomainStore:
    """Base of all domain stores.

    A subclass has a `name` (the attribute of the store), declares its `tables`, and works through `self._records`.
    It can be built alone on an engine; a store passes the tables of all its domains, so that deletes reach the rows
    that other domains declare as owned.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]

    def __init__(self, engine: Engine, *, tables: Iterable[Table] = ()) -> None:
        self._records = Records(engine, by_name([*self.tables, *tables]))

    async def init(self) -> None:
        """Prepares the domain; tables come with the deployed schema or the SQLite file, so there is nothing to do."""

    async def dangerously_clear_all(self) -> None:
        """Deletes every row of the domain's tables, in bounded steps."""
        await self._records.clear(self.tables)


DomainT = TypeVar("DomainT", bound=DomainStore)
_registered: dict[str, type[DomainStore]] = {}
_loaded = False


def register(domain: type[DomainT]) -> type[DomainT]:
    """Class decorator that makes a domain known under its name; ConfigurationError when another has it."""
    other = _registered.setdefault(domain.name, domain)
    if other is not domain:
        raise ConfigurationError(f"domain {domain.name!r} is registered twice: {_path(other)} and {_path(domain)}")
    return domain


def registered_domains() -> Mapping[str, type[DomainStore]]:
    """All domains by name: the built-in ones, then those of installed packages (entry points
    `mastra_convex.domains`).
    """
    global _loaded  # noqa: PLW0603  # plug-ins are looked up once per process
    if not _loaded:
        importlib.import_module(_BUILTIN_DOMAINS)
        from importlib.metadata import entry_points  # noqa: PLC0415  # slow to import, needed only here

        for entry_point in entry_points(group=_ENTRY_POINTS):
            entry_point.load()
        _loaded = True
    return dict(_registered)


def _path(domain: type[DomainStore]) -> str:
    return f"{domain.__module__}.{domain.__qualname__}"
