"""Defines every error of this package, one tree.

MastraConvexError
├── ConfigurationError          a store, table or domain is set up wrongly      (also ValueError)
├── ValidationError             an argument is refused before anything is sent  (also ValueError)
│   ├── MetadataFilterError     the metadata filter of a list is malformed      (also TypeError)
│   └── TooLargeError           a value or commit exceeds one of Convex's limits
│       └── LargeValueError     an engine was asked about the inside of a value that is kept in chunks
├── NotFoundError               the thread, run, ... that was named does not exist (also LookupError)
├── ConflictError               the record exists already, or changed meanwhile
├── DamagedRowError             a stored row cannot be read; `details` name its table and id
├── FileReplacedError           the SQLite file, or its log, was deleted or replaced while it was open
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

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

ErrorCategory = Literal["USER", "SYSTEM", "THIRD_PARTY", "UNKNOWN"]


def error_id(operation: str, status: str) -> str:
    """Returns Mastra's id of an error, `MASTRA_STORAGE_CONVEX_<OPERATION>_<STATUS>` (docs/contract.md, "Error ids").

    An operation of another family than STORAGE is written with it, as `VECTOR/UPSERT`.
    """
    family, _, operation = operation.rpartition("/")
    parts = (re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", p)) for p in (operation, status))
    return "_".join(["MASTRA", family or "STORAGE", "CONVEX", *(part.strip("_").upper() for part in parts)])


class MastraConvexError(Exception):
    """Is the root of all errors of this package.

    Attributes:
        id: Mastra's error id (docs/contract.md, "Error ids").
        category: who can put it right.
        retryable: whether the same call may succeed later.
        details: facts for a log; never values of rows, never a key.

    Example:
        try:
            await store.memory.update_thread("nobody", title="A talk")
        except MastraConvexError as error:
            assert error.id == "MASTRA_STORAGE_CONVEX_UPDATE_THREAD_THREAD_NOT_FOUND" and not error.retryable
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
    """Says that a store, a table declaration or a domain is set up wrongly.

    Example:
        try:
            ConvexStore(id="agent", deployment_url="http://example.org", admin_auth_token="key")
        except ConfigurationError as error:
            assert "must be https" in error.message
    """

    status: str = "INVALID_CONFIGURATION"
    category: ErrorCategory = "USER"


class ValidationError(MastraConvexError, ValueError):
    """Refuses an argument before anything is sent or written. The message names the Python parameter.

    Example:
        try:
            await store.memory.list_threads(per_page=-1)
        except ValidationError as error:
            assert error.message.startswith("per_page must be >= 0")
    """

    status: str = "INVALID_INPUT"
    category: ErrorCategory = "USER"


class TooLargeError(ValidationError):
    """Refuses a value or a commit that exceeds one of Convex's limits.

    `details` has the path, the size and the limit.

    Example:
        try:
            await store.memory.save_thread(Thread(resource_id="user-1", metadata={"text": "x" * (1 << 21)}))
        except TooLargeError as error:
            assert error.details["limit"] == 1 << 20
    """

    status: str = "TOO_LARGE"


class LargeValueError(TooLargeError):
    """Says that a path or an edit leads into a value that is kept in chunks, where the database cannot see.

    The methods of domains never raise it: they read the value and make the change themselves.

    Example:
        assert issubclass(LargeValueError, TooLargeError)
    """

    status: str = "LARGE_VALUE"


class MetadataFilterError(ValidationError, TypeError):
    """Says that the metadata filter of a list of threads or messages is malformed. In Mastra this is a TypeError.

    Example:
        try:
            await store.memory.list_messages("t1", metadata={"gen_ai.system": "openai"})
        except TypeError as error:
            assert isinstance(error, MetadataFilterError)
    """


class NotFoundError(MastraConvexError, LookupError):
    """Says that the record that was named does not exist; the message contains `not found`.

    Example:
        try:
            await store.memory.update_thread("nobody", title="A talk")
        except NotFoundError as error:
            assert error.details == {"threadId": "nobody"}
    """

    status: str = "NOT_FOUND"
    category: ErrorCategory = "USER"


class ConflictError(MastraConvexError):
    """Says that the record exists already (`already exists`), or that others kept changing it.

    Example:
        await store.memory.save_thread(Thread(id="t1", resource_id="user-1"))
        try:
            await store.memory.clone_thread("t1", new_thread_id="t1")
        except ConflictError as error:
            assert "already exists" in error.message
    """

    status: str = "CONFLICT"
    category: ErrorCategory = "USER"


class DamagedRowError(MastraConvexError):
    """Says that a stored row cannot be read; `details` has its `table` and `id` (docs/reliability.md, "Damaged rows").

    Reads that do not meet the row work, and so do deletes by id, by range and of threads.

    Example:
        try:
            await store.memory.list_threads()
        except DamagedRowError as error:
            print(error.details["table"], error.details["id"])
    """

    status: str = "INVALID_RECORD"
    category: ErrorCategory = "SYSTEM"


