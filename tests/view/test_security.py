"""Only this browser, only with the token, only reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from mastra_convex import ConvexStore
from mastra_convex.errors import ConfigurationError
from mastra_convex.view.app import serving, view_app
from tests.view.browsing import TOKEN, Visitor, visiting


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with ConvexStore.local(":memory:") as store, visiting(store) as visitor:
        yield visitor


async def status(visitor: Visitor, path: str = "/", method: str = "GET", **headers: str) -> int:
    async with visitor.session.request(method, visitor.base + path, headers=headers) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        return answer.status


async def test_only_our_name_and_our_pages_may_ask(visitor: Visitor) -> None:
    port = visitor.base.rpartition(":")[2]
    assert await status(visitor) == 200
    for name in (f"localhost:{port}", f"[::1]:{port}"):
        assert await status(visitor, Host=name, Cookie=_cookie(visitor)) == 200
    for name in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "10.0.0.1", "[", ""):
        assert await status(visitor, Host=name) == 421
        assert await status(visitor, f"/login?token={TOKEN}", Host=name) == 421
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{int(port) + 1}"):
        assert await status(visitor, Origin=origin) == 403
    assert await status(visitor, Origin=visitor.base) == 200


async def test_every_other_method_is_refused(visitor: Visitor) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert await status(visitor, "/threads", method) == 405
    assert await status(visitor, "/threads", "HEAD") == 200


async def test_nothing_is_shown_without_the_token(visitor: Visitor) -> None:
    async with aiohttp.ClientSession() as stranger:
        unknown = Visitor(stranger, visitor.link)
        pages = ("/", "/threads", "/live/threads", "/style.css", "/nothing")
        for path in (*pages, "/login", "/login?token=", "/login?token=%FF%00"):
            assert await status(unknown, path) == 401
        assert await status(unknown, Cookie=_cookie(visitor)[:-1]) == 401
        async with stranger.get(visitor.link, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert answer.headers["Location"] == "/"


async def test_an_extension_may_have_calls_that_read_with_post() -> None:
    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.json_response(await request.json())

    def extend(app: aiohttp.web.Application) -> None:
        app.router.add_post("/api/query", answer)

    async with ConvexStore.local(":memory:") as store:
        app = view_app(store, token=TOKEN, extensions=[extend], reading_posts={"/api/query"})
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            serving(app, token=TOKEN, host="127.0.0.1", port=0) as link,
            aiohttp.ClientSession(cookie_jar=jar) as s,
        ):
            base = link.partition("/login")[0]
            async with s.post(f"{base}/api/query", json={}) as refused:
                assert refused.status == 401
            await s.get(link)
            async with s.post(f"{base}/api/query", json={"a": 1}) as given:
                assert await given.json() == {"a": 1}


async def test_a_store_that_only_reads(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path, read_only=True) as store:
        with pytest.raises(ConfigurationError):
            await store.memory.list_threads()
    assert not path.exists()
    async with ConvexStore.local(path) as store:
        await store.memory.save_thread({"id": "t", "resource_id": "r"})
        async with ConvexStore.local(path, read_only=True) as reader:
            assert await reader.memory.get_thread_by_id("t") is not None
            with pytest.raises(ConfigurationError, match="read-only"):
                await reader.memory.save_thread({"id": "u", "resource_id": "r"})
            await store.memory.save_thread({"id": "v", "resource_id": "r"})
            assert await reader.memory.get_thread_by_id("v") is not None
    with pytest.raises(ConfigurationError, match="read_only"):
        ConvexStore.local(":memory:", read_only=True)
    (tmp_path / "other.db").write_bytes(b"")
    async with ConvexStore.local(tmp_path / "other.db", read_only=True) as store:
        with pytest.raises(ConfigurationError, match="no tables of ours"):
            await store.memory.list_threads()


def _cookie(visitor: Visitor) -> str:
    [cookie] = visitor.session.cookie_jar
    return f"{cookie.key}={cookie.value}"
