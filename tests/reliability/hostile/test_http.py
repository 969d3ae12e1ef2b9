"""The local server against whatever may arrive on its port: it answers or hangs up, tells nothing, and goes on."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from tests.backends import KEY, ConvexHost, all_tables
from tests.cli.test_dev import running
from tests.clock import pass_second
from tests.effort import effort
from tests.reliability.hostile.outcomes import plain
from tests.reliability.hostile.raw_http import (
    CHUNK,
    READ,
    body_of,
    chunked,
    last,
    raw,
    request,
    statuses,
)
from tests.reliability.hostile.strategies import HOSTILE_NUMBERS, JSON, is_json
from tests.reliability.hostile.test_arguments import inside, replaced
from tests.summary import Figure


@pytest.fixture
async def server(caplog: pytest.LogCaptureFixture) -> AsyncIterator[LocalServer]:
    """A server that still works at the end, and has logged no failure."""
    engine = LocalEngine(":memory:", all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        yield server
        assert b'"status":"success"' in await raw(server.url, last(READ))
    await engine.aclose()
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


NOT_HTTP = {
    "nothing": b"",
    "line ends": b"\r\n" * 1_000,
    "binary": bytes(range(256)) * 40,
    "NUL": b"\0" * 100_000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /version\r\n",
    "another version": b"GET /version HTTP/9.9\r\nHost: x\r\n\r\n",
    "no method": b" /version HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method of control characters": b"\x01\x02 /version HTTP/1.1\r\nHost: x\r\n\r\n",
    "an endless request line": b"GET /" + b"a" * 1_000_000,
    "an endless header": b"GET /version HTTP/1.1\r\nX: " + b"a" * 1_000_000,
    "endless headers": b"GET /version HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
    "a header without colon": b"GET /version HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "a header with a space in its name": b"GET /version HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET /version HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL in a header": b"GET /version HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "a bare CR in a header": b"GET /version HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
async def test_what_is_no_http_is_no_success(server: LocalServer, name: str) -> None:
    assert all(400 <= status < 500 for status in statuses(await raw(server.url, NOT_HTTP[name])))


BAD_LENGTHS = {
    "a negative length": request(READ, "Content-Length: -1", length=False),
    "a length that is no number": request(READ, "Content-Length: 1e3", length=False),
    "a length beyond all memory": request(READ, f"Content-Length: {10**30}", length=False),
    "a length that is signed": request(READ, f"Content-Length: +{len(READ)}", length=False),
    "two lengths": request(READ, "Content-Length: 5"),
    "a length too many": request(READ, f"Content-Length: {len(READ) + 1}", length=False),
    "a length and chunks": request(CHUNK + b"0\r\n\r\n", "Transfer-Encoding: chunked"),
    "an unknown encoding": request(READ, "Transfer-Encoding: rot13"),
    "chunks twice": request(CHUNK + b"0\r\n\r\n", "Transfer-Encoding: chunked, chunked", length=False),
    "a size that is no number": chunked(b"zz\r\n", READ, b"\r\n0\r\n\r\n"),
    "a negative size": chunked(b"-5\r\n", READ, b"\r\n0\r\n\r\n"),
    "a size beyond 64 bits": chunked(b"f" * 17 + b"\r\n", READ),
    "an endless size": chunked(b"0" * 1_000_000),
    "an endless extension": chunked(b"5;" + b"a" * 1_000_000),
    "a chunk longer than it says": chunked(b"5\r\n", READ, b"\r\n0\r\n\r\n"),
    "chunks without an end": chunked(CHUNK),
    "half a chunk": chunked(CHUNK[:-10]),
    "no body": request(b"", "Content-Length: 100", length=False),
}


@pytest.mark.parametrize("name", BAD_LENGTHS)
async def test_bodies_of_a_wrong_length_are_no_calls(server: LocalServer, name: str) -> None:
    received = await raw(server.url, BAD_LENGTHS[name])
    assert all(400 <= status < 500 for status in statuses(received))


async def test_chunks_are_a_call(server: LocalServer) -> None:
    halves = (READ[:7], READ[7:])
    body = b"".join(f"{len(half):X};a=b\r\n".encode() + half + b"\r\n" for half in halves) + b"0\r\n\r\n"
    received = await raw(server.url, last(body, "Transfer-Encoding: chunked", length=False))
    assert b'"status":"success"' in received


@pytest.mark.parametrize(
    "path",
    [
        "/api/query/",
        "//api/query",
        "/api//query",
        "/API/query",
        "/api/query%00",
        "/api/query/../../etc/passwd",
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/mutation/../query%2f",
        "/version/..;/api",
        "/" + "a/" * 2_000,
        "/\xff\xfe",
        "*",
        "api/query",
    ],
)
async def test_paths_lead_nowhere(server: LocalServer, path: str) -> None:
    received = await raw(server.url, last(READ, path=path))
    assert all(400 <= status < 500 for status in statuses(received))
    assert b"root:" not in received


@pytest.mark.parametrize("path", ["/api/query?a=b", "/api/%71uery", "/api/./query", "http://else.where/api/query"])
async def test_paths_that_are_spelt_another_way(server: LocalServer, path: str) -> None:
    assert statuses(await raw(server.url, last(READ, path=path))) in ([200], [404], [400])


@pytest.mark.parametrize(
    "headers",
    [
        ["Authorization: Convex wrong", f"Authorization: Convex {KEY}"],
        ["Authorization: Convex"],
        ["Authorization: Convex wrong\x85key"],
        ["X-Forwarded-For: 127.0.0.1", "X-Original-URL: /api/mutation", "X-HTTP-Method-Override: DELETE"],
        ["Cookie: " + "a=b; " * 500],
    ],
    ids=str,
)
async def test_headers_open_no_door(server: LocalServer, headers: list[str]) -> None:
    received = await raw(server.url, last(READ, *headers, key=None))
    assert b'"status":"success"' not in received
    assert b"result" not in received


async def test_an_upgrade_and_an_expectation_change_nothing(server: LocalServer) -> None:
    upgrade = await raw(server.url, request(READ, "Connection: Upgrade", "Upgrade: websocket"))
    assert 101 not in statuses(upgrade)
    expecting = await raw(server.url, last(READ, "Expect: 100-continue"))
    assert statuses(expecting) == [100, 200]
    assert 200 not in statuses(await raw(server.url, last(READ, "Expect: the-unexpected")))


async def test_requests_in_one_go_are_answered_in_order(server: LocalServer) -> None:
    bodies = [body_of(f"nothing{n}") for n in range(50)]
    received = await raw(server.url, b"".join(map(request, bodies[:-1])) + last(bodies[-1]))
    assert statuses(received) == [200] * 50
    assert re.findall(rb"mastra/storage:nothing(\d+)", received) == [str(n).encode() for n in range(50)]


async def test_a_bad_request_ends_those_in_one_go(server: LocalServer) -> None:
    bad = request(READ, "Content-Length: 1, 2", length=False)
    received = await raw(server.url, request(READ) + bad + last(READ))
    assert statuses(received) in ([200, 400], [400])


async def test_a_body_that_hides_a_request_is_a_body(server: LocalServer) -> None:
    hidden = request(body_of("read", ops=[{"op": "describe", "table": "mastra_threads"}]))
    received = await raw(server.url, last(hidden))
    assert statuses(received) == [400]


@given(cut=st.integers(0, len(request(READ)) - 1))
@settings(max_examples=effort(50, 400))
async def test_a_request_that_ends_early_is_no_call(server: LocalServer, cut: int) -> None:
    received = await raw(server.url, request(READ)[:cut])
    assert all(400 <= status < 500 for status in statuses(received))


@given(st.lists(st.tuples(st.integers(0, len(request(READ))), st.integers(0, 3), st.binary(max_size=4)), min_size=1))
@settings(max_examples=effort(150, 20_000))
async def test_requests_with_bytes_changed(server: LocalServer, changes: list[tuple[int, int, bytes]]) -> None:
    sent = request(READ)
    for at, dropped, put in changes:
        sent = sent[:at] + put + sent[at + dropped :]
    assert 500 not in statuses(await raw(server.url, sent))


WHERE = [{"path": ["metadata", "a"], "operator": "match", "value": '{"a": {"$in": [1]}}'}]
RANGE = {
    "table": "mastra_threads",
    "index": "by_resource_created",
    "prefix": ["u"],
    "lower": {"value": "2020", "inclusive": False},
    "where": WHERE,
}
ROW = {"id": "t", "resourceId": "u", "title": "", "metadata": {"a": 1}, "createdAt": "2020", "updatedAt": "2020"}
EDIT = {"path": ["metadata", "a"], "reducer": "set", "value": "[1]"}
CHANGE = {"set": {"title": "x"}, "unset": ["metadata"], "edits": [EDIT]}
THREADS = {"table": "mastra_threads"}
ARGUMENTS: dict[str, Any] = {
    "query read": {
        "ops": [
            {"op": "get", **THREADS, "keys": [["t"]], "paths": [["metadata", "a"]], "fingerprints": True},
            {
                "op": "scan",
                **THREADS,
                "index": "by_resource_created",
                "prefixes": [["u"], ["v"]],
                "lower": {"value": "2020"},
                "where": WHERE,
                "order": "desc",
                "offset": 1,
                "limit": 2,
                "total": True,
                "cursor": None,
                "paths": [["id"]],
            },
            {
                "op": "neighbours",
                **THREADS,
                "key": ["t"],
                "index": "by_resource_created",
                "before": 1,
                "after": 1,
                "where": WHERE,
            },
            {"op": "describe", **THREADS},
        ]
    },
    "mutation handle": {
        "commit": {
            "id": "c",
            "mode": "resumable",
            "guards": [
                {"guard": "missing", **THREADS, "key": ["x"]},
                {"guard": "empty", "range": {**RANGE, "prefix": ["x"]}},
            ],
            "ops": [
                {"op": "put", **THREADS, "rows": [ROW]},
                {"op": "patch", **THREADS, "keys": [["t"]], "change": CHANGE},
                {"op": "patchRange", "range": RANGE, "change": CHANGE},
                {"op": "delete", **THREADS, "keys": [["x"]]},
                {"op": "deleteRange", "range": RANGE},
            ],
            "returning": [{"op": "get", **THREADS, "keys": [["t"]]}],
            "resume": None,
        }
    },
    "action search": {
        "search": {
            "range": {"table": "mastra_vectors", "index": "by_index", "prefix": ["i"], "where": WHERE},
            "field": "embedding",
            "vector": [1, 0],
            "metric": "cosine",
            "limit": 3,
            "min_score": 0.5,
            "include_vector": True,
            "guards": [{"guard": "exists", **THREADS, "key": ["t"]}],
        }
    },
}
CODES = {"BadRequest", "UnknownTable", "UnknownIndex", "TooLarge", "Rejected", "ProtocolMismatch"}
# JavaScript loses members of that name, which is why our client never sends one.
WIRE = (JSON | HOSTILE_NUMBERS.filter(is_json)).map(plain).filter(
    lambda value: "__proto__" not in str(value)
) | st.sampled_from([2**53, 2**63, 2**64 - 1, -(2**63), "id", "by_record_id", "mastra_messages", [["t"]], [[]]])
CALLS = st.sampled_from(sorted(ARGUMENTS)).flatmap(
    lambda call: st.tuples(st.just(call), st.sampled_from(inside((), ARGUMENTS[call])), WIRE)
)


async def answer(http: aiohttp.ClientSession, url: str, call: str, arguments: Any) -> Any:
    kind, function = call.split(" ")
    headers = {"Authorization": f"Convex {KEY}", "Content-Type": "application/json"}
    body = io.BytesIO(body_of(function, **arguments))
    async with http.post(f"{url}/api/{kind}", data=body, headers=headers) as response:
        assert response.status == 200
        found = await response.json()
    if found["status"] == "success":
        return "success"
    return found.get("errorData", {"code": "BadRequest"})["code"]  # arguments of a wrong shape are refused by Convex


@given(calls=st.lists(CALLS, min_size=1, max_size=10))
@settings(max_examples=effort(80, 3_000))
async def test_any_member_of_a_call_is_taken_or_refused(
    server: LocalServer, host: ConvexHost, calls: list[tuple[str, tuple[Any, ...], Any]]
) -> None:
    """With one of the codes of docs/protocol.md; what this server takes, the functions on Convex take too."""
    async with aiohttp.ClientSession() as http:
        for n, (call, place, anything) in enumerate(calls):
            new = replaced(ARGUMENTS[call], ("commit", "id"), str(uuid4())) if "handle" in call else ARGUMENTS[call]
            arguments = replaced(new, place, anything)
            ours = await answer(http, server.url, call, arguments)
            assert ours in CODES | {"success"}, (n, call, arguments)
            theirs = await answer(http, host.url, call, arguments)
            assert ours != "success" or theirs == "success", (call, arguments)


async def test_bodies_that_come_too_slowly_are_given_up(server: LocalServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(READ)[:-1])
    answer = asyncio.create_task(reader.readline())
    while not answer.done():
        await pass_second()
    assert b" 408 " in answer.result()
    writer.close()


async def test_slow_clients_keep_nobody_waiting(server: LocalServer) -> None:
    """Connections that stop at any place, hundreds of them; meanwhile others are served."""
    host, port = server.url.removeprefix("http://").split(":")
    whole = request(READ)
    writers: list[asyncio.StreamWriter] = []
    for n in range(effort(200, 400)):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(whole[: n % len(whole)])
        await writer.drain()
        writers.append(writer)
    assert statuses(await raw(server.url, whole * 19 + last(READ))) == [200] * 20
    for writer in writers:
        writer.close()


async def test_memory_is_bounded_whatever_strangers_send(tmp_path: Path, figure: Figure) -> None:
    """Bodies of 16 MiB from many at once, none of them complete, without the key; then too large ones with it."""
    with running("--file", tmp_path / "dev.db") as server:
        assert await raw(server.url, last(READ, key=server.key))
        before = peak(server.process.pid)
        host, port = server.url.removeprefix("http://").split(":")
        head = request(b"", "Content-Length: 16000000", key=None, length=False)
        streamed = request(b"", "Transfer-Encoding: chunked", key=None, length=False) + b"f00000\r\n"
        writers: list[asyncio.StreamWriter] = []
        for n in range(effort(20, 300)):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write((head if n % 2 else streamed) + b" " * (8 << 20))
            writers.append(writer)
        for writer in writers:
            with anyio.move_on_after(0.05):
                await writer.drain()
        assert b'"status":"success"' in await raw(server.url, last(READ, key=server.key))
        for writer in writers:
            writer.transport.abort()
        strangers = peak(server.process.pid)
        for _ in range(3):
            assert statuses(await raw(server.url, last(b" " * (17 << 20), key=server.key)))[0] == 400
        assert strangers - before < 64 << 10
        assert peak(server.process.pid) - strangers < 96 << 10
        figure("memory that unfinished bodies of strangers took of the local server, KiB", strangers - before)
        server.process.terminate()
        server.process.wait()
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def peak(process: int) -> int:
    """The most memory that a process has had, in KiB."""
    [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(line)
