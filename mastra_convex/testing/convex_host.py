"""A Node process that runs Convex functions on convex-test and speaks Convex's HTTP interface."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from mastra_convex.deploy.scaffold import scaffold
from mastra_convex.errors import ConfigurationError
from mastra_convex.tables import Table

KEY: Final = "test-key|0123456789"
"""The admin key of the servers of the tests."""

CACHE_VARIABLE: Final = "MASTRA_CONVEX_CACHE"
"""Names the folder that keeps convex-test between runs; by default it is in the user's cache."""

_OLDEST_NODE: Final = 20
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_IN_WHEEL: Final = _PACKAGE / "_convex_host"
_IN_CHECKOUT: Final = _PACKAGE.parent / "convex_functions" / "tests" / "host"


class NodeMissingError(ConfigurationError):
    """Says that Node, or what it needs, is not there, so that tests on convex-test cannot run."""


class ConvexHost:
    """Controls the process: it empties the database, loads rows, counts, fails on demand and moves the clock."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def reset(self, keep: str = "none") -> None:
        """Empties the database and the counters."""
        await self._request("POST", f"/__reset?keep={keep}")

    async def load(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        """Loads rows of test data without paying for a commit."""
        await self._request("POST", "/__load", tables)

    async def stats(self) -> dict[str, Any]:
        """Returns what the calls since the last reset cost."""
        stats: dict[str, Any] = await self._request("GET", "/__stats")
        return stats

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns the rows of a table as they are stored."""
        rows: list[dict[str, Any]] = await self._request("GET", f"/__dump?table={table}")
        return rows

    async def functions(self) -> list[dict[str, Any]]:
        """Returns every function that is deployed: its path, its kind, whether it is public."""
        functions: list[dict[str, Any]] = await self._request("GET", "/__functions")
        return functions

    async def fail(self, **rule: Any) -> None:
        """Makes calls fail by a rule."""
        await self._request("POST", "/__fail", rule)

    async def advance(self, time: timedelta) -> None:
        """Puts the clock of the functions forward."""
        await self._request("POST", "/__clock", {"milliseconds": time.total_seconds() * 1000})

    async def _request(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else BytesIO(orjson.dumps(body))
        # A session of its own each time: tests may run on one event loop after another.
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=data) as response,
        ):
            response.raise_for_status()
            return await response.json()


@contextmanager
def run_host(functions: Path) -> Generator[ConvexHost]:
    """Runs the host over a folder of functions, as `convex deploy` would take it, while the context lasts.

    Raises NodeMissingError when Node or convex-test is not there.
    """
    folder = _host_folder()
    command = [node(), str(folder / "run.mjs"), "--functions", str(functions), "--key", KEY]
    if os.environ.get("CONVEX_HOST_NO_REDACT"):
        command.append("--no-redact")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  # our own
        try:
            assert process.stdout is not None  # noqa: S101
            line = process.stdout.readline()
            if not line:
                raise NodeMissingError("the host of convex-test did not start; its words are above")
            yield ConvexHost(str(orjson.loads(line)["url"]))
        finally:
            process.terminate()


@contextmanager
def project_host(tables: Iterable[Table]) -> Generator[ConvexHost]:
    """Runs the host over a project as `mastra-convex init` makes it, whose schema has these tables."""
    modules = _host_folder() / "node_modules"
    with tempfile.TemporaryDirectory(prefix="mastra-convex-test-") as directory:
        project = Path(directory)
        scaffold(project, tables)
        (project / "package.json").write_text('{"type": "module"}')
        (project / "node_modules").symlink_to(modules if modules.is_dir() else _IN_CHECKOUT.parents[1] / "node_modules")
        with run_host(project / "convex") as host:
            yield host


def node() -> str:
    """Finds Node. Raises NodeMissingError where there is none, or one that is too old."""
    remedy = f"install Node {_OLDEST_NODE} or later, or leave convex-test out"
    try:
        found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607  # of PATH
    except (OSError, subprocess.CalledProcessError) as error:
        raise NodeMissingError(f"convex-test runs on `node`, which does not start; {remedy}") from error
    version = found.stdout.strip()
    number = re.match(r"v(\d+)", version)
    if number is None or int(number[1]) < _OLDEST_NODE:
        raise NodeMissingError(f"convex-test runs on `node`, which is {version}; {remedy}")
    return "node"


def _host_folder() -> Path:
    """Returns the folder with the host and its modules: in a checkout as it is, else a copy in the cache."""
    if not _IN_WHEEL.is_dir():
        if not (_IN_CHECKOUT.parents[1] / "node_modules" / "convex-test").is_dir():
            raise NodeMissingError("convex-test is not installed; run `npm ci --prefix convex_functions`")
        return _IN_CHECKOUT
    files = sorted(path for path in _IN_WHEEL.iterdir() if path.is_file())
    digest = hashlib.blake2b(b"".join(path.name.encode() + path.read_bytes() for path in files), digest_size=8)
    home = os.environ.get(CACHE_VARIABLE) or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(home) / f"mastra-convex-test-{digest.hexdigest()}"
    if not folder.is_dir():
        _install(files, folder)
    return folder


def _install(files: Iterable[Path], folder: Path) -> None:
    """Makes the folder. It appears when it is complete, so that several runs may do this at once."""
    npm = shutil.which("npm")
    if npm is None:
        raise NodeMissingError("convex-test is installed by `npm` when it is first used; there is no `npm`")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        for file in files:
            shutil.copy(file, new)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=new, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise NodeMissingError(f"`npm install` of convex-test failed in {folder.parent}: {done.stderr.strip()}")
        if not folder.is_dir():
            new.rename(folder)
    except OSError:
        if not folder.is_dir():  # another run was faster
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
