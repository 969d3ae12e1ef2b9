"""`mastra-convex view`: prints the link, serves until it is told to stop."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


async def test_the_link_opens_the_pages(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as store:
        await store.memory.save_thread({"id": "t", "resource_id": "r", "title": "A trip"})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mastra_convex", "view", "--file", str(path), "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        told = (await process.stdout.readline() + await process.stdout.readline()).decode()
        link = re.search(r"http://127\.0\.0\.1:\d+/login\?token=[\w-]{32}", told)
        assert link is not None, told
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(link[0]) as answer:
                assert "/threads" in await answer.text()
            async with session.get(answer.url.with_path("/threads")) as answer:
                assert "A trip" in await answer.text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
