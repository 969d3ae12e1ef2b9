"""`mastra-convex export`, `import`, `copy`, `erase` and `backup` as processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastra_convex import ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables
from mastra_convex.server import LocalServer
from tests.backends import KEY
from tests.cli.commands import run, start
from tests.data import messages, thread


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    async with ConvexStore.local(tmp_path / "agent.db") as store:
        for user in ("user-1", "user-2"):
            await store.memory.save_thread(thread(f"t-{user}", resource_id=user))
            await store.memory.save_messages(messages(3, thread_id=f"t-{user}", resource_id=user))
    return tmp_path / "agent.db"


def test_out_and_in_again(file: Path, tmp_path: Path) -> None:
    done = run("export", tmp_path / "x.zip", "--file", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "mastra_threads: 2 rows written\nmastra_messages: 6 rows written\n"
    done = run("import", tmp_path / "x.zip", "--file", tmp_path / "b.db", "--only", "memory")
    assert (done.returncode, done.stdout) == (0, "mastra_threads: 2 rows written\nmastra_messages: 6 rows written\n")
    again = run("import", tmp_path / "x.zip", "--file", tmp_path / "b.db")
    assert again.stdout == "Nothing written.\n8 rows were there already.\n"


def test_what_belongs_to_a_resource(file: Path, tmp_path: Path) -> None:
    done = run("export", tmp_path / "x.zip", "--file", file, "--resource", "user-1")
    assert done.stdout == "mastra_messages: 3 rows written\nmastra_threads: 1 row written\n"
    refused = run("erase", "--resource", "user-1", "--file", file)
    assert refused.returncode == 1
    erased = run("erase", "--resource", "user-1", "--file", file, "--yes")
    assert erased.stdout == "mastra_messages: 3 rows deleted\nmastra_threads: 1 row deleted\n"
    assert run("erase", "--resource", "user-1", "--file", file, "--yes").stdout == "Nothing deleted.\n"


async def test_a_copy_to_a_deployment_and_back(file: Path, tmp_path: Path) -> None:
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        environment = {"CONVEX_URL": server.url, "CONVEX_ADMIN_KEY": KEY}
        code, output = await start("copy", "--from", file, "--to-env", **environment)
        assert (code, output.splitlines()[-1]) == (0, "Each row was read again at its new place and is the same.")
        back = ("copy", "--from", server.url, "--to", tmp_path / "back.db")
        assert (await start(*back))[0] == 1
        assert (await start(*back, CONVEX_FROM_ADMIN_KEY=KEY))[0] == 0
    await engine.aclose()
    async with ConvexStore.local(file) as here, ConvexStore.local(tmp_path / "back.db") as there:
        assert await there.memory.list_threads() == await here.memory.list_threads()


def test_a_backup(file: Path, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "copy.db", "--file", file).returncode == 0
    again = run("backup", tmp_path / "copy.db", "--file", file)
    assert again.returncode == 1
    assert "exists; give the path of a new file" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["copy", "--to-env"], "name one source"),
        (["copy", "--from-env", "--to-env"], "name one source"),
        (["copy", "--from", "nowhere.db", "--to", "x.db"], "there is no file 'nowhere.db'"),
        (["import", "nowhere.zip", "--file", "x.db"], "does not exist"),
        (["export", "x.zip", "--file", "{file}", "--only", "memroy"], "did you mean 'memory'?"),
        (
            ["export", "x.zip", "--file", "{file}", "--only", "memory", "--resource", "user-1"],
            "either only or resource_id",
        ),
    ],
)
def test_wrong_usage(file: Path, tmp_path: Path, arguments: list[str], problem: str) -> None:
    done = run(*(argument.format(file=file) for argument in arguments), cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert problem in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "x.zip").exists()
