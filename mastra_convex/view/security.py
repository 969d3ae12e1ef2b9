"""Decides which requests are answered: from this browser, with the token, and only those that read. Internal."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

LOGIN: Final = "/login"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to know them
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SCRIPT: Final = "; script-src 'self'; connect-src 'self'"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Lets in who has the token.

    Args:
        token: what the link has; the browser keeps it as a cookie.
        host: the address that the server listens on.
        reading_posts: paths that may be asked with POST, as these calls only read.
        has_script: whether pages may load the script of this server, and that may ask it.
    """

    def __init__(self, token: str, *, host: str, reading_posts: Collection[str] = (), has_script: bool = False) -> None:
        self._token = token
        self._host = host
        self._reading_posts = reading_posts
        self._policy = CONTENT_SECURITY_POLICY + (_SCRIPT if has_script else "")
        self._cookie: str = "mastra_convex_view_" + hashlib.sha256(token.encode()).hexdigest()[:8]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers what is refused."""
        try:
            return self._refusal(request) or (self._login(request) if request.path == LOGIN else await handler(request))
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.status}: {error.reason}", headers=_moved(error))

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Gives an answer the headers that keep browsers from loading anything else."""
        for name, value in (("Content-Security-Policy", self._policy), *_HEADERS.items()):
            response.headers.setdefault(name, value)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not self._is_ours(request.headers.get("Host", "")):
            return _refused(421, "this server is not asked by that name")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
            return _refused(403, "other sites may not ask")
        reads = request.method in ("GET", "HEAD")
        if not reads and not (request.method == "POST" and request.path in self._reading_posts):
            return web.json_response({"error": "read only"}, status=405, headers={"Allow": "GET, HEAD"})
        if request.path != LOGIN and not self._is_token(request.cookies.get(self._cookie)):
            return _refused(401, "open the link that mastra-convex view has printed; it has a token")
        return None

    def _login(self, request: web.Request) -> web.Response:
        """Makes a cookie of the token in the link."""
        token = request.query.get("token")
        if not self._is_token(token):
            return _refused(401, "this token is not that of the running server")
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", path="/")
        return response

    def _is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _is_ours(self, host: str) -> bool:
        """Refuses names that lead here by a DNS server of somebody else's."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if name is None:
            return False
        return name in LOOPBACK or name == self._host.lower() or (self._host in WILDCARDS and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refused(status: int, reason: str) -> web.Response:
    return web.Response(status=status, text=f"{status}: {reason}\n")


def _moved(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Location", "Allow") if name in error.headers}
