"""Reads a request and checks its body as Convex does, before any function runs. Internal."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import orjson
from aiohttp import web

from mastra_convex.remote.transport import MAX_BODY_BYTES

MAX_NESTING: Final = 64
"""The arguments of a call nest at most so deep, as in Convex (docs/protocol.md, "Limits of Convex")."""

_ANONYMOUS_BODY_BYTES: Final = 64 << 10
_BODY_SECONDS: Final = 60.0

_FORMATS = ("json", "convex_clean_json", "convex_encoded_json", "convex_json", "export_json")
_PATH = re.compile(r"[A-Za-z0-9_./-]{1,500}(?::[A-Za-z0-9_]{1,100})?")


class RefusedError(Exception):
    """An answer with an HTTP error status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status: int = status
        self.code: str = code


async def read_call(request: web.Request, *, authorized: bool) -> tuple[str, dict[str, Any]]:
    """Function path and arguments of a request; checks everything that does not depend on the function.

    Of a caller without the key, whom no function answers, only a small body is read.
    """
    call = await _read_json(request, MAX_BODY_BYTES if authorized else _ANONYMOUS_BODY_BYTES)
    path, args, form = call.get("path"), call.get("args"), call.get("format")
    if isinstance(args, list) and len(args) == 1:
        args = args[0]  # the form of JavaScript clients
    if not isinstance(path, str) or not isinstance(args, dict):
        raise RefusedError(400, "BadJsonBody", "the body must be {path, args, format}")
    if not _PATH.fullmatch(path):
        raise RefusedError(400, "BadConvexFunctionIdentifier", "path must be like directory/module:function")
    if form is not None and form not in _FORMATS:
        raise RefusedError(400, "BadFormat", "format must be json")
    return path if ":" in path else f"{path}:default", args


async def _read_json(request: web.Request, most: int) -> dict[str, Any]:
    kind = request.content_type
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RefusedError(400, "BadJsonBody", "Content-Type must be application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(400, "BadJsonBody", "compressed bodies are not taken")
    body = await _read_body(request, most)
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusedError(400, "BadJsonBody", "the body is not JSON in UTF-8") from None
    if body.count(b"[") + body.count(b"{") > MAX_NESTING and _depth_exceeds(call, MAX_NESTING + 1):
        raise RefusedError(400, "BadJsonBody", f"the arguments are nested deeper than {MAX_NESTING} levels")
    if not isinstance(call, dict):
        raise RefusedError(400, "BadJsonBody", "the body must be an object")
    return call


async def _read_body(request: web.Request, most: int) -> bytearray:
    too_large = RefusedError(400, "BadJsonBody", f"the body takes more than {most} bytes")
    if (request.content_length or 0) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.content.iter_any():
                body += part
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise RefusedError(408, "RequestTimeout", f"the body took more than {_BODY_SECONDS:g} seconds") from None
    except (ConnectionError, web.RequestPayloadError):
        raise RefusedError(400, "BadJsonBody", "the body ended early") from None
    return body


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Tells whether containers nest deeper than `limit`. Not recursive, as deep nesting would exhaust the stack."""
    level: list[Any] = [value]
    for _ in range(limit):
        deeper: list[Any] = []
        for container in level:
            members = container.values() if isinstance(container, dict) else container
            deeper += [member for member in members if isinstance(member, dict | list)]
        if not deeper:
            return False
        level = deeper
    return True
