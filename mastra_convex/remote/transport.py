"""Calls of Convex functions over HTTP: authentication, deadline, retries, limit of calls in flight, errors."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import aiohttp
import orjson

from mastra_convex.errors import (
    ClosedError,
    ConnectionFailedError,
    RequestTimeoutError,
    TooLargeError,
    TransportError,
    ValidationError,
)
from mastra_convex.remote.answers import NOT_FOUND, REDACTED, REJECTED, Failure, Success, read_answer
from mastra_convex.remote.config import RemoteConfig
from mastra_convex.remote.retry import Verdict, classify
from mastra_convex.remote.secret import MaskedText
from mastra_convex.remote.sessions import Pool, Sessions
from mastra_convex.telemetry import Attempt
from mastra_convex.version import VERSION

__all__ = [
    "MAX_BODY_BYTES",
    "NOT_FOUND",
    "REDACTED",
    "REJECTED",
    "FunctionKind",
    "Transport",
    "no_answer",
    "without_frames",
]

FunctionKind = Literal["query", "mutation", "action"]

MAX_BODY_BYTES: Final = (16 << 20) + 2000
"""Most bytes of the body of a call (docs/protocol.md, "Limits of Convex")."""

_RAW_BYTES = 1 << 20  # aiohttp warns of larger bodies that are not a stream
_REFUSALS: Final = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.EHOSTUNREACH: "the machine cannot be reached",
    errno.ENETUNREACH: "the network cannot be reached",
}
_log = logging.getLogger("mastra_convex.http")


class Transport:
    """Calls functions of one deployment with an admin key.

    One session is made, lazily, for each event loop that calls, and closed with the transport or with its loop. A
    session that is passed in is used instead, in its own loop only, and never closed.
    """

    def __init__(self, config: RemoteConfig, session: aiohttp.ClientSession | None = None) -> None:
        self.config = config
        self._sessions = Sessions(config, session)
        self._headers = {
            "Authorization": MaskedText(f"Convex {config.admin_auth_token.reveal()}"),
            "Content-Type": "application/json",
            "Convex-Client": client_name(),
        }
        self._timeouts = {kind: _timeout(config, kind) for kind in get_args(FunctionKind)}

    async def call(
        self,
        kind: FunctionKind,
        path: str,
        args: dict[str, Any],
        *,
        default: Callable[[Any], Any] | None = None,
        limited: bool = True,
    ) -> Any:
        """The value that the function returns.

        `default` turns objects that are not JSON into such, as for orjson. Unless `limited`, the call needs no slot
        among those in flight. The deadline (`config.timeout`) covers the wait for a slot and all retries; a silent
        connection is given up after half of it, so that there is time for a second one; not so that of an action, which
        may take long to answer. Raises the errors of
        `mastra_convex.errors`; cancelling releases connection and slot.
        """
        body = _encode(path, args, default)
        pool = await self._sessions.pool()
        call = _Call(self.config, pool, self._timeouts[kind], self._headers, kind, path, body)
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        deadline = asyncio.timeout(self.config.timeout)
        try:
            async with deadline:
                with pool.tracking(deadline):
                    outcome = await call.settle(limited)
        except (TimeoutError, asyncio.CancelledError) as error:
            # A task that was cancelled before, and is cleaning up, gets its CancelledError back from an expired scope.
            if not deadline.expired() or (task is not None and task.cancelling() > cancelled):
                raise
            outcome = call.cut_short(error)
        if isinstance(outcome, Success):
            return outcome.value
        raise outcome.error(path, call.attempts) from without_frames(outcome.cause)

    async def pool(self) -> Pool:
        """Returns the session of the running event loop. Raises ClosedError after closing."""
        return await self._sessions.pool()

    async def aclose(self) -> None:
        """Ends calls in flight with ClosedError and closes the sessions made here. Safe to repeat."""
        await self._sessions.aclose()

    def __repr__(self) -> str:
        return f"<Transport to {self.config.deployment_url}>"


@dataclass(slots=True)
class _Call:
    """One call in progress: its body, encoded once, and what happened so far."""

    config: RemoteConfig
    pool: Pool
    timeout: aiohttp.ClientTimeout
    headers: dict[str, str] = field(repr=False)
    kind: FunctionKind
    path: str
    body: bytes
    attempts: int = 0
    undecided: int = 0
    last: Failure | None = None

    async def settle(self, limited: bool) -> Success | Failure:
        """Repeats the attempt until it succeeds or the retry policy gives up. Runs inside the deadline's scope."""
        deadline = self.pool.loop.time() + self.config.timeout
        while True:
            if limited:
                async with self.pool.slots:
                    outcome = await self._attempt()
            else:
                outcome = await self._attempt()
            if isinstance(outcome, Success):
                return outcome
            self.last = outcome
            self.undecided += outcome.verdict is Verdict.AMBIGUOUS
            if not self.config.retry.goes_on(outcome.verdict, self.undecided):
                return outcome
            delay = self.config.retry.delay(self.attempts)
            if self.pool.loop.time() + delay >= deadline:
                return outcome
            _log.warning(
                "%s: attempt %d failed (%s), again in %.0f ms", self.path, self.attempts, outcome.reason, delay * 1000
            )
            await asyncio.sleep(delay)

    def cut_short(self, error: BaseException) -> Failure:
        """Returns the failure to report when the deadline passed or the transport was closed."""
        last = self.last
        if self.pool.closed:
            message = f"{self.path}: the store was closed during the call"
            return Failure(Verdict.FATAL, ClosedError, message, cause=error)
        if last is not None and last.verdict is Verdict.RETRY:
            return last
        message = f"{self.path}: no answer within {self.config.timeout:g} s"
        if last is None:
            return Failure(Verdict.FATAL, RequestTimeoutError, message, cause=error)
        return Failure(
            Verdict.FATAL,
            RequestTimeoutError,
            f"{message}, and before that: {last.reason}",
            last.code,
            last.status,
            cause=last.cause or error,
        )

    async def _attempt(self) -> Success | Failure:
        self.attempts += 1
        if self.pool.session.closed:
            return Failure(Verdict.FATAL, ClosedError, "the aiohttp session is closed")
        after = None if self.last is None else self.last.kind
        with Attempt(self.config.deployment_url, f"/api/{self.kind}", self.attempts, after) as attempt:
            outcome, status = await self._post()
            attempt.answered(status, outcome.kind if isinstance(outcome, Failure) else None)
        return outcome

    async def _post(self) -> tuple[Success | Failure, int | None]:
        started = time.perf_counter()
        size = 0
        outcome: Success | Failure
        try:
            async with self.pool.session.post(
                f"{self.config.deployment_url}/api/{self.kind}",
                data=io.BytesIO(self.body) if len(self.body) > _RAW_BYTES else self.body,
                headers=self.headers,
                timeout=self.timeout,
                allow_redirects=False,
                raise_for_status=False,
            ) as response:
                answer = await response.read()
                size = len(answer)
                outcome = read_answer(self.path, response.status, answer, self.config.admin_auth_token)
                status: int | None = response.status
        except (aiohttp.ClientError, OSError) as error:
            outcome, status = no_answer(error, self.path, self.config, self.timeout.sock_read or 0.0), None
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s: %s, attempt %d, %.1f ms, %d bytes sent, %d received",
                self.path,
                outcome.reason if isinstance(outcome, Failure) else f"status {status}",
                self.attempts,
                (time.perf_counter() - started) * 1000,
                len(self.body),
                size,
            )
        return outcome, status


