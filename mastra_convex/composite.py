"""Combines domains of several stores in one (docs/contract.md, "Composite stores")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, Literal

from pydantic.alias_generators import to_snake

from mastra_convex.domain import DomainStore
from mastra_convex.errors import (
    ClosedError,
    ConfigurationError,
    DomainNotRegisteredError,
    ValidationError,
    raise_all,
)
from mastra_convex.retention import Retention
from mastra_convex.store_base import DomainAccess

_OF_ONE_STORE: Final = ("export", "import_", "copy_to", "erase", "backup")

Override = DomainAccess | DomainStore | Literal[False]


class CompositeStore(DomainAccess):
    """Combines domains of several stores in one store.

    A domain is taken from `domains` if it is named there, else from `default`. Each store is initialised and closed
    once, with the composite, even if it provides several domains. The store behind a single domain object is not
    closed by the composite, but by the code that opened it.

    Deleting or pruning a thread also deletes the rows of other domains of the same store that belong to it. Rows in
    another store, such as its thread state, stay until they are deleted there, or pruned by a policy of their own.

    Mastra's own composite keeps thread state in memory when no store provides it. This one does not, as the tasks and
    goals would be lost at the next start. Give a store that has it, or `ConvexStore.local(":memory:")`.

    Args:
        id: name of the store, for logs.
        default: store for all domains that `domains` does not name; None for no such store.
        domains: for each name a store that has this domain (one store may be given several times), a domain object,
            or False to leave the domain out.
        retention: policies of `prune()`; None for no policy.

    Raises:
        ConfigurationError: a store lacks the domain that it is given for, no domain is left, or a policy names a
            domain or table that does not exist.

    Example:
        async with CompositeStore(id="app", default=store, domains={"scores": False}) as app:
            assert app.memory is store.memory
            assert not hasattr(app, "scores")
    """

    def __init__(
        self,
        *,
        id: str,
        default: DomainAccess | None = None,
        domains: Mapping[str, Override] | None = None,
        retention: Retention | None = None,
    ) -> None:
        if not isinstance(id, str) or not id.strip():
            raise ConfigurationError("id must be a non-empty string")
        if default is not None and not isinstance(default, DomainAccess):
            raise ConfigurationError(f"default must be a store, not {type(default).__name__}")
        self.id = id
        overrides = _by_name({} if domains is None else domains)
        stores = [default, *(given for given in overrides.values() if isinstance(given, DomainAccess))]
        parents = list(dict.fromkeys(store for store in stores if store is not None))
        found = {} if default is None else dict(default._domains)
        for name, given in overrides.items():
            found.pop(name, None)
            if given is not False:
                found[name] = self._given(name, given)
        if not found:
            raise ConfigurationError("a composite needs a domain: give a store as default, or in domains")
        self._domains = found
        provided = {domain for parent in parents for domain in parent._domains.values()}
        own = [domain for domain in dict.fromkeys(found.values()) if domain not in provided]
        self._parts: list[DomainAccess | DomainStore] = [*parents, *own]
        self._ready = False
        self._initialising: asyncio.Task[None] | None = None
        try:
            self._retention = self._policies(retention or {})
        except ValidationError as error:
            raise ConfigurationError(error.message) from error

    async def init(self) -> None:
        """Initialises every store and every given domain object, once; concurrent callers share one attempt.

        This is optional: each call does it as needed. After a failure the next call tries again.

        Raises:
            ClosedError: the composite is closed.
            CompositeError: several parts failed. When only one failed, its own error is raised.
        """
        if self._closed:
            raise ClosedError("the store is closed", operation="INIT")
        if self._ready:
            return
        attempt = self._initialising
        if attempt is None or attempt.done() or attempt.get_loop() is not asyncio.get_running_loop():
            attempt = self._initialising = asyncio.create_task(self._init())
        await asyncio.shield(attempt)  # cancelling one caller does not cancel the others

    async def aclose(self) -> None:
        """Closes every store and every given domain object once, even if some of them fail.

        It is safe to call again; after a cancellation, calling it again closes the rest.

        Raises:
            CompositeError: several parts failed. When only one failed, its own error is raised.
        """
        self._closed = True
        await _all(map(self._close, list(self._parts)), "CLOSE")

    def _is_closed(self) -> bool:
        return self._closed or any(part._is_closed() for part in self._parts if isinstance(part, DomainAccess))

    async def _close(self, part: DomainAccess | DomainStore) -> None:
        self._parts.remove(part)
        try:
            await part.aclose()
        except asyncio.CancelledError:
            self._parts.append(part)
            raise

    async def _init(self) -> None:
        await _all((part.init() for part in self._parts), "INIT")
        self._ready = True

    def _no_domain(self, name: str) -> DomainNotRegisteredError:
        if name not in _OF_ONE_STORE:
            return super()._no_domain(name)
        return DomainNotRegisteredError(
            f"a composite has no {name}: its domains lie in several stores; call it on each of them"
        )

    @staticmethod
    def _given(name: str, given: object) -> DomainStore:
        """Returns the domain that an override stands for."""
        domain = given._domains.get(name) if isinstance(given, DomainAccess) else given
        if domain is None and given is not None:
            raise ConfigurationError(f"domains[{name!r}]: {given!r} has no such domain")
        if not isinstance(domain, DomainStore):
            raise ConfigurationError(
                f"domains[{name!r}] must be a store, a domain or False, not {type(given).__name__}"
            )
        if domain.name != name:
            raise ConfigurationError(f"domains[{name!r}] is the domain {domain.name!r}")
        return domain

    def __repr__(self) -> str:
        if "_domains" not in vars(self):  # it is shown in a traceback, as the constructor failed
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {self.id!r}: {', '.join(sorted(self._domains))}>"


def _by_name(domains: object) -> dict[str, Any]:
    """Returns the overrides by names in snake case; raises ConfigurationError when two have the same name."""
    if not isinstance(domains, Mapping) or not all(isinstance(name, str) for name in domains):
        raise ConfigurationError("domains must be a mapping of names to stores, domains or False")
    named = {to_snake(name): given for name, given in domains.items()}
    if len(named) < len(domains):
        raise ConfigurationError("domains names a domain in both spellings")
    return named


async def _all(calls: Iterable[Awaitable[None]], operation: str) -> None:
    """Awaits all calls concurrently until each has ended, then raises their errors."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):  # a part was cancelled
            raise result
    errors = [result for result in results if isinstance(result, Exception)]
    raise_all(errors, "several parts of the composite failed", operation=operation)
