"""Reads HTTP answers: the value of a function, or a failure with the error it becomes. No I/O. Internal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mastra_convex.errors import (
    AuthenticationError,
    DamagedRowError,
    FunctionError,
    LargeValueError,
    MastraConvexError,
    RateLimitedError,
    RequestTimeoutError,
    SchemaMismatchError,
    ServerError,
    TooLargeError,
    TransportError,
    UnavailableError,
    ValidationError,
)
from mastra_convex.remote.retry import (
    AUTHENTICATION_CODES,
    NOT_COMMITTED_CODES,
    NOT_STARTED_CODES,
    OVERLOADED_CODES,
    Verdict,
    classify,
)
from mastra_convex.remote.schema_check import SCHEMA_MISMATCH, explained, remedy
from mastra_convex.remote.secret import Secret

NOT_FOUND: Final = "FunctionNotFound"
"""Our code for a function that is not deployed; Convex has none."""

REDACTED: Final = "Redacted"
"""Our code for a failure whose reason the deployment keeps to itself, as in production; the function may be missing."""

REJECTED: Final = "Rejected"
"""The code of what the database refused; an index may be missing."""

KEY_REMEDY: Final = "check that it is whole and of this deployment: dev and prod have keys of their own"

_FUNCTION_STATUSES: Final = (200, 560)
_MAX_TEXT = 500

_CONVEX_ERRORS: Final[Mapping[str, type[MastraConvexError]]] = {
    "ProtocolMismatch": SchemaMismatchError,
    SCHEMA_MISMATCH: SchemaMismatchError,
    "UnknownTable": SchemaMismatchError,
    "UnknownIndex": SchemaMismatchError,
    "BadRequest": ValidationError,
    "TooLarge": TooLargeError,
    "LargeValue": LargeValueError,
    "DamagedRow": DamagedRowError,
    REJECTED: FunctionError,
}
"""The codes of docs/protocol.md, thrown as ConvexError by our functions."""

_REQUEST_ID = re.compile(r"\[Request ID: ([^\]\s]{1,200})\]\s*")
# After these words Convex prints the document it refused, or the stack of the function.
_NOT_OURS_TO_TELL = re.compile(r"\s*(?:\b(?:Object|Value|Validator): |\n\s+at ).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: what to do about it, and which error it becomes if nothing more is done."""

    verdict: Verdict
    error_class: type[MastraConvexError]
    message: str
    code: str | None = None
    status: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data: Any = None
    cause: BaseException | None = None
    retryable: bool | None = None

    @property
    def kind(self) -> str:
        """The failure in one word, for telemetry: Convex's code, or the class of an error."""
        return self.code or (self.error_class if self.cause is None else type(self.cause)).__name__

    @property
    def reason(self) -> str:
        """The failure in one or two words, for a log."""
        named = self.code or (type(self.cause).__name__ if self.cause is not None else None)
        parts = (f"status {self.status}" if self.status is not None else None, named)
        return " ".join(part for part in parts if part) or "no answer"

    def error(self, function: str, attempts: int) -> MastraConvexError:
        facts = {"function": function, "status": self.status, "code": self.code, "attempts": attempts}
        details = {**self.details, **{name: fact for name, fact in facts.items() if fact is not None}}
        wrong, mark, to_do = self.message.partition("; ")
        message = self.message if attempts < 2 else f"{wrong} ({attempts} attempts){mark}{to_do}"
        options: dict[str, Any] = {"details": details, "retryable": self.retryable}
        if issubclass(self.error_class, FunctionError):
            return self.error_class(message, data=self.data, code=self.code, **options)
        if issubclass(self.error_class, ServerError):
            return self.error_class(message, code=self.code, **options)
        return self.error_class(message, **options)


@dataclass(frozen=True, slots=True)
class Success:
    value: Any


