"""Gives every store its domains as attributes, `prune`, and `async with`. Internal.

Type checkers know the built-in domains without an import at run time.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic.alias_generators import to_snake

from mastra_convex.domain import DomainStore, DomainT
from mastra_convex.errors import ClosedError, DomainNotRegisteredError, ValidationError, raise_all
from mastra_convex.retention import Progress, PruneOptions, PruneResult, Retention, RetentionPolicy, parse_policies
from mastra_convex.rows.explain import did_you_mean

if TYPE_CHECKING:
    # Annotations only: `store.memory` is a MemoryStore and a misspelt domain an error for type checkers.
    from mastra_convex_domains import BuiltinDomains
else:
    BuiltinDomains = object


class DomainAccess(ABC, BuiltinDomains):
    """Is the base of every store: gives its domains by attribute, by class and by name."""

    _domains: Mapping[str, DomainStore] = {}
    _retention: Mapping[str, Mapping[str, RetentionPolicy]] = {}
    _closed: bool = False

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            domains = self.__dict__.get("_domains", {})
            if name in domains:
                return domains[name]
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise self._no_domain(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._domains})

    def domain(self, domain: type[DomainT]) -> DomainT:
        """Returns the store of a domain class, also of another package.

        Raises DomainNotRegisteredError when the class is not registered here.
        """
        found = self._domains.get(domain.name)
        if not isinstance(found, domain):
            raise self._no_domain(domain.name)
        return found

    async def get_store(self, name: str) -> DomainStore | None:
        """Returns the store of a domain by its name, in either spelling; None when there is none. Never raises."""
        return self._domains.get(to_snake(name))

    @abstractmethod
    async def init(self) -> None:
        """Checks that what is below answers, and prepares every domain."""

    async def prune(
        self,
        retention: Retention | None = None,
        *,
        max_batches: int | None = None,
        max_rows: int | None = None,
        pause: float = 0.0,
        dry_run: bool = False,
        progress: Progress | None = None,
        stop: asyncio.Event | None = None,
    ) -> list[PruneResult]:
        """Deletes what is older than the policies allow (docs/contract.md, "Retention").

        Every domain is pruned, also after another has failed; its error is raised at the end.

        Args:
            retention: policies by domain and table, as in `{"memory": {"messages": "30d"}}`; without it those that the
                store was made with.
            max_batches: batches for each table in this call.
            max_rows: rows of each table to delete in this call.
            pause: seconds between batches, to leave room for others.
            dry_run: only counts; no further than the bounds.
            progress: is called with the result so far after each batch, and with the final one.
            stop: ends the prune before the next batch once it is set.

        Returns:
            A result for each table that was pruned.

        Raises:
            ValidationError: a domain or table that cannot be pruned; nothing was deleted.
            CompositeError: several domains failed.
        """
        options = PruneOptions(max_batches, max_rows, pause, dry_run, progress, stop)
        wanted = self._retention if retention is None else self._policies(retention)
        results: list[PruneResult] = []
        errors: list[Exception] = []
        for name, policies in wanted.items():
            try:
                results += await self._domains[name].prune(policies, **vars(options))
            except Exception as error:  # one domain's failure is no reason to keep the rest
                errors.append(error)
        raise_all(errors, "several domains were not pruned", operation="PRUNE")
        return results

    @abstractmethod
    async def aclose(self) -> None:
        """Closes what is below; later calls raise ClosedError. Safe to repeat."""

    def _is_closed(self) -> bool:
        return self._closed

    async def __aenter__(self) -> Self:
        if self._is_closed():
            raise ClosedError("the store is closed", operation="OPEN")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _policies(self, retention: Retention) -> dict[str, dict[str, RetentionPolicy]]:
        if not isinstance(retention, Mapping):
            raise ValidationError("retention must be a mapping of domains to tables", operation="PRUNE")
        parsed: dict[str, dict[str, RetentionPolicy]] = {}
        for key, policies in retention.items():
            name = to_snake(str(key))
            if name in parsed:
                raise ValidationError(f"retention names a domain twice: {key!r}", operation="PRUNE")
            if name not in self._domains:
                known = ", ".join(sorted(known for known, domain in self._domains.items() if domain.retention))
                hint = did_you_mean(key, self._domains)
                problem = f"names a domain that the store lacks: {key!r}; it can prune: {known or 'none'}{hint}"
                raise ValidationError(f"retention {problem}", operation="PRUNE")
            parsed[name] = parse_policies(policies, self._domains[name].retention, f"retention.{key}")
        return parsed

    def _public_names(self) -> list[str]:
        return [name for name in dir(self) if not name.startswith("_")]

    def _no_domain(self, name: str) -> DomainNotRegisteredError:
        known = ", ".join(sorted(self._domains)) or "none"
        owner = next((own for own, domain in self._domains.items() if hasattr(domain, name)), None)
        hint = f"; did you mean '{owner}.{name}'?" if owner else did_you_mean(name, self._public_names())
        return DomainNotRegisteredError(f"the store has no domain {name!r}; registered: {known}{hint}")
