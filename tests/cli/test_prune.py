"""`mastra-convex prune` as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables
from mastra_convex.server import LocalServer
from mastra_convex_domains import Message
from tests.backends import KEY
from tests.cli.commands import run, start


async def _fill(store: ConvexStore) -> None:
    now = datetime.now(UTC)
    for id, days in (("old", 40), ("older", 50), ("young", 10)):
        time = now - timedelta(days=days)
        await store.memory.save_thread({"id": id, "resource_id": "r", "created_at": time})
        message = Message(id=id, thread_id="other", resource_id="r", role="user", content="", created_at=time)
        await store.memory.save_messages([message])


async def _left(store: ConvexStore) -> tuple[int | None, int | None]:
    return (await store.memory.list_threads()).total, (await store.memory.list_messages("other")).total


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    async with ConvexStore.local(tmp_path / "agent.db") as store:
        await _fill(store)
    return tmp_path / "agent.db"


async def test_a_dry_run_counts_and_a_run_deletes(file: Path) -> None:
    policies = ("--policy", "memory.messages=30d", "--policy", "memory.threads=45d")
    counted = run("prune", *policies, "--file", file, "--dry-run")
    assert counted.returncode == 0
    assert counted.stdout == "memory: mastra_messages: 2 rows to delete\nmemory: mastra_threads: 1 row to delete\n"
    async with ConvexStore.local(file) as store:
        assert await _left(store) == (3, 3)

    done = run("prune", *policies, "--file", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "memory: mastra_messages: 2 rows deleted\nmemory: mastra_threads: 1 row deleted\n"
    async with ConvexStore.local(file) as store:
        assert await _left(store) == (2, 1)


def test_it_says_when_more_is_left(file: Path) -> None:
    bounded = ("prune", "--policy", "memory.messages=30d", "--file", file, "--max-rows", "1")
    assert "run the command again" in run(*bounded).stdout
    assert "run the command again" not in run(*bounded).stdout


async def test_the_deployment_of_the_environment() -> None:
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        store = ConvexStore(id="t", deployment_url=server.url, admin_auth_token=KEY)
        await _fill(store)
        code, output = await start(
            "prune", "--policy", "memory.messages=30d", CONVEX_URL=server.url, CONVEX_ADMIN_KEY=KEY
        )
        assert (code, output) == (0, "memory: mastra_messages: 2 rows deleted\n")
        assert await _left(store) == (3, 1)
        await store.aclose()
    await engine.aclose()


async def test_functions_deployed_at_another_path() -> None:
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    path = "agents/mastra/storage:handle"
    async with LocalServer(engine, admin_key=KEY, storage_function=path) as server:
        options = ("--policy", "memory.messages=30d", "--storage-function", path)
        found = await start("prune", *options, CONVEX_URL=server.url, CONVEX_ADMIN_KEY=KEY)
        assert found == (0, "memory: mastra_messages: 0 rows deleted\n")
    await engine.aclose()


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("messages=30d", "a policy looks like"),
        ("memory.messages", "a policy looks like"),
        ("memory.mesages=30d", "no table 'mesages'"),
        ("memroy.messages=30d", "domain that the store lacks: 'memroy'"),
        ("memory.messages=30", "max_age"),
    ],
)
def test_a_wrong_policy_is_one_line(file: Path, policy: str, problem: str) -> None:
    done = run("prune", "--file", file, "--policy", policy)

    assert done.returncode == 1
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_wrong_usage(file: Path, tmp_path: Path) -> None:
    assert run("prune", "--file", file).returncode == 2
    assert run("prune", "--policy", "memory.messages=30d", "--file", tmp_path / "none.db").returncode == 2
    assert not (tmp_path / "none.db").exists()
    twice = run("prune", "--file", file, "--policy", "memory.messages=30d", "--policy", "memory.messages=3d")
    assert "'memory.messages' has two policies" in twice.stderr


def test_no_deployment_in_the_environment() -> None:
    done = run("prune", "--policy", "memory.messages=30d")

    assert done.returncode == 1
    assert "CONVEX_URL is not set" in done.stderr


@pytest.mark.long
def test_retries_are_told_while_it_runs() -> None:
    policy = ("--policy", "memory.messages=30d")
    done = run("prune", *policy, CONVEX_URL="http://127.0.0.1:1", CONVEX_ADMIN_KEY=KEY)
    *warnings, error = done.stderr.splitlines()
    assert done.returncode == 1
    assert "attempt 1 failed" in warnings[0]
    assert "memory.prune: ConnectionFailedError" in warnings[-1]
    assert "cannot connect" in error
    assert KEY not in done.stderr
