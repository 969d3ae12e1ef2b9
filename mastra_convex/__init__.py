"""Durable memory for async Python agents: Mastra's storage contract on Convex, or on one SQLite file."""

import logging
from typing import TYPE_CHECKING

from mastra_convex.composite import CompositeStore
from mastra_convex.contract.unset import UNSET
from mastra_convex.errors import (
    AuthenticationError,
    ClosedError,
    CompositeError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DomainNotRegisteredError,
    FunctionError,
    LargeValueError,
    MastraConvexError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    SchemaMismatchError,
    ServerError,
    TooLargeError,
    TransportError,
    UnavailableError,
    ValidationError,
)
from mastra_convex.registry import BUILTIN_DOMAINS, exported_by_domains
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.retention import PruneResult, Retention, RetentionPolicy
from mastra_convex.rows.explain import did_you_mean
from mastra_convex.rows.jsonable import to_jsonable
from mastra_convex.store import ConvexStore

__all__ = [
    "UNSET",
    "AuthenticationError",
    "ClosedError",
    "CompositeError",
    "CompositeStore",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "ConvexStore",
    "DomainNotRegisteredError",
    "FunctionError",
    "LargeValueError",
    "MastraConvexError",
    "NotFoundError",
    "PruneResult",
    "RateLimitedError",
    "RequestTimeoutError",
    "Retention",
    "RetentionPolicy",
    "RetryPolicy",
    "SchemaMismatchError",
    "Secret",
    "ServerError",
    "TooLargeError",
    "TransportError",
    "UnavailableError",
    "ValidationError",
    "to_jsonable",
]

if not TYPE_CHECKING:  # type checkers shall still find misspelt names

    def __getattr__(name):
        """Says from where to import what the package of the domains exports."""
        if not name.startswith("_") and exported_by_domains(name):
            raise ImportError(f"write: from {BUILTIN_DOMAINS} import {name}", name=__name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, __all__)}")


logging.getLogger(__name__).addHandler(logging.NullHandler())  # what is logged is shown only if the program wants it
