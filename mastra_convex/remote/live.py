"""Live queries of a deployment: one connection of the sync protocol for each event loop that watches. Internal."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp
import orjson

from mastra_convex.errors import (
    AuthenticationError,
    ClosedError,
    ConnectionFailedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    UnavailableError,
)
from mastra_convex.remote.answers import KEY_REMEDY, Failure, Success, read_answer
from mastra_convex.remote.retry import Verdict
from mastra_convex.remote.sync_protocol import BrokenProtocolError, Conversation, Event, Failed, Query, Refused
from mastra_convex.remote.transport import Transport, client_name, no_answer, without_frames
from mastra_convex.telemetry import reconnected

_SILENCE: Final = 60.0
"""Seconds without any frame, pings included, after which a connection counts as lost."""
_CLOSING: Final = 1.0
"""Seconds to wait for the server's word when a connection is closed."""
_TIMEOUT: Final = aiohttp.ClientWSTimeout(ws_receive=_SILENCE, ws_close=_CLOSING)  # pyright: ignore[reportCallIssue]
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 15.0
_OVERLOADED_WAIT: Final = 3.0
"""Seconds before the first attempt after the server said that it has too much to do."""
_TRY_AGAIN_LATER: Final = 1013

_log = logging.getLogger("mastra_convex.live")


