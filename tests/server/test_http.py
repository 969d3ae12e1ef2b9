"""The HTTP shape of Convex: endpoints, admin key, bodies, errors."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
from typing import Any

import aiohttp
import pytest

from mastra_convex.errors import ClosedError, ConfigurationError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.transport import MAX_BODY_BYTES
from mastra_convex.server import LocalServer
from tests.server.conftest import ADMIN, KEY, Post, call

READ = call("read", ops=[])


async def test_version(server: LocalServer, http: aiohttp.ClientSession) -> None:
    async with http.get(server.url + "/version") as response:
        assert response.status == 200
        assert await response.text()


async def test_unknown_routes(server: LocalServer, http: aiohttp.ClientSession) -> None:
    for method, path in (("GET", "/"), ("POST", "/api/nothing"), ("DELETE", "/version"), ("GET", "/api/query")):
        async with http.request(method, server.url + path) as response:
            assert response.status in (404, 405)


async def test_success(post: Post) -> None:
    assert await post("query", READ) == (
        200,
        {"status": "success", "value": {"protocol": "mastra_convex/1", "results": []}},
    )


async def test_arguments_may_be_a_list_of_one_and_format_left_out(post: Post) -> None:
    status, answer = await post("query", {"path": READ["path"], "args": [READ["args"]]})
    assert (status, answer["status"]) == (200, "success")


@pytest.mark.parametrize("scheme", ["Convex", "convex", "CONVEX"])
async def test_the_scheme_is_read_in_any_case(post: Post, scheme: str) -> None:
    assert (await post("query", READ, {"Authorization": f"{scheme} {KEY}"}))[0] == 200


@pytest.mark.parametrize("name", ["read", "handle", "sweep", "nothing"])
@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_the_anonymous_cannot_tell_what_exists(post: Post, kind: str, name: str) -> None:
    status, answer = await post(kind, call(name), {})
    assert (status, answer["status"]) == (200, "error")
    assert f"Could not find public function for 'mastra/storage:{name}'" in answer["errorMessage"]
    assert "errorData" not in answer


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("Convex wrong-key", 401, "BadAdminKey"),
        (f"Convex {KEY}x", 401, "BadAdminKey"),
        (f"Convex {KEY[:-1]}", 401, "BadAdminKey"),
        ("Convex schlüssel", 401, "BadAdminKey"),
        ("Convex ", 400, "InvalidHeaderFailure"),
        ("short", 400, "InvalidHeaderFailure"),
        ("", 400, "InvalidHeaderFailure"),
        (f"Basic {KEY}", 400, "InvalidAdminKey"),
        (KEY, 400, "InvalidAdminKey"),
        (f"Bearer {KEY}", 401, "InvalidAuthHeader"),
    ],
)
async def test_wrong_keys(post: Post, header: str, status: int, code: str) -> None:
    answer = await post("query", READ, {"Authorization": header})
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert KEY not in json.dumps(answer)


async def test_a_wrong_key_is_refused_before_the_body_is_looked_at(post: Post) -> None:
    assert (await post("query", b"{", {"Authorization": "Convex wrong-key"}))[0] == 401


async def test_a_client_without_version(post: Post) -> None:
    status, answer = await post("query", READ, {**ADMIN, "Convex-Client": "nodash"})
    assert (status, answer["code"]) == (400, "InvalidClientVersion")


def nested(levels: int) -> bytes:
    return (
        b'{"path":"mastra/storage:read","args":{"protocol":"mastra_convex/1","ops":'
        + b"[" * levels
        + b"]" * levels
        + b"}}"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"' + b"[" * 100 + b'"',
        b"{}",
        b'{"path": "a:b"}',
        b'{"path": "a:b", "args": 1}',
        b'{"path": 1, "args": {}}',
        b'{"path": "a:b", "args": [{}, {}]}',
        b'{"path": "a:b", "args": {"x": NaN}}',
        b'{"path": "a:b", "args": {"x": 1e999}}',
        b'{"path": "a:b", "args": {"x": "\xff\xfe"}}',
        b'{"path": "a:b", "args": {"x": "\\ud800"}}',
        b"\xef\xbb\xbf{}",
        nested(64),
        nested(900),
        nested(100_000),
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
    ],
)
async def test_bodies_that_are_no_call(post: Post, body: bytes) -> None:
    status, answer = await post("query", body)
    assert (status, answer["code"]) == (400, "BadJsonBody")


async def test_nesting_that_convex_takes_reaches_the_function(post: Post) -> None:
    status, answer = await post("query", nested(63))
    assert (status, answer["errorData"]["code"]) == (200, "BadRequest")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"])
async def test_content_types_that_are_not_json(post: Post, kind: str) -> None:
    status, answer = await post("query", json.dumps(READ).encode(), {**ADMIN, "Content-Type": kind})
    assert (status, answer["code"]) == (400, "BadJsonBody")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.a+json"])
async def test_content_types_that_are(post: Post, kind: str) -> None:
    assert (await post("query", json.dumps(READ).encode(), {**ADMIN, "Content-Type": kind}))[0] == 200


async def test_compressed_bodies_are_not_taken(post: Post) -> None:
    body = gzip.compress(json.dumps(READ).encode())
    status, answer = await post("query", body, {**ADMIN, "Content-Encoding": "gzip"})
    assert (status, answer["code"]) == (400, "BadJsonBody")


async def test_the_limit_of_bodies(server: LocalServer, http: aiohttp.ClientSession) -> None:
    head = b'{"path":"a:b","args":{},"x":"'
    for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 400)):

        async def body(size: int = size) -> Any:
            yield head + b"x" * (size - len(head) - 2) + b'"}'

        headers = {**ADMIN, "Content-Type": "application/json"}
        async with http.post(f"{server.url}/api/query", data=body(), headers=headers) as response:
            assert response.status == status


@pytest.mark.parametrize("path", ["", "a b:c", "a:b:c", ":x", "mastra/storage:", "ä:b", "x" * 10_000])
async def test_paths_that_are_none(post: Post, path: str) -> None:
    status, answer = await post("query", {"path": path, "args": {}})
    assert (status, answer["code"]) == (400, "BadConvexFunctionIdentifier")


async def test_formats(post: Post) -> None:
    assert (await post("query", {**READ, "format": "convex_encoded_json"}))[0] == 200
    status, answer = await post("query", {**READ, "format": "yaml"})
    assert (status, answer["code"]) == (400, "BadFormat")


async def test_functions_that_are_not_there(post: Post) -> None:
    for path in ("mastra/storage:find", "mastra/storage", "other:read"):
        _, answer = await post("query", {"path": path, "args": {}})
        assert "Could not find public function for" in answer["errorMessage"]


@pytest.mark.parametrize(("kind", "name"), [("mutation", "read"), ("query", "handle"), ("action", "sweep")])
async def test_functions_of_another_kind(post: Post, kind: str, name: str) -> None:
    status, answer = await post(kind, call(name))
    assert status == 200
    assert re.search(rf"Trying to execute mastra/storage:{name} as {kind.capitalize()}", answer["errorMessage"])


async def test_request_ids(post: Post) -> None:
    _, answer = await post("query", call("nothing"), {**ADMIN, "Convex-Request-Id": "mine-1"})
    assert answer["errorMessage"].startswith("[Request ID: mine-1] Server Error\n")
    _, answer = await post("query", call("nothing"), {**ADMIN, "Convex-Request-Id": "] {}"})
    assert re.match(r"\[Request ID: [0-9a-f]{16}\] Server Error\n", answer["errorMessage"])


async def test_another_storage_function(engine: LocalEngine, http: aiohttp.ClientSession) -> None:
    async with LocalServer(engine, admin_key=KEY, storage_function="mastra_py/store:apply") as server:
        for name, kind, there in (("apply", "mutation", True), ("read", "query", True), ("handle", "mutation", False)):
            body = {**call(name), "path": f"mastra_py/store:{name}"}
            async with http.post(f"{server.url}/api/{kind}", json=body, headers=ADMIN) as response:
                text = await response.text()
            assert ("Could not find" not in text) is there


async def test_the_server_starts_and_ends(engine: LocalEngine, http: aiohttp.ClientSession) -> None:
    server = LocalServer(engine, admin_key=KEY)
    with pytest.raises(ClosedError):
        _ = server.url
    await server.start()
    await server.start()
    url = server.url
    async with http.get(url + "/version") as response:  # the kept connection does not hold up the end
        await response.read()
    await server.aclose()
    await server.aclose()
    with pytest.raises(ClosedError):
        _ = server.url
    with pytest.raises(aiohttp.ClientError):
        await http.get(url + "/version")
    assert await engine.read([]) == []  # the engine stays the caller's


async def test_a_port_that_is_taken(engine: LocalEngine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = LocalServer(engine, admin_key=KEY, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            await server.start()
        with pytest.raises(ClosedError):
            _ = server.url


async def test_clients_that_hang_up(server: LocalServer, http: aiohttp.ClientSession) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for text in (
        b"",
        b"POST /api/query HTTP/1.1\r\n",
        b"nonsense\r\n\r\n",
        f"POST /api/query HTTP/1.1\r\nHost: x\r\nAuthorization: Convex {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode(),
    ):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(text)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with http.get(server.url + "/version") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [("admin_key", ""), ("admin_key", "a b"), ("storage_function", "x"), ("storage_function", "mastra/storage:sweep")],
)
def test_settings_that_cannot_work(engine: LocalEngine, name: str, value: str) -> None:
    settings: dict[str, Any] = {"admin_key": KEY, name: value}
    with pytest.raises(ConfigurationError, match=name):
        LocalServer(engine, **settings)
