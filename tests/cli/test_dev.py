"""`mastra-convex dev` as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mastra_convex import ConvexStore, MastraConvexError
from mastra_convex.remote.retry import RetryPolicy
from tests.cli.commands import COMMAND, environment, run
from tests.effort import some


@dataclass
class Running:
    process: subprocess.Popen[str]
    lines: list[str]
    url: str
    key: str

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait()


@contextmanager
def running(*arguments: str | Path, **variables: str) -> Generator[Running]:
    """The server, once it has printed the two environment variables."""
    command = [*COMMAND, "dev", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment(**variables), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield _announced(process)
        finally:
            process.kill()


def _announced(process: subprocess.Popen[str]) -> Running:
    assert process.stdout is not None
    lines: list[str] = []
    found: dict[str, str] = {}
    while "CONVEX_ADMIN_KEY" not in found:
        lines.append(process.stdout.readline())
        assert lines[-1], "the server ended"
        if lines[-1].startswith("export "):
            name, _, value = lines[-1].removeprefix("export ").strip().partition("=")
            found[name] = value.strip("'")
    return Running(process, lines, found["CONVEX_URL"], found["CONVEX_ADMIN_KEY"])


@pytest.mark.parametrize("number", some([signal.SIGINT, signal.SIGTERM], [signal.SIGINT]))
async def test_a_store_works_against_it_until_it_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    with running("--file", tmp_path / "dev.db") as server:
        async with ConvexStore(id="t", deployment_url=server.url, admin_auth_token=server.key) as store:
            await store.memory.save_thread({"id": "t1", "resource_id": "r1", "title": "你好 👋"})
            thread = await store.memory.get_thread_by_id("t1")
            assert thread is not None
            assert thread.title == "你好 👋"

        assert server.stop(number) == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""

    async with ConvexStore.local(tmp_path / "dev.db") as store:
        assert (await store.memory.list_threads()).total == 1


@pytest.mark.long
async def test_the_printed_variables_are_those_of_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as server:
        monkeypatch.setenv("CONVEX_URL", server.url)
        monkeypatch.setenv("CONVEX_ADMIN_KEY", server.key)
        async with ConvexStore.from_env() as store:
            assert (await store.memory.list_threads()).total == 0
        assert len(server.key) == 64
        assert "memory" in server.lines[0]


@pytest.mark.long
def test_the_key_of_the_caller_is_used() -> None:
    with running("--admin-key", "dev|mine") as server:
        assert server.key == "dev|mine"
        assert "export CONVEX_ADMIN_KEY='dev|mine'\n" in server.lines
    with running(CONVEX_ADMIN_KEY="from-environment") as server:
        assert server.key == "from-environment"


@pytest.mark.long
async def test_what_was_answered_before_the_end_is_kept(tmp_path: Path) -> None:
    with running("--file", tmp_path / "dev.db") as server:
        retry = RetryPolicy(attempts=1)
        saved: set[str] = set()

        async def save(store: ConvexStore, id: str) -> None:
            try:
                await store.memory.save_thread({"id": id, "resource_id": "r"})
            except MastraConvexError:
                return
            if not saved:
                server.process.send_signal(signal.SIGTERM)
            saved.add(id)

        async with ConvexStore(id="t", deployment_url=server.url, admin_auth_token=server.key, retry=retry) as store:
            await asyncio.gather(*(save(store, f"t{n}") for n in range(100)))
        assert server.process.wait() == 0

    async with ConvexStore.local(tmp_path / "dev.db") as store:
        kept = {thread.id async for thread in store.memory.iter_threads()}
    assert saved
    assert saved <= kept


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("dev", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 1
    assert "in use" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "CONVEX_" not in done.stdout


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 100)

    done = run("dev", "--port", "0", "--file", tmp_path / "notes.txt")

    assert done.returncode == 1
    assert "not a SQLite database" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_that_cannot_travel() -> None:
    done = run("dev", "--port", "0", "--admin-key", "two words")

    assert done.returncode == 1
    assert "--admin-key" in done.stderr
    assert "two words" not in done.stderr
