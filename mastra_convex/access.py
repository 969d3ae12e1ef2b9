"""Domains as attributes of a store, typed without being imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mastra_convex.errors import DomainNotRegisteredError
from mastra_convex.registry import DomainStore, DomainT

if TYPE_CHECKING:
    # Annotations only: `store.memory` is a MemoryStore and a misspelt domain an error for type checkers.
    from mastra_convex_domains import BuiltinDomains
else:
    BuiltinDomains = object


class DomainAccess(BuiltinDomains):
    """Base of every store: its domains by attribute, by class and by name."""

    _domains: Mapping[str, DomainStore]

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            domains = self.__dict__.get("_domains", {})
            if name in domains:
                return domains[name]
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise self._no_domain(name)

    def domain(self, domain: type[DomainT]) -> DomainT:
        """The store of a domain class, also a third party's; DomainNotRegisteredError when it is not registered
        here.
        """
        found = self._domains.get(domain.name)
        if not isinstance(found, domain):
            raise self._no_domain(domain.name)
        return found

    async def get_store(self, name: str) -> DomainStore | None:
        """The store of a domain by its name in the contract, None when there is none; never raises."""
        return self._domains.get(name)

    def _no_domain(self, name: str) -> DomainNotRegisteredError:
        known = ", ".join(sorted(self._domains)) or "none"
        return DomainNotRegisteredError(f"the store has no domain {name!r}; registered: {known}")
