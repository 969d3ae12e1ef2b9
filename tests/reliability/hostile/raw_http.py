"""HTTP byte by byte: requests as they are sent, right ones and others, and what comes back."""

from __future__ import annotations

import json
import re
from typing import Any

import anyio
from anyio.abc import SocketStream

from tests.backends import KEY

PATIENCE = 120.0
"""Seconds; longer than anything takes that does not hang, on any machine."""


def body_of(function: str, **arguments: Any) -> bytes:
    path = f"mastra/storage:{function}"
    return json.dumps({"path": path, "format": "json", "args": {"protocol": "mastra_convex/1", **arguments}}).encode()


def request(body: bytes, *headers: str, path: str = "/api/query", key: str | None = KEY, length: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers]
    lines += [f"Authorization: Convex {key}"] if key else []
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def last(body: bytes, *headers: str, **options: Any) -> bytes:
    """A request after which the server ends the conversation."""
    return request(body, "Connection: close", *headers, **options)


def chunked(*chunks: bytes) -> bytes:
    return request(b"".join(chunks), "Transfer-Encoding: chunked", length=False)


READ = body_of("read", ops=[])
CHUNK = f"{len(READ):x}\r\n".encode() + READ + b"\r\n"


async def raw(url: str, sent: bytes) -> bytes:
    """All that comes back for these bytes; nothing in it is for other eyes.

    A server that has had the time to answer others, and has not ended the conversation, waits for more: it is told
    that nothing follows.
    """
    received = b""
    with anyio.fail_after(PATIENCE):
        async with await connect(url) as stream:
            try:
                await stream.send(sent)
                for _ in range(3):
                    await knock(url)
                if b"Connection: close" not in sent:
                    await stream.send_eof()
                while True:
                    received += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass  # answered, or hung up
    assert b"Traceback" not in received
    assert b'.py"' not in received
    return received


async def connect(url: str) -> SocketStream:
    host, port = url.removeprefix("http://").split(":")
    return await anyio.connect_tcp(host, int(port))


async def knock(url: str) -> None:
    """Another client is served."""
    async with await connect(url) as stream:
        await stream.send(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert statuses(await stream.receive()) == [200]


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
