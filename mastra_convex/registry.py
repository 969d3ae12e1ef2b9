"""Finds the domains that stores have: the built-in ones, and those of installed packages. Internal."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence

from mastra_convex.domain import DomainStore, registered
from mastra_convex.rows.explain import did_you_mean
from mastra_convex.tables import Table, by_name

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
            entry_point.load()
        _loaded = True
    return registered()


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
    return list(by_name([*of_domains, *without_domain]).values())
