"""What each answer becomes, after how many attempts."""

from __future__ import annotations

import traceback
from dataclasses import replace

import pytest

from mastra_convex.errors import (
    AuthenticationError,
    ConnectionFailedError,
    FunctionError,
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
from mastra_convex.remote.answers import REDACTED
from mastra_convex.remote.transport import Transport
from tests.remote.conftest import KEY, MakeTransport
from tests.remote.programmable import (
    Answer,
    Cut,
    Lost,
    ProgrammableServer,
    Raw,
    Reaction,
    function_error,
    redacted,
    success,
    system_error,
)

PATH = "mastra/storage:handle"
HTML = {"Content-Type": "text/html"}

REJECTED_BEFORE_EXECUTION = (
    "ExpiredInQueue",
    "ExecuteFullError",
    "WorkerOverloaded",
    "IsolateNotClean",
    "InitialPermitTimeoutError",
    "UpstreamConnectError",
)
NOT_COMMITTED = (
    "OptimisticConcurrencyControlFailure",
    "CommitterFullError",
    "VectorIndexTooLarge",
    "TextIndexTooLarge",
)
STARTING_UP = ("VectorIndexesUnavailable", "SearchIndexesUnavailable", "TableSummariesUnavailable")


async def failing(transport: Transport) -> MastraConvexError:
    with pytest.raises(MastraConvexError) as caught:
        await transport.call("mutation", PATH, {})
    return caught.value


@pytest.mark.parametrize(
    ("reaction", "expected"),
    [
        (system_error(401, "BadAdminKey"), AuthenticationError),
        (system_error(400, "InvalidAdminKey"), AuthenticationError),
        (system_error(400, "InvalidHeaderFailure"), AuthenticationError),
        (system_error(401, "InvalidAuthHeader"), AuthenticationError),
        (system_error(403, "BadDeployKey"), AuthenticationError),
        (system_error(403, "OperationNotPermitted"), AuthenticationError),
        (Answer(b"<html>forbidden", 403, HTML), AuthenticationError),
        (system_error(404, "FunctionPathNotFound"), SchemaMismatchError),
        (system_error(404, "FunctionPathWrongType"), SchemaMismatchError),
        (system_error(400, "BadJsonBody"), ServerError),
        (Answer(b"", 404), TransportError),
        (Answer(b"", 301, {"Location": "https://elsewhere.example/api/mutation"}), TransportError),
        (function_error("Uncaught Error: no such thing"), FunctionError),
        (function_error("Could not find public function for 'mastra/storage:handle'."), SchemaMismatchError),
        (function_error("Trying to execute x as Mutation, but it is defined as Query."), SchemaMismatchError),
        (function_error("ArgumentValidationError: Object contains extra field `commit`"), SchemaMismatchError),
        (function_error("x", {"code": "ProtocolMismatch", "message": "m", "expected": "v2"}), SchemaMismatchError),
        (function_error("x", {"code": "UnknownTable", "message": "m", "table": "t"}), SchemaMismatchError),
        (function_error("x", {"code": "UnknownIndex", "message": "m", "index": "i"}), SchemaMismatchError),
        (function_error("x", {"code": "BadRequest", "message": "m"}), ValidationError),
        (function_error("x", {"code": "TooLarge", "message": "m", "limit": 8}), TooLargeError),
        (function_error("x", {"code": "Rejected", "message": "m"}), FunctionError),
        (Answer({"status": "error", "errorMessage": "x"}, 560), FunctionError),
        (function_error("Cannot run functions while this deployment is paused."), FunctionError),
        (system_error(400, "BackendIsNotRunning"), ServerError),
        (system_error(401, "NoAuthProvider"), AuthenticationError),
        (Answer(b"<html>too large", 413, HTML), TransportError),
    ],
)
async def test_final_answers_are_not_repeated(
    server: ProgrammableServer, transport: Transport, reaction: Reaction, expected: type[MastraConvexError]
) -> None:
    server.usual = reaction
    error = await failing(transport)
    assert type(error) is expected
    assert len(server.seen) == 1
    assert error.details["function"] == PATH
    assert error.details["attempts"] == 1
    assert not error.retryable


@pytest.mark.parametrize(
    ("reaction", "expected"),
    [
        (system_error(500, "InternalServerError"), ServerError),
        (system_error(503, "InternalServerError"), UnavailableError),
        (Answer(b"<html>bad gateway", 502, HTML), TransportError),
        (Answer(b"<html>unavailable", 503, HTML), UnavailableError),
        (Answer(b"<html>gateway timeout", 504, HTML), TransportError),
        (Answer(b"<html>web server is down", 521, HTML), TransportError),
        (Answer(b"misdirected", 421), TransportError),
        (Answer(b"too early", 425), TransportError),
        (Answer(b"", 408), RequestTimeoutError),
        (Answer(b"<html>please log in", 200, HTML), TransportError),
        (Answer(b'{"status":"success","val', 200), TransportError),
        (Answer(b"", 204), TransportError),
        (Answer({"status": "success"}), TransportError),
        (Answer([1]), TransportError),
        (Cut(), ConnectionFailedError),
        (Lost(), ConnectionFailedError),
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), TransportError),
        (Raw(b""), ConnectionFailedError),
    ],
)
async def test_undecided_failures_are_repeated_a_few_times(
    server: ProgrammableServer, transport: Transport, reaction: Reaction, expected: type[MastraConvexError]
) -> None:
    server.usual = reaction
    error = await failing(transport)
    assert type(error) is expected
    assert len(server.seen) == 5
    assert error.details["attempts"] == 5
    assert error.retryable

    server.queue(reaction, reaction, reaction, reaction, success({"a": 1}))
    assert await transport.call("mutation", PATH, {}) == {"a": 1}


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        *((code, 503, UnavailableError) for code in (*REJECTED_BEFORE_EXECUTION, *NOT_COMMITTED, *STARTING_UP)),
        ("TooManyWrites", 429, RateLimitedError),
        ("TooManyConcurrentRequests", 429, RateLimitedError),
    ],
)
async def test_certain_refusals_are_repeated_until_the_deadline(
    server: ProgrammableServer,
    make_transport: MakeTransport,
    code: str,
    status: int,
    expected: type[MastraConvexError],
) -> None:
    refusal = system_error(status, code)
    server.queue(*[refusal] * 30, success(3))
    assert await make_transport().call("mutation", PATH, {}) == 3  # far beyond the five attempts
    assert len(server.seen) == 31

    server.usual = replace(refusal, seconds=1)
    error = await failing(make_transport(timeout=30))
    assert type(error) is expected
    assert isinstance(error, ServerError)
    assert error.code == code
    assert error.details["status"] == status
    assert 5 < error.details["attempts"] <= 30
    assert error.retryable


