"""Chromium without a window, told what to do over its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")

_PATIENCE: Final = 30.0
"""Seconds after which what a page does not show will not come."""
_CLICKED: Final = """name => {
  const texts = each => [...each.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data);
  const names = each => [...texts(each), each.placeholder].map(text => text?.trim());
  const found = [...document.querySelectorAll("*")].find(each => names(each).includes(name) && each.checkVisibility());
  found?.focus();
  found?.click();
  return found;
}"""
_CHANGES: Final = """new Promise(done => {
  const look = () => { if (EXPRESSION) { changes.disconnect(); done(true) } };
  const changes = new MutationObserver(look);
  changes.observe(document.body, {subtree: true, childList: true, attributes: true});
  look();
})"""


class Browser:
    """One tab; keeps the addresses that it asked for, and what its console said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self._loaded = asyncio.Event()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requested: list[str] = []
        self.console: list[dict[str, Any]] = []

    async def listen(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                answer = self._answers.pop(said["id"])
                if not answer.cancelled():
                    answer.set_result(said)
            elif said["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif said["method"] == "Network.requestWillBeSent":
                self.requested.append(said["params"]["request"]["url"])
            elif said["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                self.console.append(said["params"])

    async def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        said = await answer
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, url: str) -> None:
        self._loaded.clear()
        await self.tell("Page.navigate", url=url)
        await self._loaded.wait()

    async def scripts(self, *, run: bool) -> None:
        await self.tell("Emulation.setScriptExecutionDisabled", value=not run)

    async def until(self, text: str) -> None:
        """Waits until the page shows a text; how its words are parted does not matter."""
        await self._found(f"document.body.innerText.replace(/\\s+/g, ' ').includes({json.dumps(text)})")

    async def click(self, name: str) -> None:
        """Waits for a text, or for a field that asks for it, and clicks on it."""
        await self._found(f"({_CLICKED})({json.dumps(name)})")

    async def type(self, text: str) -> None:
        """Writes a text where the focus is."""
        await self.tell("Input.insertText", text=text)

    async def _found(self, expression: str) -> None:
        """Waits until an expression is true, which is asked after each change of the page."""
        waiting = _CHANGES.replace("EXPRESSION", expression)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.value(waiting)
        except TimeoutError:
            raise AssertionError(f"{expression} is not so in: {await self.value('document.body.innerText')}") from None

    async def value(self, expression: str) -> Any:
        """Returns the value of an expression in the page."""
        said = await self.tell("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def width(self) -> int:
        """Returns how wide the page is, which is more than its window when something sticks out."""
        size: int = (await self.tell("Page.getLayoutMetrics"))["cssContentSize"]["width"]
        return size

    async def appear(self, *, width: int, scheme: str) -> None:
        await self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        await self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Keeps a picture of the whole page, or of the window; for the former the page may lay itself out anew."""
        shot = await self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


@asynccontextmanager
async def browser(folder: Path) -> AsyncGenerator[Browser]:
    """Starts Chromium with a profile in a folder, with scripts switched off."""
    assert PROGRAM is not None, "Chromium is not installed: .ci/browser does that"
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        while b"DevTools listening on" not in (line := await process.stderr.readline()):
            assert line, "Chromium ended"
        port = line.split(b":")[-1].split(b"/")[0].decode()
        drain = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                [tab] = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=1 << 28) as socket:
                found = Browser(socket)
                listening = asyncio.create_task(found.listen())
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await found.tell(f"{domain}.enable")
                await found.scripts(run=False)
                yield found
                listening.cancel()
        drain.cancel()
    finally:
        process.kill()
        await process.wait()
