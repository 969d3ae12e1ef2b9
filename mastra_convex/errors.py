"""Every error of this package, one tree.

MastraConvexError
├── ConfigurationError          a store, table or domain is set up wrongly      (also ValueError)
├── ValidationError             an argument is refused before anything is sent  (also ValueError)
│   └── TooLargeError           a value or commit exceeds one of Convex's limits
│       └── LargeValueError     an engine was asked about the inside of a value that is kept in chunks
├── NotFoundError               the thread, run, ... that was named does not exist (also LookupError)
├── ConflictError               the record exists already, or changed meanwhile
├── DomainNotRegisteredError    the store has no such domain                    (also AttributeError)
├── ClosedError                 the store was closed
├── CompositeError              several parts of a store failed
├── TransportError              no usable answer came
│   ├── ConnectionFailedError   (also ConnectionError)
│   └── RequestTimeoutError     the deadline passed                             (also TimeoutError)
└── ServerError                 the deployment answered with an error
    ├── AuthenticationError     the admin key is missing, wrong or not allowed to do this
    ├── RateLimitedError        too many calls or writes
    ├── UnavailableError        overloaded, starting up, or conflicts that did not settle
    ├── FunctionError           a function failed; `data` holds what it said
    └── SchemaMismatchError     other functions, tables or indexes are deployed than this package needs
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

ErrorCategory = Literal["USER", "SYSTEM", "THIRD_PARTY", "UNKNOWN"]


def error_id(operation: str, status: str) -> str:
    """Mastra's id of an error: `MASTRA_STORAGE_CONVEX_<OPERATION>_<STATUS>` (docs/contract.md, "Error ids").

    An operation of another family than STORAGE is written with it, as `VECTOR/UPSERT`.
    """
    family, _, operation = operation.rpartition("/")
    parts = (re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", p)) for p in (operation, status))
    return "_".join(["MASTRA", family or "STORAGE", "CONVEX", *(part.strip("_").upper() for part in parts)])


class MastraConvexError(Exception):
    """Root of all errors of this package.

    `id` is Mastra's error id, `category` who can mend it, `retryable` whether the same call may succeed later,
    `details` facts for a log (never values of rows, never a key).
    """

    status: str = "FAILED"
    category: ErrorCategory = "UNKNOWN"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        status: str | None = None,
        id: str | None = None,
        details: Mapping[str, Any] | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self._knows_operation = operation is not None or id is not None
        self._id_status = status or self.status
        self.id: str = id or error_id(operation or "STORE", self._id_status)
        self.details: dict[str, Any] = dict(details or {})
        if retryable is not None:
            self.retryable = retryable

    def during(self, operation: str) -> None:
        """Names the operation in `id`, unless the error was raised with one."""
        if not self._knows_operation:
            self.id = error_id(operation, self._id_status)


class ConfigurationError(MastraConvexError, ValueError):
    """A store, table declaration or domain is set up wrongly."""

    status: str = "INVALID_CONFIGURATION"
    category: ErrorCategory = "USER"


class ValidationError(MastraConvexError, ValueError):
    """An argument is refused; nothing was sent or written. The message names the Python parameter."""

    status: str = "INVALID_INPUT"
    category: ErrorCategory = "USER"


class TooLargeError(ValidationError):
    """A value or a commit exceeds one of Convex's limits; `details` has the path, the size and the limit."""

    status: str = "TOO_LARGE"


class LargeValueError(TooLargeError):
    """A path or an edit leads into a value that is kept in chunks, where the database cannot see.

    The methods of domains never raise it: they read the value and do it themselves.
    """

    status: str = "LARGE_VALUE"


class NotFoundError(MastraConvexError, LookupError):
    """The record that was named does not exist; the message contains `not found`."""

    status: str = "NOT_FOUND"
    category: ErrorCategory = "USER"


class ConflictError(MastraConvexError):
    """The record exists already (`already exists`), or others kept changing it."""

    status: str = "CONFLICT"
    category: ErrorCategory = "USER"


class DomainNotRegisteredError(MastraConvexError, AttributeError):
    """The store has no domain of this name; an AttributeError so that `hasattr` works."""

    status: str = "DOMAIN_NOT_REGISTERED"
    category: ErrorCategory = "USER"


class ClosedError(MastraConvexError):
    """The store was closed, or belongs to another event loop."""

    status: str = "CLOSED"
    category: ErrorCategory = "USER"


class CompositeError(MastraConvexError):
    """Several parts of a store failed, each for its own reason: `errors` has what each of them raised."""

    status: str = "SEVERAL_FAILED"

    def __init__(self, message: str, errors: Sequence[Exception], *, operation: str) -> None:
        super().__init__(f"{message}: {'; '.join(map(str, errors))}", operation=operation)
        self.errors: tuple[Exception, ...] = tuple(errors)
        self.retryable: bool = all(isinstance(error, MastraConvexError) and error.retryable for error in errors)


def raise_all(errors: Sequence[Exception], message: str, *, operation: str) -> None:
    """Raises the only error as it is, several as a CompositeError; nothing when there is none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise CompositeError(message, errors, operation=operation)


class TransportError(MastraConvexError):
    """No usable answer came from the deployment."""

    status: str = "TRANSPORT"
    category: ErrorCategory = "THIRD_PARTY"
    retryable: bool = True


class ConnectionFailedError(TransportError, ConnectionError):
    """The deployment could not be reached, or the connection broke."""

    status: str = "CONNECTION_FAILED"


class RequestTimeoutError(TransportError, TimeoutError):
    """The deadline of the call passed; it covers all retries."""

    status: str = "TIMEOUT"


class ServerError(MastraConvexError):
    """The deployment answered with an error; `code` is Convex's code or ours."""

    status: str = "SERVER_ERROR"
    category: ErrorCategory = "THIRD_PARTY"

    def __init__(self, message: str, *, code: str | None = None, **options: Any) -> None:
        super().__init__(message, **options)
        self.code = code


class AuthenticationError(ServerError):
    """The admin key is missing, wrong, or not allowed to call internal functions."""

    status: str = "AUTHENTICATION"
    category: ErrorCategory = "USER"


class RateLimitedError(ServerError):
    """Convex refused the call because of too many calls or writes (429), until the deadline."""

    status: str = "RATE_LIMITED"
    retryable: bool = True


class UnavailableError(ServerError):
    """Convex was overloaded, starting up, or its optimistic concurrency retries did not settle."""

    status: str = "UNAVAILABLE"
    retryable: bool = True


class FunctionError(ServerError):
    """A deployed function failed. Nothing was written. `data` is what it threw, if it said so."""

    status: str = "FUNCTION_FAILED"

    def __init__(self, message: str, *, data: Any = None, **options: Any) -> None:
        super().__init__(message, **options)
        self.data = data


class SchemaMismatchError(ServerError):
    """The deployment has other functions, tables or indexes than this package needs."""

    status: str = "SCHEMA_MISMATCH"
    category: ErrorCategory = "USER"