def no_answer(error: Exception, path: str, config: RemoteConfig, silence: float) -> Failure:
    """Returns the failure of a request to which no whole answer came; `silence` is how many seconds one may take."""
    verdict = classify(None)
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError):
        # Its repr shows the headers of the request, with the key: it must not be in the chain of our error. Nor
        # must its cause, if that quotes an answer that echoes the key.
        cause = None if config.admin_auth_token.occurs_in(repr(error.__cause__)) else error.__cause__
        name = type(error.__cause__).__name__
        return Failure(verdict, TransportError, f"{path}: the answer is not HTTP ({name})", cause=cause)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        message = f"{path}: the certificate of {config.deployment_url} is not valid"
        return Failure(Verdict.FATAL, ConnectionFailedError, message, cause=error, retryable=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        message = f"{path}: the host of {config.deployment_url} is unknown; check deployment_url"
        return Failure(verdict, ConnectionFailedError, message, cause=error)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        message = f"{path}: {config.deployment_url} does not speak https; try http, or another port"
        return Failure(verdict, ConnectionFailedError, message, cause=error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        message = f"{path}: no connection within {config.connect_timeout:g} s"
        return Failure(verdict, ConnectionFailedError, message, cause=error)
    if isinstance(error, TimeoutError):
        message = f"{path}: no answer within {silence:g} s"
        return Failure(verdict, RequestTimeoutError, message, cause=error)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = _REFUSALS.get(error.errno or 0, error.strerror or name)
        message = f"{path}: cannot connect to {config.deployment_url}: {reason}; check deployment_url"
        return Failure(verdict, ConnectionFailedError, message, cause=error)
    message = f"{path}: the connection broke before a whole answer came ({name})"
    return Failure(verdict, ConnectionFailedError, message, cause=error)


def without_frames(error: BaseException | None) -> BaseException | None:
    """The error, and what it came from, without tracebacks: the frames of aiohttp hold what was sent, with the key."""
    links = [] if error is None else [error]
    for link in links:  # which grows meanwhile
        link.__traceback__ = None
        links += [other for other in (link.__cause__, link.__context__) if other is not None and other not in links]
    return error


def _timeout(config: RemoteConfig, kind: FunctionKind) -> aiohttp.ClientTimeout:
    silence = config.timeout if kind == "action" else config.timeout / 2
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=config.connect_timeout, sock_read=silence)


def _encode(path: str, args: dict[str, Any], default: Callable[[Any], Any] | None) -> bytes:
    try:
        body = orjson.dumps(
            {"path": path, "format": "json", "args": args},
            default=default,
            option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS,
        )
    except orjson.JSONEncodeError as error:
        raise ValidationError(f"{path}: the arguments are not JSON: {error}", details={"function": path}) from error
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(
            f"{path}: the call takes {len(body)} bytes; Convex takes at most {MAX_BODY_BYTES} (16 MiB)",
            details={"function": path, "size": len(body), "limit": MAX_BODY_BYTES},
        )
    return body


def client_name() -> str:
    """`name-version` for the header Convex-Client: one dash, three numbers, and a name without version rules."""
    match = re.match(r"\d+\.\d+\.\d+", VERSION)
    return f"mastraconvex-{match[0] if match else '0.0.0'}"
