"""Studio itself, unmodified, in a browser: it shows what a Python store has (docs/studio.md).

Its files are fetched as `mastra-convex view --studio fetch` does. With SCREENSHOTS, a picture of each page is kept in
that folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mastra_convex import ConvexStore
from mastra_convex.view.app import serving, view_app
from mastra_convex.view.studio import BASE, QUERY_PATHS, StudioFiles, add_routes, fetch
from tests.view.chromium import PROGRAM, Browser, browser
from tests.view.studio.asking import TOKEN
from tests.view.studio.data import fill

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(PROGRAM is None and not os.environ.get("CI"), reason="Chromium is not installed"),
    pytest.mark.parametrize("backend", ["sqlite", "convex-test"], indirect=True),
]

_ABSENT = (
    "/agents/[^/]+/voice/speakers",
    "/channels/platforms",
    "/editor/builder/models/available",
    "/mcp/v0/servers",
    "/memory/threads/[0-9a-f-]{36}",  # of a new chat
    "/observability/feedback",
    "/processors",
    "/schedules",
    "/tools",
    "/workspaces",
)
_WRITING = ("/agents/[^/]+/threads/subscribe", "/workflows/book/create-run")
REFUSED = {404: re.compile("|".join(_ABSENT)), 405: re.compile("|".join(_WRITING))}
"""What Studio asks for that a store has not, or that would write; its pages stay whole."""


class Studio:
    """Studio in a browser."""

    def __init__(self, chromium: Browser, address: str, folder: Path) -> None:
        self.chromium = chromium
        self._address = address
        self._folder = folder

    async def open(self, path: str) -> None:
        await self.chromium.open(f"{self._address}{BASE}{path}")

    async def shows(self, *texts: str) -> None:
        for text in texts:
            await self.chromium.until(text)

    async def keep(self, name: str) -> None:
        await self.chromium.screenshot(self._folder / f"studio-{name}.png")

    def check(self) -> None:
        """Nothing went wrong in the page, and it asked nobody else."""
        for said in self.chromium.console:
            entry = said.get("entry", {})
            if entry.get("source") == "network":
                status = next(status for status in REFUSED if f" {status} " in entry["text"])
                path = urlsplit(entry["url"]).path.removeprefix("/api")
                assert REFUSED[status].fullmatch(path), (status, path)
            elif "exceptionDetails" in said:
                assert "AbortError: Transition was skipped" in str(said)  # a click while Studio still moved its page
            else:
                assert "error" not in (entry.get("level"), said.get("type")), said
        own = (self._address, "data:", "blob:")
        assert [url for url in self.chromium.requested if not url.startswith(own)] == []


@pytest.fixture
async def studio(store: ConvexStore, tmp_path: Path) -> AsyncIterator[Studio]:
    await fill(store)
    now = datetime.now(UTC)
    root = {"trace_id": "new", "span_id": "root", "name": "agent run: 'guide'", "span_type": "agent_run"}
    times = {"started_at": now - timedelta(minutes=2), "ended_at": now - timedelta(minutes=1)}
    usage = {"model": "m", "usage": {"inputTokens": 1234, "outputTokens": 5}}
    model = {"trace_id": "new", "span_id": "llm", "parent_span_id": "root", "name": "llm: 'm'", "attributes": usage}
    await store.observability.batch_create_spans(
        [
            {**root, **times, "thread_id": "trip", "entity_name": "guide", "entity_type": "agent"},
            {**model, **times, "span_type": "model_generation"},
        ]
    )
    files = StudioFiles(await fetch(lambda licence: None))
    app = view_app(store, token=TOKEN, extensions=[add_routes, files.add_to], reading_posts=QUERY_PATHS)
    async with browser(tmp_path / "profile") as chromium, serving(app, token=TOKEN, host="127.0.0.1", port=0) as link:
        await chromium.appear(width=1400, scheme="dark")
        await chromium.open(link)
        await chromium.scripts(run=True)
        yield Studio(chromium, link.partition("/login")[0], Path(os.environ.get("SCREENSHOTS", tmp_path)))


async def test_its_pages_show_what_is_stored(studio: Studio) -> None:
    for part in (_agents_threads_and_memory, _workflows_and_runs, _scores, _traces):
        await part(studio)
    studio.check()


async def _agents_threads_and_memory(studio: Studio) -> None:
    await studio.open("/agents")
    await studio.shows("All threads", "user-1")
    await studio.chromium.click("a", "user-1")
    await studio.chromium.click("a", "A trip")
    await studio.shows("Where is Oslo?", "In Norway, too.")
    await studio.chromium.click("button", "Memory")
    await studio.shows("Likes trains")
    await studio.keep("thread")
    await studio.chromium.write("[placeholder='Search memory...']", "bergen")
    await studio.shows("• A trip")  # where it was found, below Semantic Recall
    await studio.keep("search")


async def _workflows_and_runs(studio: Studio) -> None:
    await studio.open("/workflows")
    await studio.chromium.click("a", "book")
    for run, *shown in (
        ("waits", "Suspended", "Needs input"),
        ("failed", "WORKFLOW FAILED", "no hotel"),
        ("running", "Running"),
    ):
        await studio.chromium.click("a", run)
        await studio.shows(*shown, "Plans the trip", "Completed")
        await studio.keep(run)


async def _scores(studio: Studio) -> None:
    await studio.open("/evaluation")
    await studio.shows("avg 0.63")
    await studio.keep("overview")
    await studio.open("/scorers")
    await studio.chromium.click("a[href$=accuracy]", "How right it is")
    await studio.shows("0.5", "guide")
    await studio.keep("scores")


async def _traces(studio: Studio) -> None:
    await studio.open("/traces")
    await studio.shows("guide", "60.0s")
    await studio.chromium.click("button", "60.0s")
    await studio.shows("agent run: 'guide'", "llm: 'm'")
    await studio.keep("trace")
    await studio.chromium.click("button", "llm: 'm'")
    await studio.shows("Tokens Used", "1,239")
    await studio.keep("span")