async def test_a_status_of_560_is_read_like_200(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = Answer({"status": "success", "value": 17.0}, 560)
    assert await transport.call("query", PATH, {}) == 17.0


async def test_a_redirect_is_not_followed(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = Answer(b"", 307, {"Location": server.url + "/elsewhere"})
    assert "redirect" in str(await failing(transport))
    assert [seen.target for seen in server.seen] == ["/api/mutation"]


async def test_what_a_function_throws_is_kept(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error("x", {"code": "Rejected", "message": "no index", "index": "by_a"})
    error = await failing(transport)
    assert isinstance(error, FunctionError)
    assert error.code == "Rejected"
    assert error.data == {"code": "Rejected", "message": "no index", "index": "by_a"}
    assert error.details["index"] == "by_a"
    assert error.details["request_id"] == "1a2b"
    assert "no index" in str(error)


async def test_a_limit_that_was_exceeded_is_named(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error("x", {"code": "TooLarge", "message": "too many ranges", "limit": 4000})
    assert (await failing(transport)).details["limit"] == 4000


async def test_a_missing_function_is_named_with_the_cure(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error("Could not find public function for 'mastra/storage:handle'. Did you forget?")
    text = str(await failing(transport))
    assert PATH in text
    assert "mastra-convex init" in text
    assert "deploy" in text


async def test_another_protocol_is_named_with_the_cure(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error("x", {"code": "ProtocolMismatch", "message": "m", "expected": "mastra_convex/9"})
    text = str(await failing(transport))
    assert "mastra_convex/9" in text
    assert "mastra-convex init" in text


async def test_a_deployment_that_is_paused_says_so(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error("Cannot run functions while this deployment is paused. Resume it in the dashboard.")
    assert "while this deployment is paused. Resume it" in str(await failing(transport))


async def test_a_refusal_without_a_code_is_repeated_until_the_deadline(
    server: ProgrammableServer, transport: Transport
) -> None:
    server.queue(*[Answer(b"<html>slow down", 429, HTML)] * 30)
    server.usual = success(3)
    assert await transport.call("mutation", PATH, {}) == 3


async def test_a_failure_without_reason_is_marked(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = redacted()
    error = await failing(transport)
    assert isinstance(error, FunctionError)
    assert error.code == REDACTED


async def test_refused_documents_and_stacks_are_not_repeated(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = function_error(
        'Failed to insert or update a document in table "t" because it does not match the schema: Object contains '
        'extra field `x`.\n\nObject: {x: "private words"}\nValidator: v.object({})\n    at handler (../storage.ts:1:2)'
    )
    text = str(await failing(transport))
    assert "extra field `x`" in text
    assert "private words" not in text
    assert "storage.ts" not in text


@pytest.mark.parametrize(
    "reaction",
    [
        system_error(401, "BadAdminKey", f"no such key: {KEY}"),
        system_error(500, "InternalServerError", f"Authorization: Convex {KEY}"),
        Answer(f"<html>{KEY}".encode(), 502),
        Raw(f"HTTP/1.1 what {KEY}\r\n\r\n".encode()),
        Raw(b"garbage\r\n\r\n"),
        Lost(),
        function_error(f"Uncaught Error: {KEY}", {"code": "Rejected", "message": KEY}),
        function_error("x", {"code": "UnknownTable", "message": KEY, "table": KEY}),
    ],
)
async def test_the_key_is_in_no_error(
    server: ProgrammableServer,
    transport: Transport,
    reaction: Reaction,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.usual = reaction
    with caplog.at_level("DEBUG"):
        error = await failing(transport)
    told = [caplog.text, repr(transport), repr(transport.config), *map(repr, error.details.values())]
    told += traceback.format_exception(error)
    link: BaseException | None = error
    while link is not None:
        told += [str(link), repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    assert not [text for text in told if KEY in text]
