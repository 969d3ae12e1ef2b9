"""`mastra-convex view --studio` as a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from mastra_convex import ConvexStore
from tests.cli.commands import COMMAND, environment, run
from tests.view.studio.data import fill
from tests.view.studio.test_routes import GETS, POSTS


@contextmanager
def serving(file: Path, studio: Path) -> Generator[str]:
    """The link that the command has printed."""
    command = [*COMMAND, "view", "--file", str(file), "--studio", str(studio), "--port", "0"]
    with subprocess.Popen(command, env=environment(), text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http"))
        finally:
            process.kill()


async def test_studio_reads_a_file_and_leaves_it_byte_for_byte_the_same(tmp_path: Path) -> None:
    file, studio = tmp_path / "agent.db", tmp_path / "studio"
    async with ConvexStore.local(file) as store:
        await fill(store)
    studio.mkdir()
    (studio / "index.html").write_text("Studio over %%MASTRA_API_PREFIX%%")
    before = file.read_bytes()
    jar = aiohttp.CookieJar(unsafe=True)  # of an address
    with serving(file, studio) as link:
        async with aiohttp.ClientSession(link.partition("/login")[0] + "/", cookie_jar=jar) as session:
            await session.get(link)
            for path in ("studio/agents", *(f"api{path or route}" for route, path in GETS.items())):
                async with session.get(path, params={"scorerId": "accuracy"}) as response:
                    assert response.status == 200, path
            for route, body in POSTS.items():
                async with session.post(f"api{route}", json=body) as response:
                    assert response.status == 200, route
            async with session.delete("api/memory/threads/trip") as response:
                assert (response.status, await response.json()) == (405, {"error": "read only"})
    assert file.read_bytes() == before


async def test_a_folder_that_is_not_studio_is_one_line(tmp_path: Path) -> None:
    async with ConvexStore.local(tmp_path / "agent.db") as store:
        await store.memory.save_thread({"resource_id": "user-1"})
    done = run("view", "--file", tmp_path / "agent.db", "--studio", tmp_path)
    assert done.returncode == 1
    assert "has no index.html" in done.stderr
