"""The faults: what a network, a middle box or an overloaded deployment does to a call, and what must come of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mastra_convex.errors import (
    ConnectionFailedError,
    MastraConvexError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    UnavailableError,
)
from tests.clock import pass_second
from tests.reliability.faults import proxy
from tests.reliability.faults.proxy import HEAD_END, Exchange

PIECE = 7
"""Bytes; so few that everything is cut somewhere."""


@dataclass(frozen=True)
class Fault:
    """`once`: what a call attempts in all when only its first request meets the fault. `always`: the error when every
    request does; None when the call succeeds all the same. `applied`: whether the server does what the request asks.
    `lasts`: what always meets the fault ends by its deadline alone. `silent`: so does an action that meets it once."""

    name: str
    act: proxy.Fault
    always: type[MastraConvexError] | None
    applied: bool
    once: int = 2
    lasts: bool = False
    silent: bool = False

    def __str__(self) -> str:
        return self.name


async def reset_before(exchange: Exchange) -> None:
    exchange.reset()


async def reset_during(exchange: Exchange) -> None:
    await exchange.part_of_request(100)
    exchange.reset()


async def reset_after(exchange: Exchange) -> None:
    await exchange.request()
    exchange.reset()


async def lose_answer(exchange: Exchange) -> None:
    await exchange.answer()
    exchange.reset()


async def close_for_answer(exchange: Exchange) -> None:
    await exchange.answer()
    exchange.close()


async def cut_head(exchange: Exchange) -> None:
    head, _ = _parts(await exchange.answer())
    await exchange.send(head[: len(head) // 2])
    exchange.close()


async def cut_body(exchange: Exchange) -> None:
    head, body = _parts(await exchange.answer())
    await exchange.send(head + body[: len(body) // 2])
    exchange.reset()


async def corrupt_head(exchange: Exchange) -> None:
    await exchange.send(b"\xff\x00" + await exchange.answer())
    exchange.close()


async def corrupt_body(exchange: Exchange) -> None:
    head, body = _parts(await exchange.answer())
    middle = len(body) // 2
    await exchange.send(head + body[:middle] + b"\xff" + body[middle + 1 :])


async def shorten_body(exchange: Exchange) -> None:
    """An answer that claims to be shorter than it is: what is left over must not be taken for the next answer."""
    _, body = _parts(await exchange.answer())
    await exchange.send(_whole(body, claimed=len(body) - PIECE))


async def delay(exchange: Exchange) -> None:
    answer = await exchange.answer()
    for _ in range(3):
        await pass_second()
    await exchange.send(answer)


async def throttle(exchange: Exchange) -> None:
    answer = await exchange.answer()
    for start in range(0, len(answer), PIECE):
        await exchange.send(answer[start : start + PIECE])
        await asyncio.sleep(0)


async def stray_answer(exchange: Exchange) -> None:
    """Behind the answer comes another one, which belongs to nobody."""
    stray = orjson.dumps({"status": "success", "value": {"protocol": "mastra_convex/1", "results": [], "result": None}})
    await exchange.send(await exchange.answer() + _whole(stray))


async def twice(exchange: Exchange) -> None:
    """Something in between repeats the request by itself, at the same time."""
    request = await exchange.request()
    _, answer = await asyncio.gather(exchange.forward(request), exchange.forward(request))
    await exchange.send(answer)


async def late(exchange: Exchange) -> None:
    """The request arrives when the client has long repeated it."""
    request = await exchange.request()
    exchange.reset()
    await exchange.another()
    await exchange.forward(request)


async def never_arrive(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.silence()


async def never_answer(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.silence()


async def trickle(exchange: Exchange) -> None:
    """The answer comes, byte by byte, and never ends: the connection is not silent."""
    await exchange.answer()
    await exchange.send(_whole(b"", claimed=1 << 20))
    while not exchange.given_up:
        await exchange.send(b" ")
        await pass_second()


def refused(status: int, body: Any = b"") -> proxy.Fault:
    """Answered without asking the server."""

    async def act(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.send(_whole(body, status))

    return act


def misreported(status: int, body: Any = b"") -> proxy.Fault:
    """Done by the server, but answered with something else."""

    async def act(exchange: Exchange) -> None:
        await exchange.answer()
        await exchange.send(_whole(body, status))

    return act


def code(name: str) -> dict[str, str]:
    return {"code": name, "message": "because"}


PAGE: Final = b"<html>what is in between says no"
FAULTS: Final = (
    Fault("reset before the request", reset_before, ConnectionFailedError, applied=False),
    Fault("reset during the request", reset_during, ConnectionFailedError, applied=False),
    Fault("reset after the request", reset_after, ConnectionFailedError, applied=False),
    Fault("answer lost", lose_answer, ConnectionFailedError, applied=True),
    Fault("closed instead of an answer", close_for_answer, ConnectionFailedError, applied=True),
    Fault("head of the answer cut", cut_head, ConnectionFailedError, applied=True),
    Fault("body of the answer cut", cut_body, ConnectionFailedError, applied=True),
    Fault("head of the answer corrupt", corrupt_head, TransportError, applied=True),
    Fault("body of the answer corrupt", corrupt_body, TransportError, applied=True),
    Fault("body of the answer shortened", shorten_body, TransportError, applied=True),
    Fault("answer delayed", delay, None, applied=True, once=1),
    Fault("answer throttled", throttle, None, applied=True, once=1),
    Fault("a stray answer", stray_answer, None, applied=True, once=1),
    Fault("request doubled", twice, None, applied=True, once=1),
    Fault("request never arrives", never_arrive, RequestTimeoutError, applied=False, lasts=True, silent=True),
    Fault("answer never comes", never_answer, RequestTimeoutError, applied=True, lasts=True, silent=True),
    Fault("408 without a body", refused(408), RequestTimeoutError, applied=False),
    Fault("429", refused(429, code("TooManyConcurrentRequests")), RateLimitedError, applied=False, lasts=True),
    Fault("429 of a middle box", refused(429, PAGE), RateLimitedError, applied=False, lasts=True),
    Fault("500", refused(500, code("InternalServerError")), ServerError, applied=False),
    Fault(
        "503 conflict",
        refused(503, code("OptimisticConcurrencyControlFailure")),
        UnavailableError,
        applied=False,
        lasts=True,
    ),
    Fault("503 overloaded", refused(503, code("WorkerOverloaded")), UnavailableError, applied=False, lasts=True),
    Fault("503 of a middle box", refused(503, PAGE), UnavailableError, applied=False),
    Fault("200 with a page", refused(200, PAGE), TransportError, applied=False),
    Fault("408 after the commit", misreported(408), RequestTimeoutError, applied=True),
    Fault("500 after the commit", misreported(500, code("InternalServerError")), ServerError, applied=True),
    Fault("502 after the commit", misreported(502, PAGE), TransportError, applied=True),
    Fault("503 after the commit", misreported(503, code("InternalServerError")), UnavailableError, applied=True),
)
TRICKLE: Final = Fault("endless answer", trickle, RequestTimeoutError, applied=True, lasts=True, silent=True)
"""Nobody can tell it from a large answer, so it takes the whole deadline even once."""
LATE: Final = Fault("request late", late, None, applied=True)
"""Only ever once: it waits for the next request."""


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    head, end, body = answer.partition(HEAD_END)
    return head + end, body


def _whole(body: Any, status: int = 200, *, claimed: int | None = None) -> bytes:
    """An answer that keeps the connection open."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    kind = "text/html" if data == PAGE else "application/json"
    length = len(data) if claimed is None else claimed
    return f"HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode() + data