def read_answer(function: str, status: int, body: bytes, secret: Secret) -> Success | Failure:
    """Interprets an answer of a function endpoint; `secret` is masked in whatever a failure quotes."""
    if status in _FUNCTION_STATUSES:
        answer = _json_object(body)
        if answer is not None and answer.get("status") == "success" and "value" in answer:
            return Success(answer["value"])
    answer = _json_object(secret.masked_in(body))
    if status in _FUNCTION_STATUSES:
        if answer is not None and answer.get("status") == "error":
            return _function_failure(function, status, answer)
        return Failure(
            classify(status), TransportError, f"{function}: the answer is not one that Convex gives", status=status
        )
    return _system_failure(function, status, answer)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _function_failure(function: str, status: int, answer: dict[str, Any]) -> Failure:
    """`status: error`: the function said no, or could not be run. Nothing was written; a repeat would fail again."""
    text, details = _public_text(answer.get("errorMessage"))
    data = answer.get("errorData")
    error: dict[str, Any] = data if isinstance(data, dict) else {}
    code = error.get("code")
    if isinstance(code, str) and code in _CONVEX_ERRORS:
        message, _ = _public_text(error.get("message"))
        details.update({key: value for key, value in error.items() if key not in ("code", "message")})
        to_do = remedy(function, details)
        if code == "ProtocolMismatch":
            message = f"the deployed functions speak another protocol ({error.get('expected')!r}); {to_do}"
        elif code == SCHEMA_MISMATCH:
            message = explained(function, details)
        elif _CONVEX_ERRORS[code] is SchemaMismatchError:
            message = f"{message or code}; {to_do}"
        return Failure(
            Verdict.FATAL, _CONVEX_ERRORS[code], f"{function}: {message or code}", code, status, details, data
        )
    if "Could not find public function" in text or "Could not find function" in text:
        return _not_found(function, status, details)
    if "Trying to execute" in text:
        return _wrong_type(function, status, details)
    if text.startswith("ArgumentValidationError"):
        message = f"{function} does not take the arguments of this version; {remedy(function)}"
        return Failure(Verdict.FATAL, SchemaMismatchError, message, "ArgumentValidationError", status, details)
    code = code if isinstance(code, str) else None
    if not text and data is None:
        code, text = REDACTED, "the function failed or is missing; the deployment does not say why, but its logs do"
    message = f"{function}: {text or 'the function failed'}"
    return Failure(Verdict.FATAL, FunctionError, message, code, status, details, data)


def _system_failure(function: str, status: int, answer: dict[str, Any] | None) -> Failure:
    """An HTTP error: of Convex, with `{code, message}`, or of something in between."""
    code = answer.get("code") if answer is not None else None
    code = code if isinstance(code, str) else None
    text, details = _public_text(answer.get("message") if answer is not None and code else None)
    if code == "FunctionPathNotFound":
        return _not_found(function, status, details)
    if code == "FunctionPathWrongType":
        return _wrong_type(function, status, details)
    text = text or f"status {status}"
    error_class: type[MastraConvexError]
    retryable: bool | None = None
    if code in AUTHENTICATION_CODES or status in (401, 403):
        error_class, text = (
            AuthenticationError,
            f"the deployment refuses the admin key: {text.rstrip('.')}; {KEY_REMEDY}",
        )
    elif code in OVERLOADED_CODES or status == 429:
        error_class, text = RateLimitedError, f"too many calls or writes: {text}"
    elif status == 503 or code in NOT_STARTED_CODES or code in NOT_COMMITTED_CODES:
        error_class, text = UnavailableError, f"the deployment is overloaded or not ready: {text}"
    elif status == 408:
        error_class, text = RequestTimeoutError, "the server gave up waiting for the function"
    elif code is not None:
        error_class, retryable = ServerError, status >= 500
    elif status == 404:
        error_class, retryable = TransportError, False
        text = "nothing of Convex answers there (status 404); check deployment_url"
    elif 300 <= status < 400:
        error_class, retryable = TransportError, False
        text = f"redirected (status {status}), which is not followed; check deployment_url"
    else:
        error_class, text = TransportError, f"the answer is not one that Convex gives (status {status})"
        retryable = None if classify(status) is not Verdict.FATAL else False
    return Failure(
        classify(status, code), error_class, f"{function}: {text}", code, status, details, retryable=retryable
    )


def _not_found(function: str, status: int, details: Mapping[str, Any]) -> Failure:
    message = f"the function {function!r} is not deployed; {remedy(function)}, or set storage_function to where it is"
    return Failure(Verdict.FATAL, SchemaMismatchError, message, NOT_FOUND, status, details)


def _wrong_type(function: str, status: int, details: Mapping[str, Any]) -> Failure:
    message = f"the function {function!r} that is deployed is of another kind than ours; {remedy(function)}"
    return Failure(Verdict.FATAL, SchemaMismatchError, message, "FunctionWrongType", status, details)


def _public_text(text: Any) -> tuple[str, dict[str, Any]]:
    """A server's message without request id (which goes to the details), refused documents and stacks."""
    if not isinstance(text, str):
        return "", {}
    details: dict[str, Any] = {}
    match = _REQUEST_ID.search(text)
    if match:
        details["request_id"] = match[1]
        text = text[: match.start()] + text[match.end() :]
    text = text.removeprefix("Server Error").removeprefix("\n").removeprefix("Uncaught Error: ").strip()
    text = _NOT_OURS_TO_TELL.sub("", text)
    return " ".join(text[:_MAX_TEXT].split()), details