class FileReplacedError(MastraConvexError):
    """Says that a SQLite file, or its log `-wal`, was deleted or replaced while it was open; nothing was written.

    What is written to such a file is lost. Close the store and open the file anew (docs/moving.md, "Backup").

    Example:
        try:
            await store.memory.save_thread({"resource_id": "user-1"})
        except FileReplacedError as error:
            print(error.details["path"])
    """

    status: str = "FILE_REPLACED"
    category: ErrorCategory = "SYSTEM"


def damaged_row(table: str, key: Sequence[Any], problem: str, **options: Any) -> DamagedRowError:
    """Makes the error for a row, by the values of its key; a key of several is shown as JSON text.

    `problem` says what is wrong, without values of the row. `options` are those of the constructor.
    """
    id = key[0] if len(key) == 1 and isinstance(key[0], str) else json.dumps([*key], ensure_ascii=False)
    message = f"the row {id!r} of {table} is damaged: {problem}"
    return DamagedRowError(message, details={"table": table, "id": id}, **options)


class DomainNotRegisteredError(MastraConvexError, AttributeError):
    """Says that the store has no domain of this name. It is an AttributeError too, so that `hasattr` works.

    Example:
        assert not hasattr(store, "nonsense")
    """

    status: str = "DOMAIN_NOT_REGISTERED"
    category: ErrorCategory = "USER"


class ClosedError(MastraConvexError):
    """Says that the store was closed, or belongs to another event loop.

    Example:
        await store.aclose()
        try:
            await store.memory.get_thread_by_id("t1")
        except ClosedError as error:
            assert error.message == "the store is closed"
    """

    status: str = "CLOSED"
    category: ErrorCategory = "USER"


class CompositeError(MastraConvexError):
    """Reports that several parts of a store failed, each for its own reason.

    Attributes:
        errors: what each part raised.

    Example:
        error = CompositeError("two failed", [ValueError("a"), ValueError("b")], operation="CLOSE")
        assert [str(each) for each in error.errors] == ["a", "b"]
    """

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
    """Says that no usable answer came from the deployment.

    Example:
        assert TransportError.retryable
    """

    status: str = "TRANSPORT"
    category: ErrorCategory = "THIRD_PARTY"
    retryable: bool = True


class ConnectionFailedError(TransportError, ConnectionError):
    """Says that the deployment could not be reached, or that the connection broke.

    Example:
        no_retries = RetryPolicy(attempts=1)
        async with ConvexStore(
            id="agent", deployment_url="http://127.0.0.1:9", admin_auth_token="key", retry=no_retries
        ) as nowhere:
            try:
                await nowhere.init()
            except ConnectionFailedError as error:
                assert isinstance(error, ConnectionError)
    """

    status: str = "CONNECTION_FAILED"


class RequestTimeoutError(TransportError, TimeoutError):
    """Says that the deadline of the call passed; it covers all retries.

    Example:
        assert issubclass(RequestTimeoutError, TimeoutError)
    """

    status: str = "TIMEOUT"


class ServerError(MastraConvexError):
    """Reports an error that the deployment answered with.

    Attributes:
        code: Convex's code or ours (docs/protocol.md, "Envelope").

    Example:
        error = ServerError("the deployment failed", code="InternalServerError")
        assert error.code == "InternalServerError"
    """

    status: str = "SERVER_ERROR"
    category: ErrorCategory = "THIRD_PARTY"

    def __init__(self, message: str, *, code: str | None = None, **options: Any) -> None:
        super().__init__(message, **options)
        self.code = code


class AuthenticationError(ServerError):
    """Says that the admin key is missing, wrong, or not allowed to call internal functions.

    Example:
        assert AuthenticationError("wrong key").category == "USER"
    """

    status: str = "AUTHENTICATION"
    category: ErrorCategory = "USER"


class RateLimitedError(ServerError):
    """Says that Convex refused the call because of too many calls or writes (429), until the deadline.

    Example:
        assert RateLimitedError("too many writes").retryable
    """

    status: str = "RATE_LIMITED"
    retryable: bool = True


class UnavailableError(ServerError):
    """Says that Convex was overloaded or starting up, or that its write conflicts did not settle.

    Example:
        assert UnavailableError("overloaded").retryable
    """

    status: str = "UNAVAILABLE"
    retryable: bool = True


class FunctionError(ServerError):
    """Says that a deployed function failed. Nothing was written.

    Attributes:
        data: what the function threw, if it said so.

    Example:
        error = FunctionError("the function failed", data={"code": "Rejected"})
        assert error.data == {"code": "Rejected"}
    """

    status: str = "FUNCTION_FAILED"

    def __init__(self, message: str, *, data: Any = None, **options: Any) -> None:
        super().__init__(message, **options)
        self.data = data


class SchemaMismatchError(ServerError):
    """Says that the deployment has other functions, tables or indexes than this package needs.

    Example:
        assert not SchemaMismatchError("the deployment lacks a table").retryable
    """

    status: str = "SCHEMA_MISMATCH"
    category: ErrorCategory = "USER"
