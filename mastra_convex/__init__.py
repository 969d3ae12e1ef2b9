"""Durable memory for async Python agents: Mastra's storage contract on Convex, or on one SQLite file."""

import logging
import typing

from mastra_convex import registry
from mastra_convex.composite import CompositeStore
from mastra_convex.contract.changes import Changes, changes
from mastra_convex.contract.unset import UNSET
from mastra_convex.errors import (
    AuthenticationError,
    ClosedError,
    CompositeError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DamagedRowError,
    DomainNotRegisteredError,
    FileReplacedError,
    FunctionError,
    LargeValueError,
    MastraConvexError,
    MetadataFilterError,
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
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.retention import PruneResult, Retention, RetentionPolicy
from mastra_convex.rows.jsonable import to_jsonable
from mastra_convex.store import ConvexStore

__all__ = [
    "UNSET",
    "AuthenticationError",
    "Changes",
    "ClosedError",
    "CompositeError",
    "CompositeStore",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "ConvexStore",
    "DamagedRowError",
    "DomainNotRegisteredError",
    "FileReplacedError",
    "FunctionError",
    "LargeValueError",
    "MastraConvexError",
    "MetadataFilterError",
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
    "changes",
    "to_jsonable",
]

if not typing.TYPE_CHECKING:  # type checkers shall still find misspelt names

    def __getattr__(name):
        """Says from where to import what the package of the domains exports."""
        raise registry.no_such_name(name, __all__)


logging.getLogger(__name__).addHandler(logging.NullHandler())  # what is logged is shown only if the program wants it
