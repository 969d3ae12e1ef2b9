"""The admin key appears nowhere: not in what a call raises, however it is printed, nor in logs, URLs or copies."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import io
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from rich.traceback import Traceback

from mastra_convex import ConfigurationError, ConvexStore, MastraConvexError, Secret
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.config import environment
from mastra_convex.server import LocalServer
from tests.remote.conftest import FAST
from tests.remote.programmable import (
    Answer,
    Cut,
    Held,
    Lost,
    ProgrammableServer,
    Raw,
    Reaction,
    Silent,
    function_error,
    programmable_server,
    redacted,
    success,
    system_error,
)

WORD = "s3cr3t"
KEY = f"prod:happy-otter-1|{WORD * 40}"
"""Longer than what printers of local variables show of a text: no part of a key may be seen either."""


def printed(error: BaseException) -> dict[str, str]:
    """The error in every way that it may reach a log: with what it came from, and with the variables of all frames."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    raised = (type(error), error, error.__traceback__)
    handler.handle(logging.LogRecord("app", logging.ERROR, __file__, 1, "failed: %r", (error,), raised))
    full = Traceback.from_exception(*raised, show_locals=True, locals_max_length=100_000, locals_max_string=100_000)
    return {
        "text": f"{error} {error!r} {vars(error)}",
        "locals": "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        "log": log.getvalue(),
        "rich": rendered(full),
        "rich, shortened": rendered(Traceback.from_exception(*raised, show_locals=True)),
    }


def rendered(shown: Traceback) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(shown)
    return file.getvalue()


def assert_hidden(error: BaseException) -> None:
    for way, text in printed(error).items():
        assert type(error).__name__ in text, way
        assert WORD not in text, f"{way}: {text[max(0, text.index(WORD) - 500) :][:1000]}"


def store_to(url: str, **options: Any) -> ConvexStore:
    return ConvexStore(id="x", deployment_url=url, admin_auth_token=KEY, retry=FAST, **options)


async def failure(url: str, **options: Any) -> BaseException:
    async with store_to(url, **options) as store:
        with pytest.raises(MastraConvexError) as caught:
            await store.memory.save_thread({"id": "t", "resource_id": "r"})
    return caught.value


ECHO = f"you sent Authorization: Convex {KEY}"

REACTIONS: dict[str, Reaction] = {
    "lost": Lost(),
    "cut": Cut(),
    "cut, with an echo": Cut(ECHO.encode()),
    "no HTTP": Raw(b"HTTP/1.1 what\r\n\r\n"),
    "no HTTP, with an echo": Raw(f"{ECHO}\r\n\r\n".encode()),
    "a header that is none, with an echo": Raw(f"HTTP/1.1 200 OK\r\n{ECHO}\x00\r\n\r\n".encode()),
    "a wrong key": system_error(401, "BadAdminKey", ECHO),
    "a page of a proxy": Answer(ECHO.encode(), 502),
    "not ready": system_error(503, "WorkerOverloaded", ECHO, seconds=10),
    "a function that fails": function_error(ECHO, {"code": "Rejected", "message": ECHO, "seen": [ECHO]}),
    "without a reason": redacted(),
    "an answer of another function": success({"protocol": "mastra_convex/0"}),
    "a mismatch": function_error(ECHO, {"code": "SchemaMismatch", "tables": [ECHO]}),
    "a redirect": Answer(b"", 307, {"Location": "/elsewhere"}),
    "silence": Silent(),
}


@pytest.mark.parametrize("name", REACTIONS)
async def test_a_call_that_fails(server: ProgrammableServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    server.usual = REACTIONS[name]
    error = await failure(server.url)
    loop.set_debug(False)
    assert_hidden(error)
    assert "mastra/storage:handle" in caplog.text
    assert WORD not in caplog.text
    assert server.seen[0].headers["Authorization"].endswith(WORD)  # it did travel
    assert not any(WORD in seen.target or WORD.encode() in seen.body for seen in server.seen)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://name-that-does-not-resolve.localhost.invalid:9"])
async def test_nobody_answers(url: str) -> None:
    assert_hidden(await failure(url, allow_http=True))


@pytest.mark.parametrize("end", ["cancel", "close"])
async def test_a_call_that_is_ended(server: ProgrammableServer, end: str) -> None:
    held = Held(success())
    server.usual = held
    store = store_to(server.url)
    task = asyncio.create_task(store.memory.get_thread_by_id("t"))
    await server.arrived(1)
    if end == "cancel":
        task.cancel()
    else:
        await store.aclose()
    with pytest.raises((MastraConvexError, asyncio.CancelledError)) as caught:
        await task
    held.release.set()
    await store.aclose()
    assert_hidden(caught.value)


async def test_the_key_follows_no_redirect(server: ProgrammableServer) -> None:
    async with programmable_server() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            server.usual = Answer(b"", status, {"Location": f"{elsewhere.url}/api/mutation"})
            assert "redirect" in str(await failure(server.url))
        assert elsewhere.seen == []


def wrong(call: Callable[[], object]) -> BaseException:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return caught.value


def test_settings_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEX_ADMIN_KEY", KEY)
    assert_hidden(wrong(environment))  # no URL
    assert_hidden(wrong(lambda: ConvexStore.from_env(id="x")))
    monkeypatch.setenv("CONVEX_URL", "https://a.convex.cloud")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", f"{WORD}\n{WORD}")
    assert_hidden(wrong(lambda: ConvexStore.from_env(id="x")))
    assert_hidden(wrong(lambda: ConvexStore.from_env(id="x", timeout=-1)))
    assert_hidden(wrong(lambda: store_to("http://convex.internal")))
    assert_hidden(wrong(lambda: LocalServer(LocalEngine(":memory:", []), admin_key=f"{WORD} {WORD}")))


def everything_in(thing: object, depth: int = 6) -> str:
    """What a debugger shows: the attributes of a thing, and of those in it."""
    if depth == 0 or isinstance(thing, type):
        return ""
    parts = [repr(thing)]
    if isinstance(thing, dict):
        members = list(thing.values())
    elif isinstance(thing, list | tuple | set):
        members = list(thing)
    else:
        members = list(getattr(thing, "__dict__", {}).values())
    return " ".join(parts + [everything_in(member, depth - 1) for member in members])


async def test_what_holds_the_key_does_not_show_it(server: ProgrammableServer) -> None:
    store = store_to(server.url)
    server.usual = success({"protocol": "mastra_convex/1", "results": []})
    await store.init()
    config = store._engine._transport.config  # type: ignore[union-attr]
    shown = [
        repr(store),
        str(store),
        everything_in(store),
        repr(dataclasses.asdict(config)),
        repr(copy.deepcopy(config)),
    ]
    assert not any(WORD in text for text in shown)
    for thing in (config, store):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    await store.aclose()


def test_a_secret_is_told_only_by_reveal() -> None:
    secret = Secret(KEY)
    ways: list[Callable[[Any], str]] = [repr, str, ascii, "{}".format, "{!r:>9}".format, lambda it: f"{it}"]
    for way in ways:
        assert WORD not in way(secret)
    assert secret.reveal() == Secret(secret).reveal() == KEY
    assert copy.copy(secret).reveal() == copy.deepcopy([secret])[0].reveal() == KEY
    with pytest.raises(TypeError):
        pickle.dumps(secret)
