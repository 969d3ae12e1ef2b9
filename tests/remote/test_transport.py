"""The transport against a real server: what it sends, deadline, limit, cancellation, closing."""

from __future__ import annotations

import asyncio
import datetime
import logging
import re
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.errors import (
    ClosedError,
    ConnectionFailedError,
    RequestTimeoutError,
    TooLargeError,
    UnavailableError,
    ValidationError,
)
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.transport import MAX_BODY_BYTES, Transport, client_name
from tests.remote.conftest import KEY, MakeTransport, config_for
from tests.remote.programmable import (
    Answer,
    Held,
    Lost,
    ProgrammableServer,
    Raw,
    Silent,
    programmable_server,
    success,
    system_error,
)

READ, HANDLE = "mastra/storage:read", "mastra/storage:handle"


async def test_a_call_as_it_arrives(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = success({"rows": [1.0, None, "é"]})
    assert await transport.call("query", READ, {"protocol": "p", "ops": []}) == {"rows": [1.0, None, "é"]}
    (seen,) = server.seen
    assert seen.target == "/api/query"
    assert seen.json == {"path": READ, "format": "json", "args": {"protocol": "p", "ops": []}}
    assert seen.headers["Authorization"] == f"Convex {KEY}"
    assert seen.headers["Content-Type"] == "application/json"
    assert "Cookie" not in seen.headers


def test_the_client_name_is_one_that_convex_takes() -> None:
    assert re.fullmatch(r"[a-z]+-\d+\.\d+\.\d+", client_name())
    assert client_name().split("-")[0] not in ("npm", "python", "rust")


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_each_kind_has_its_endpoint(server: ProgrammableServer, transport: Transport, kind: Any) -> None:
    await transport.call(kind, HANDLE, {})
    assert server.seen[0].target == f"/api/{kind}"


async def test_connections_are_kept_and_cookies_are_not(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = Answer({"status": "success", "value": None}, headers={"Set-Cookie": "a=b; Path=/"})
    for _ in range(5):
        await transport.call("query", READ, {})
    assert len(server.connections) == 1
    assert not any("Cookie" in seen.headers for seen in server.seen)


async def test_a_proxy_of_the_environment_is_not_used(
    server: ProgrammableServer, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await transport.call("query", READ, {}) is None


async def test_repeats_send_the_same_bytes(server: ProgrammableServer, transport: Transport) -> None:
    server.queue(Lost(), system_error(503, "OptimisticConcurrencyControlFailure"), Lost())
    await transport.call("mutation", HANDLE, {"commit": {"id": "one"}})
    assert len({seen.body for seen in server.seen}) == 1
    assert len(server.seen) == 4


async def test_a_large_body_arrives_whole_and_is_repeated_whole(
    server: ProgrammableServer, transport: Transport
) -> None:
    server.queue(Lost())
    await transport.call("mutation", HANDLE, {"text": "x" * (12 << 20)})
    assert [len(seen.json["args"]["text"]) for seen in server.seen] == [12 << 20] * 2


async def test_a_body_beyond_the_limit_of_convex_is_not_sent(server: ProgrammableServer, transport: Transport) -> None:
    frame = len('{"path":"mastra/storage:handle","format":"json","args":{"text":""}}')
    await transport.call("mutation", HANDLE, {"text": "x" * (MAX_BODY_BYTES - frame)})
    assert len(server.seen) == 1
    with pytest.raises(TooLargeError) as caught:
        await transport.call("mutation", HANDLE, {"text": "x" * (MAX_BODY_BYTES - frame + 1)})
    assert caught.value.details["limit"] == MAX_BODY_BYTES
    assert caught.value.details["size"] == MAX_BODY_BYTES + 1
    assert len(server.seen) == 1


@pytest.mark.parametrize("value", ["\ud800", {1: 2}, object(), 1 << 70, datetime.datetime.now(datetime.UTC)])
async def test_what_is_not_json_is_refused(server: ProgrammableServer, transport: Transport, value: Any) -> None:
    with pytest.raises(ValidationError, match="not JSON"):
        await transport.call("mutation", HANDLE, {"value": value})
    assert not server.seen


async def test_a_silent_server_ends_at_the_deadline(server: ProgrammableServer, make_transport: MakeTransport) -> None:
    server.usual = Silent()
    with pytest.raises(RequestTimeoutError, match=r"within 31\.5 s") as caught:
        await make_transport(timeout=31.5).call("query", READ, {})
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.details["attempts"] == len(server.seen) == 2


async def test_a_silent_connection_is_given_up_for_a_second_one(
    server: ProgrammableServer, transport: Transport
) -> None:
    server.queue(Silent())
    server.usual = success("second")
    assert await transport.call("mutation", HANDLE, {}) == "second"


async def test_an_action_may_be_silent_until_the_deadline(server: ProgrammableServer, transport: Transport) -> None:
    server.usual = Silent()
    with pytest.raises(RequestTimeoutError):
        await transport.call("action", "mastra/storage:search", {})
    assert len(server.seen) == 1


async def test_the_deadline_covers_the_wait_for_a_slot(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    server.usual = Silent()
    transport = make_transport(max_in_flight=1)
    results = await asyncio.gather(
        *(transport.call("action", "mastra/storage:search", {}) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [RequestTimeoutError] * 3
    assert len(server.seen) == 1


async def test_retries_stop_where_the_next_wait_would_pass_the_deadline(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    server.usual = system_error(503, "WorkerOverloaded")
    patient = RetryPolicy(base=1e6, cap=1e6)
    with pytest.raises(UnavailableError):
        await make_transport(retry=patient).call("query", READ, {})
    assert len(server.seen) == 1


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        transport = Transport(config_for(f"http://127.0.0.1:{unused.getsockname()[1]}"))
        with pytest.raises(ConnectionFailedError) as caught:
            await transport.call("query", READ, {})
        await transport.aclose()
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert caught.value.details["attempts"] == 5


async def test_a_name_that_does_not_resolve() -> None:
    transport = Transport(config_for("https://no-such-name.invalid"))
    with pytest.raises(ConnectionFailedError, match=r"no-such-name\.invalid"):
        await transport.call("query", READ, {})
    await transport.aclose()


async def test_calls_in_flight_are_limited(server: ProgrammableServer, make_transport: MakeTransport) -> None:
    held = Held(success())
    server.usual = held
    transport = make_transport(max_in_flight=3)
    calls = [asyncio.create_task(transport.call("query", READ, {})) for _ in range(10)]
    await server.arrived(3)
    held.release.set()
    await asyncio.gather(*calls)
    assert server.most_in_flight == 3
    assert len(server.seen) == 10


async def test_a_call_without_limit_passes_a_full_queue(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    held = Held(success())
    server.queue(held)
    transport = make_transport(max_in_flight=1)
    first = asyncio.create_task(transport.call("query", READ, {}))
    await server.arrived(1)
    assert await transport.call("mutation", HANDLE, {}, limited=False) is None
    held.release.set()
    await first


@settings(max_examples=40)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=4))
async def test_cancelling_anywhere_leaks_no_slot(rounds: list[int]) -> None:
    """A call is cancelled after any number of rounds of the loop; the only slot must be free afterwards."""
    async with programmable_server() as server:
        server.queue(*[Lost()] * len(rounds))
        transport = Transport(config_for(server.url, max_in_flight=1))
        for count in rounds:
            call = asyncio.create_task(transport.call("mutation", HANDLE, {}))
            for _ in range(count):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        assert await transport.call("query", READ, {}) is None
        await server.idle()
        await transport.aclose()


async def test_cancelling_in_flight_closes_the_connection_and_frees_the_slot(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    transport = make_transport(max_in_flight=1)
    for count in range(1, 4):
        held = Held(success())
        server.queue(held)
        call = asyncio.create_task(transport.call("query", READ, {}))
        await server.arrived(count)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        held.release.set()
    assert await transport.call("query", READ, {}) is None
    assert len(server.connections) == 4


async def test_a_deadline_passes_inside_a_task_that_was_cancelled_before(
    server: ProgrammableServer, transport: Transport
) -> None:
    """Saving in a `finally` after a cancellation gets our error, not another CancelledError."""
    server.usual = Silent()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(RequestTimeoutError):
                await transport.call("mutation", HANDLE, {})

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_ends_calls_in_flight_waiting_and_later(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    held = Held(success())
    server.usual = held
    transport = make_transport(max_in_flight=1)
    calls = [asyncio.create_task(transport.call("query", READ, {})) for _ in range(3)]
    await server.arrived(1)
    await asyncio.gather(transport.aclose(), transport.aclose())
    for call in calls:
        assert call.done()
        assert isinstance(call.exception(), ClosedError)
    with pytest.raises(ClosedError):
        await transport.call("query", READ, {})
    await transport.aclose()
    held.release.set()


async def test_closing_a_transport_that_never_called(make_transport: MakeTransport) -> None:
    transport = make_transport()
    await transport.aclose()
    with pytest.raises(ClosedError):
        await transport.call("query", READ, {})


async def test_a_session_that_is_passed_in_stays_open(
    server: ProgrammableServer, make_transport: MakeTransport
) -> None:
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        transport = make_transport(session)
        server.queue(system_error(503, "WorkerOverloaded"), Answer(b"", 307, {"Location": "/elsewhere"}))
        with pytest.raises(Exception, match="redirect"):
            await transport.call("query", READ, {})
        await transport.aclose()
        assert not session.closed
        with pytest.raises(ClosedError):
            await transport.call("query", READ, {})


async def test_a_session_that_was_closed_meanwhile(server: ProgrammableServer, make_transport: MakeTransport) -> None:
    session = aiohttp.ClientSession()
    transport = make_transport(session)
    await transport.call("query", READ, {})
    await session.close()
    with pytest.raises(ClosedError, match="session"):
        await transport.call("query", READ, {})


async def test_logs_tell_calls_and_retries_but_no_payload(
    server: ProgrammableServer, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    server.queue(Lost(), Raw(b"nonsense\r\n\r\n"), system_error(503, "WorkerOverloaded", "words of the server"))
    server.usual = success("words of the answer")
    with caplog.at_level(logging.DEBUG, "mastra_convex.http"):
        await transport.call("mutation", HANDLE, {"text": "words of the call"})
    levels = [record.levelname for record in caplog.records if record.name == "mastra_convex.http"]
    assert levels == ["DEBUG", "WARNING"] * 3 + ["DEBUG"]
    assert HANDLE in caplog.text
    assert "status 503 WorkerOverloaded" in caplog.text
    assert "words of" not in caplog.text
    assert KEY not in caplog.text


async def test_a_certificate_that_is_not_trusted_is_refused_at_once() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    transport = Transport(config_for(f"https://127.0.0.1:{runner.addresses[0][1]}"))
    with pytest.raises(ConnectionFailedError, match="certificate") as caught:
        await transport.call("query", READ, {})
    assert caught.value.details["attempts"] == 1
    assert not caught.value.retryable
    await transport.aclose()
    await runner.cleanup()
