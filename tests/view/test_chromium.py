"""Each page in a real browser: nothing from elsewhere, no error, no script, narrow and wide, light and dark."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mastra_convex import ConvexStore
from tests.view.browsing import visiting
from tests.view.chromium import PROGRAM, browser
from tests.view.hostile import fill

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(PROGRAM is None and not os.environ.get("CI"), reason="Chromium is not installed"),
]


async def test_every_page_in_chromium(tmp_path: Path) -> None:
    """Keeps a screenshot of each page in the folder SCREENSHOTS, where that is set."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    async with ConvexStore.local(":memory:") as store, browser(tmp_path / "profile") as chromium:
        await fill(store)
        async with visiting(store) as visitor:
            paths = await visitor.all_pages()
            pages = {urlsplit(path).path: path for path in reversed(paths)}
            await chromium.open(visitor.link)
            for width, scheme in ((360, "light"), (1000, "dark")):
                await chromium.appear(width=width, scheme=scheme)
                for name, path in pages.items():
                    await chromium.open(visitor.base + path)
                    assert await chromium.width() <= width, path
                    await chromium.screenshot(folder / f"{name.strip('/') or 'home'}-{width}.png")
            assert not chromium.console
            elsewhere = [url for url in chromium.requested if not url.startswith((visitor.base, "data:"))]
            assert not elsewhere


async def test_an_open_page_shows_what_is_new_and_keeps_what_the_reader_did(tmp_path: Path) -> None:
    async with ConvexStore.local(":memory:") as store, browser(tmp_path / "profile") as chromium:
        thread = {"id": "t", "resource_id": "r", "title": "A trip", "metadata": {"city": "Oslo"}}
        await store.memory.save_thread(thread)
        async with visiting(store) as visitor:
            await chromium.open(visitor.link)
            await chromium.scripts(run=True)
            await chromium.open(f"{visitor.base}/thread?id=t&order=newest")
            await chromium.value("document.querySelector('summary').click()")
            await chromium.value("document.querySelector('summary').focus()")
            for n in range(3):
                message = {"thread_id": "t", "resource_id": "r", "role": "user", "content": f"Message {n}"}
                await store.memory.save_messages([message])
                await chromium.until(f"Message {n}")
            texts = await chromium.value("[...document.querySelectorAll('article .text')].map(each => each.innerText)")
            assert texts == ["Message 2", "Message 1", "Message 0"]
            assert await chromium.value("document.querySelector('details').open")
            assert await chromium.value("document.activeElement.innerText") == "Metadata"
            await chromium.open(f"{visitor.base}/threads")
            await chromium.value("document.querySelector('input').value = 'half a wo'")
            await store.memory.save_thread({**thread, "id": "u", "title": "Another"})
            await chromium.until("Another")
            assert await chromium.value("document.querySelector('input').value") == "half a wo"
            assert not chromium.console
            assert all(url.startswith((visitor.base, "data:")) for url in chromium.requested)
