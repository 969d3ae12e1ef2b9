"""Finds the domains that stores have: the built-in ones, and those of installed packages. Internal."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mastra_convex.domain import DomainStore, registered
from mastra_convex.errors import ConfigurationError
from mastra_convex.rows.explain import did_you_mean
from mastra_convex.tables import Table, by_name, nearest_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_BUILTIN_DOMAINS = "mastra_convex_domains"
"""The package of the built-in domains, found by its name, as the core imports no domain."""

_ENTRY_POINTS = "mastra_convex.domains"
"""The group of entry points that names the modules of other packages."""

_loaded = False


def registered_domains() -> Mapping[str, type[DomainStore]]:
    """All domains by name: the built-in ones, then those of installed packages (entry points
    `mastra_convex.domains`).
    """
    global _loaded  # noqa: PLW0603  # plug-ins are looked up once per process
    if not _loaded:
        importlib.import_module(_BUILTIN_DOMAINS)
        from importlib.metadata import entry_points  # noqa: PLC0415  # slow to import, needed only here

        for entry_point in entry_points(group=_ENTRY_POINTS):
            try:
                entry_point.load()
            except Exception as error:
                raise _unusable(entry_point, error) from error
        _loaded = True
    return registered()


def _unusable(entry_point: EntryPoint, error: Exception) -> ConfigurationError:
    package = f" of {entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist is not None else ""
    return ConfigurationError(
        f"the entry point {entry_point.name!r} ({_ENTRY_POINTS}){package} cannot be loaded from {entry_point.value!r}: "
        f"{type(error).__name__}: {error}. Mend or uninstall the package, or name the domains of a store by domains="
    )


def check_owners(tables: Iterable[Table]) -> None:
    """Checks that the owner of each table is a table. It need not be one of these: its domain may not be in the store.

    Raises ConfigurationError for a name that no domain has.
    """
    given = list(tables)
    known = {table.name for table in given}
    for table in given:
        if table.owner is None or table.owner.table in known:
            continue
        importlib.import_module(_BUILTIN_DOMAINS)
        elsewhere = {each.name for domain in registered().values() for each in domain.tables}
        if table.owner.table not in elsewhere:
            hint = nearest_of(table.owner.table, known | elsewhere)
            raise ConfigurationError(f"{table.name}: no table {table.owner.table!r} for the owner{hint}")


def no_such_name(name: str, known: Sequence[str]) -> Exception:
    """Returns the error for a name that `mastra_convex`, which has the `known` ones, does not have.

    It is an ImportError for what the built-in domains export, as only that shows its text at an import statement.
    """
    if not name.startswith("_") and name in importlib.import_module(_BUILTIN_DOMAINS).__all__:
        text = f"domains and their records are in another package: from {_BUILTIN_DOMAINS} import {name}"
        return ImportError(text, name=name)
    return AttributeError(f"module 'mastra_convex' has no attribute {name!r}{did_you_mean(name, known)}")


def declared_tables() -> list[Table]:
    """The tables of all domains, and those that modules of the built-in package declare without a domain.

    A deployed schema has the latter from the start, so that a later version of this package needs no other one.
    """
    package = importlib.import_module(_BUILTIN_DOMAINS)
    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    without_domain = [value for module in modules for value in vars(module).values() if isinstance(value, Table)]
    of_domains = [table for domain in registered_domains().values() for table in domain.tables]
    tables = list(by_name([*of_domains, *without_domain]).values())
    check_owners(tables)
    return tables
