"""Open pages are told of new rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from mastra_convex import ConvexStore
from mastra_convex.view.live import MOST_STREAMS
from tests.view.browsing import Checked, Visitor, visiting

_THREAD = {"id": "t", "resource_id": "r", "title": "A trip"}
_MESSAGE = {"thread_id": "t", "resource_id": "r", "role": "user", "content": "Where to?"}
_SPAN = {
    "trace_id": "x", "span_id": "x", "name": "agent run", "span_type": "agent_run", "is_event": False,
    "started_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


class Stream:
    """A page that is open."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def page(self) -> str:
        """The text of the page as it is sent next."""
        async with asyncio.timeout(20):
            async for line in self._response.content:
                if line.startswith(b"data: "):
                    return Checked(json.loads(line.removeprefix(b"data: "))).text
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def following(visitor: Visitor, path: str) -> AsyncGenerator[Stream]:
    async with visitor.session.get(f"{visitor.base}/live{path}") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        yield Stream(response)


async def test_an_open_page_shows_what_is_new(store: ConvexStore) -> None:
    async def run(status: str) -> None:
        await store.workflows.persist_workflow_snapshot("book", run_id="1", snapshot={"status": status})

    await store.memory.save_thread(_THREAD)
    await run("running")
    async with visiting(store) as visitor, AsyncExitStack() as stack:
        paths = ("/threads?resource=r", "/thread?id=t", "/runs", "/run?workflow=book&run=1", "/traces")
        streams = [await stack.enter_async_context(following(visitor, path)) for path in paths]
        threads, thread, runs, one_run, traces = streams
        first = [await stream.page() for stream in streams]
        assert all("running" in page for page in first[2:4])

        await store.memory.save_thread({**_THREAD, "id": "u", "title": "Another"})
        assert "Another" in await threads.page()
        await store.memory.save_messages([_MESSAGE])
        assert "Where to?" in await thread.page()
        assert "Another" in await threads.page()
        await run("success")
        assert "success" in await one_run.page()
        assert "success" in await runs.page()
        await store.observability.batch_create_spans([_SPAN])
        assert "agent run" in await traces.page()


async def test_a_file_is_followed_without_being_written(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as writer, ConvexStore.local(path, read_only=True) as store:
        await writer.memory.save_thread(_THREAD)
        async with visiting(store) as visitor, following(visitor, "/thread?id=t") as stream:
            await stream.page()
            await writer.memory.save_messages([_MESSAGE])
            assert "Where to?" in await stream.page()
            await writer.memory.delete_thread("t")
            assert "There is no thread" in await stream.page()


async def test_there_are_so_many_streams_and_those_of_closed_pages_end() -> None:
    async with ConvexStore.local(":memory:") as store, visiting(store) as visitor:
        await store.memory.save_thread(_THREAD)
        session = visitor.session
        async with AsyncExitStack() as stack:
            for _ in range(MOST_STREAMS):
                await (await stack.enter_async_context(following(visitor, "/threads"))).page()
            async with session.get(f"{visitor.base}/live/threads") as refused:
                assert refused.status == 503
            await visitor.page("/threads")
        async with asyncio.timeout(20):
            while True:
                async with session.get(f"{visitor.base}/live/threads") as response:
                    if response.status == 200:
                        break


async def test_what_cannot_be_followed() -> None:
    async with ConvexStore.local(":memory:") as store, visiting(store) as visitor:
        for path in ("", "/", "/raw?table=x", "/nothing", "/live/threads"):
            await visitor.html(f"/live{path}", status=404)
        async with visitor.session.head(f"{visitor.base}/live/threads") as response:
            assert response.status == 405


async def test_nothing_is_followed_where_that_is_switched_off() -> None:
    async with ConvexStore.local(":memory:") as store, visiting(store, is_live=False) as visitor:
        async with visitor.session.get(f"{visitor.base}/threads") as response:
            assert "script" not in await response.text()
            assert "script-src" not in response.headers["Content-Security-Policy"]
        await visitor.html("/live/threads", status=404)
        await visitor.html("/live.js", status=404)


async def test_the_end_of_the_server_ends_streams() -> None:
    async with ConvexStore.local(":memory:") as store, aiohttp.ClientSession() as session:
        async with visiting(store) as visitor:
            cookies = {cookie.key: cookie.value for cookie in visitor.session.cookie_jar}
            url = f"{visitor.base}/live/threads"
            response = await session.get(url, cookies=cookies)
            await Stream(response).page()
        with pytest.raises((AssertionError, aiohttp.ClientError)):
            await Stream(response).page()
