"""The tables that commands work on."""

from __future__ import annotations

import importlib
import pkgutil

from mastra_convex import registry
from mastra_convex.registry import registered_domains
from mastra_convex.tables import Table, by_name


def registered_tables() -> list[Table]:
    """The tables of all registered domains."""
    return list(by_name(table for domain in registered_domains().values() for table in domain.tables).values())


def declared_tables() -> list[Table]:
    """Those, and the tables that modules of the built-in package declare for domains that have no class yet.

    A deployed schema has them from the start, so that a later version of this package needs no other one.
    """
    package = importlib.import_module(registry._BUILTIN_DOMAINS)  # pyright: ignore[reportPrivateUsage]  # named once, there
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
    declared = [value for module in modules for value in vars(module).values() if isinstance(value, Table)]
    return list(by_name([*registered_tables(), *declared]).values())
