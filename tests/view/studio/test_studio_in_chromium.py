"""Studio itself, unmodified, in a real browser: what is stored appears on its pages."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
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
]

_UNKNOWN: Final = 404
_NO_READ: Final = 405
_REFUSED: Final[Mapping[str, int]] = {
    "/api/tools": _UNKNOWN,
    "/api/processors": _UNKNOWN,
    "/api/mcp/v0/servers": _UNKNOWN,
    "/api/workspaces": _UNKNOWN,
    "/api/schedules": _UNKNOWN,
    "/api/channels/platforms": _UNKNOWN,
    "/api/observability/feedback": _UNKNOWN,
    "/api/editor/builder/models/available": _UNKNOWN,
    "/api/agents/[^/]+/voice/speakers": _UNKNOWN,
    "/api/memory/threads/[0-9a-f-]{36}": _UNKNOWN,  # of a new chat, which is in no store
    "/api/agents/[^/]+/threads/subscribe": _NO_READ,
    "/api/workflows/book/create-run": _NO_READ,
}
"""What Studio asks for by itself and does not get: things that a store does not have, and POSTs that start something;
by patterns of paths. Chromium logs each as an error of the network; Studio goes on without it.
"""

_LOGGED: Final = ("Telemetry is disabled", "Transition was skipped")
"""What Studio logs of itself: that it tells nobody, and that the next click came before the last had faded in."""


class Screenshots:
    """Keeps pictures in the folder SCREENSHOTS, where that is set."""

    def __init__(self, chromium: Browser, backend: str) -> None:
        self._chromium = chromium
        self._backend = backend

    async def take(self, name: str) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            await self._chromium.screenshot(Path(folder) / f"studio-{self._backend}-{name}.png", whole=False)


@pytest.fixture(scope="session")
async def files() -> StudioFiles:
    """The files as `--studio fetch` gets them."""
    try:
        return StudioFiles(await fetch(print))
    except OSError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("backend", ["sqlite", "convex-test"], indirect=True)
async def test_what_is_stored_appears_in_studio(
    store: ConvexStore, files: StudioFiles, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await fill(store, datetime.now(UTC) - timedelta(days=1))  # Studio lists the traces of the last days
    app = view_app(store, token=TOKEN, extensions=[add_routes, files.add_to], reading_posts=QUERY_PATHS)
    async with (
        serving(app, token=TOKEN, host="127.0.0.1", port=0) as link,
        browser(tmp_path / "profile") as chromium,
    ):
        await chromium.open(link)
        await chromium.scripts(run=True)
        await chromium.appear(width=1300, scheme="light")
        base = link.partition("/login")[0]
        shots = Screenshots(chromium, request.node.callspec.params["backend"])
        await chromium.open(f"{base}{BASE}/agents")
        await _threads(chromium, shots)
        await _runs(chromium, shots)
        await _scores(chromium, shots)
        await _traces(chromium, shots)
        assert {url for url in chromium.requested if not url.startswith((base, "data:", "blob:"))} == set()
        assert [str(said) for said in chromium.console if not _is_expected(said)] == []


async def _threads(chromium: Browser, shots: Screenshots) -> None:
    await chromium.until("All threads")
    await shots.take("agents")
    await chromium.click("user-1")
    await chromium.click("A trip")
    for text in ("Where is Oslo?", "In Norway.", "And Bergen?", "In Norway, too."):
        await chromium.until(text)
    await chromium.click("Memory")
    await chromium.until("Likes trains")
    await chromium.click("Search memory...")
    await chromium.type("norway too")
    await chromium.until("• A trip In Norway, too.")
    await shots.take("thread")


async def _runs(chromium: Browser, shots: Screenshots) -> None:
    await chromium.click("Workflows")
    await chromium.click("book")
    for run, texts in {
        "waits": ("Workflow run Suspended", "hotel Step Needs input", "plan Step Plans the trip Completed 1s"),
        "failed": ("Workflow run Failed", "no hotel"),
        "running": ("Workflow run Running",),
        "done": ("Workflow run Success",),
    }.items():
        await chromium.click(run)
        for text in texts:
            await chromium.until(text)
        await shots.take(f"run-{run}")


async def _scores(chromium: Browser, shots: Screenshots) -> None:
    await chromium.click("Overview")
    await chromium.until("accuracy 0.17 avg")
    await shots.take("overview")
    await chromium.click("Scorers")
    await chromium.click("Accuracy")  # the newest, whose id no path can hold
    await chromium.until("1 guide")
    await shots.take("scores")


async def _traces(chromium: Browser, shots: Screenshots) -> None:
    await chromium.click("Traces")
    await chromium.click("Where is Oslo?")  # the newest, whose id no path can hold
    for text in ("agent run: 'guide' 2.000 s", "llm: 'm' 2.000 s", "Tool call failed", "Where is Oslo?"):
        await chromium.until(text)
    await shots.take("trace")


def _is_expected(said: Mapping[str, Any]) -> bool:
    """Whether the console may say this: what Studio logs of itself, and what it asks for and does not get."""
    if "entry" not in said:
        return any(text in str(said) for text in _LOGGED)
    entry = said["entry"]
    path = urlsplit(entry.get("url", "")).path
    status = next((status for pattern, status in _REFUSED.items() if re.fullmatch(pattern, path)), None)
    return entry["source"] == "network" and f"a status of {status} " in entry["text"]
