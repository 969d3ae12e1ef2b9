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


@pytest.mark.long
@pytest.mark.skipif(PROGRAM is None and not os.environ.get("CI"), reason="Chromium is not installed")
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
