"""The backends of the contract tests, which `mastra_convex.testing` has, and what only these tests need of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mastra_convex.domain import DomainStore
from mastra_convex.registry import registered_domains
from mastra_convex.tables import CORE_TABLES, Table, by_name
from mastra_convex.testing import BACKENDS, Backend, ConvexHost, open_backend, remote_store, run_host
from mastra_convex.testing.backends import DomainClasses
from mastra_convex.testing.convex_host import KEY

__all__ = [
    "BACKENDS",
    "FUNCTIONS",
    "KEY",
    "Backend",
    "ConvexHost",
    "DomainClasses",
    "all_tables",
    "convex_host",
    "open_backend",
    "remote_store",
]

FUNCTIONS = Path(__file__).parent.parent / "convex_functions"


@asynccontextmanager
async def convex_host(functions: str = "default") -> AsyncIterator[ConvexHost]:
    """Starts the Node host over a folder of `convex_functions/tests/functions`; a missing Node is an error."""
    with run_host(FUNCTIONS / "tests" / "functions" / functions) as host:
        yield host


def all_tables() -> list[Table]:
    domains: list[type[DomainStore]] = list(registered_domains().values())
    return list(by_name([*CORE_TABLES, *(table for domain in domains for table in domain.tables)]).values())