class LiveQueries:
    """Watches queries. A connection begins with the first watch of an event loop and ends with the last."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._connections: dict[asyncio.AbstractEventLoop, _Connection] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def watch(self, query: Query, *, give_up_after: float | None = None) -> AsyncGenerator[Any]:
        """Yields the newest value of a query, now and whenever it is another one.

        The first comes within the timeout of a call. Then a connection that is lost is made again, for ever or for
        `give_up_after` seconds. Raises what a call raises, and ClosedError when the store is closed.
        """
        connection = self._connection()
        watch = connection.join(query)
        try:
            limit: float | None = connection.loop.time() + self._transport.config.timeout
            while True:
                outcome = await watch.next(limit, give_up_after)
                if isinstance(outcome, Failure):
                    raise outcome.error(query.path, 1) from without_frames(outcome.cause)
                yield outcome.value
                limit = None
        finally:
            connection.leave(watch)

    async def aclose(self) -> None:
        """Ends every watch with ClosedError, and the connections."""
        self._closed = True
        here = asyncio.get_running_loop()
        for loop, connection in list(self._connections.items()):
            if loop is here:
                connection.close()
            else:
                with suppress(RuntimeError):  # that loop has ended, and with it the connection
                    loop.call_soon_threadsafe(connection.close)
        mine = [task for task in self._ending if task.get_loop() is here]
        await asyncio.gather(*mine, return_exceptions=True)

    def _connection(self) -> _Connection:
        if self._closed:
            raise ClosedError("the store is closed")
        loop = asyncio.get_running_loop()
        for ended in [other for other in self._connections if other.is_closed()]:
            del self._connections[ended]
        if loop not in self._connections:
            self._connections[loop] = _Connection(self._transport, self._forget)
        return self._connections[loop]

    def _forget(self, connection: _Connection, task: asyncio.Task[None]) -> None:
        """Lets a connection end, which takes a moment."""
        if self._connections.get(connection.loop) is connection:
            del self._connections[connection.loop]
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


@dataclass(eq=False)
class _LiveQuery:
    """Holds a query, and what was last heard of it. `is_current` says whether that was on this connection."""

    id: int
    query: Query
    watches: set[_Watch] = field(default_factory=set["_Watch"])
    outcome: Success | Failure | None = None
    number: int = 0
    is_current: bool = False

    def tell(self, outcome: Success | Failure) -> None:
        """Takes what was heard, and wakes who waits for it; a value that comes again is no news."""
        is_news = not isinstance(outcome, Success) or outcome != self.outcome
        if is_news:
            self.outcome = outcome
            self.number += 1
        if is_news or not self.is_current:
            self.is_current = True
            self.wake()

    def wake(self) -> None:
        for watch in self.watches:
            watch.woken.set()


class _Watch:
    """A consumer of a live query."""

    def __init__(self, connection: _Connection, live: _LiveQuery) -> None:
        self._connection = connection
        self.live = live
        self.woken = asyncio.Event()
        self._seen = 0

    async def next(self, limit: float | None, give_up_after: float | None) -> Success | Failure:
        """Waits for news: those of the first time until `limit`, a time of the loop; others as long as it takes."""
        while True:
            outcome = self.live.outcome
            if outcome is not None and self.live.number != self._seen and (limit is None or self.live.is_current):
                self._seen = self.live.number
                return outcome
            until, lost_since = limit, self._connection.lost_since
            if limit is None and give_up_after is not None and lost_since is not None:
                until = lost_since + give_up_after
            self.woken.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self.woken.wait()
            except TimeoutError:
                return self._connection.why_late()


class _Connection:
    """A connection of one event loop, made again whenever it is lost, and the queries that are watched over it."""

    def __init__(self, transport: Transport, forget: Callable[[_Connection, asyncio.Task[None]], None]) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.lost_since: float | None = None
        self._config = transport.config
        self._transport = transport
        self._forget = forget
        self._session = str(uuid.uuid4())
        self._ids: dict[Query, int] = {}
        self._live: dict[int, _LiveQuery] = {}
        self._next_id = 0
        self._changed = asyncio.Event()
        self._failure: Failure | None = None
        self._failures = 0
        self._count = 0
        self._ts: str | None = None
        self._task = self.loop.create_task(self._run(), name="mastra_convex live queries")

    def join(self, query: Query) -> _Watch:
        """Begins a watch. Equal queries are one for the server."""
        if query not in self._ids:
            self._ids[query] = self._next_id
            self._live[self._next_id] = _LiveQuery(self._next_id, query)
            self._next_id += 1
            self._changed.set()
        live = self._live[self._ids[query]]
        watch = _Watch(self, live)
        live.watches.add(watch)
        return watch

    def leave(self, watch: _Watch) -> None:
        """Ends a watch, and with the last one the connection. Waits for nothing."""
        live = watch.live
        live.watches.discard(watch)
        if live.watches or self._live.pop(live.id, None) is None:
            return
        del self._ids[live.query]
        self._changed.set()
        if not self._live:
            self._end()

    def close(self) -> None:
        """Ends every watch with ClosedError, and the connection."""
        self._fail(Failure(Verdict.FATAL, ClosedError, "the store is closed"))

    def why_late(self) -> Failure:
        """Returns the failure to report when nothing was heard in time."""
        if self._failure is not None:
            return self._failure
        message = f"no answer of the live query within {self._config.timeout:g} s"
        return Failure(Verdict.FATAL, RequestTimeoutError, message)

    def _fail(self, failure: Failure) -> None:
        """Ends every watch with a failure, and the connection."""
        for live in self._live.values():
            live.tell(failure)
        self._ids.clear()
        self._live.clear()
        self._end()

    def _end(self) -> None:
        if self._task is not asyncio.current_task():
            with suppress(RuntimeError):  # the loop has ended
                self._task.cancel()
        self._forget(self, self._task)

    async def _run(self) -> None:
        while self._live:
            failure = await self._converse()
            if failure.verdict is Verdict.FATAL:
                self._fail(failure)
                return
            wait = self._lost(failure)
            await asyncio.sleep(wait)

    def _lost(self, failure: Failure) -> float:
        """Takes note that the connection is lost; returns the seconds to wait before the next."""
        is_overloaded = issubclass(failure.error_class, UnavailableError)
        first = _OVERLOADED_WAIT if is_overloaded else _FIRST_WAIT
        wait = min(_LONGEST_WAIT, first * 2.0 ** min(self._failures, 20)) * random.uniform(0.5, 1.5)  # noqa: S311
        self._failures += 1
        self._failure = failure
        if self.lost_since is None:
            self.lost_since = self.loop.time()
        for live in self._live.values():
            live.is_current = False
            live.wake()
        reconnected(self._config.deployment_url)
        _log.warning("live queries: the connection is lost (%s), again in %.1f s", failure.reason, wait)
        return wait

    def _check_back(self) -> None:
        """Takes note that the connection is back once every query was answered on it."""
        if self.lost_since is not None and all(live.is_current for live in self._live.values()):
            _log.info("live queries: connected again after %.1f s", self.loop.time() - self.lost_since)
            self.lost_since = self._failure = None
            self._failures = 0

    async def _converse(self) -> Failure:
        """Makes a connection and follows it to its end, which it returns."""
        url = f"{self._config.deployment_url}/api/sync"
        try:
            pool = await self._transport.pool()
            async with asyncio.timeout(self._config.connect_timeout):
                socket = await pool.session.ws_connect(
                    url,
                    headers={"Convex-Client": client_name()},
                    timeout=_TIMEOUT,
                    max_msg_size=0,
                    compress=15,
                )
            try:
                return await self._talk(socket)
            finally:
                await socket.close()
        except aiohttp.WSServerHandshakeError as error:
            answer = read_answer("live queries", error.status, b"", self._config.admin_auth_token)
            refused = answer if isinstance(answer, Failure) else _broken("no WebSocket answers")
            return refused if self._count == 0 else _again(refused)  # later it may pass, as during a deployment
        except ClosedError as error:
            return Failure(Verdict.FATAL, ClosedError, error.message)
        except BrokenProtocolError as error:
            return _broken(str(error))
        except (aiohttp.ClientError, OSError) as error:  # of which TimeoutError is one
            return _again(no_answer(error, "live queries", self._config, _SILENCE))

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> Failure:
        conversation = Conversation()
        reason = None if self._failure is None else self._failure.reason
        await socket.send_str(conversation.connect(self._session, self._count, reason, self._ts))
        await socket.send_str(conversation.authenticate(self._config.admin_auth_token))
        self._count += 1
        sender = asyncio.create_task(self._send_changes(socket, conversation))
        try:
            while True:
                message = await socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return _closed(socket, message)
                for event in conversation.receive(message.data):
                    refused = self._take(event)
                    if refused is not None:
                        return refused
                self._ts = conversation.ts or self._ts
                if self.lost_since is not None and conversation.is_answered:
                    self._check_back()
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_changes(self, socket: aiohttp.ClientWebSocketResponse, conversation: Conversation) -> None:
        """Tells the server which queries are watched: all at first, then those that come and go."""
        told: set[int] = set()
        while True:
            self._changed.clear()
            add = {id: live.query for id, live in self._live.items() if id not in told}
            remove = told - self._live.keys()
            if add or remove:
                told = set(self._live)
                await socket.send_str(conversation.modify(add, remove))
            await self._changed.wait()

    def _take(self, event: Event) -> Failure | None:
        """Takes what the server tells of a query that is still watched; returns a failure that ends them all."""
        if isinstance(event, Refused):
            if event.is_key:
                text = f"the deployment refuses the admin key: {event.message.rstrip('.')}; {KEY_REMEDY}"
                return Failure(Verdict.FATAL, AuthenticationError, text, "AuthError")
            return Failure(Verdict.FATAL, ServerError, f"live queries: {event.message}", "FatalError")
        live = self._live.get(event.query_id)
        if live is not None and isinstance(event, Failed):
            body = orjson.dumps(event.answer)
            live.tell(read_answer(live.query.path, 200, body, self._config.admin_auth_token))
        elif live is not None and not isinstance(event, Failed):
            live.tell(Success(event.value))
        return None


def _closed(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> Failure:
    """Returns the failure that the end of a connection is."""
    code, reason = socket.close_code, message.extra if message.type is aiohttp.WSMsgType.CLOSE else None
    text = f"the connection of live queries was closed ({' '.join(str(each) for each in (code, reason) if each)})"
    if code == _TRY_AGAIN_LATER:
        return Failure(Verdict.RETRY, UnavailableError, text, reason or None)
    return Failure(Verdict.RETRY, ConnectionFailedError, text, reason or None, cause=socket.exception())


def _broken(problem: str) -> Failure:
    return Failure(Verdict.RETRY, TransportError, f"live queries: {problem}")


def _again(failure: Failure) -> Failure:
    """Returns the failure as one after which it is worth to connect again."""
    return failure if failure.verdict is Verdict.RETRY else replace(failure, verdict=Verdict.RETRY)
