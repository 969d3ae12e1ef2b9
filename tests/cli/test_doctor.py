"""`mastra-convex doctor` as a process of its own: what it finds in deployments and files that are well or ill."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.domain import DomainStore, Field, Index, Put, Table
from mastra_convex.engine.protocol import PROTOCOL
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables
from mastra_convex.rows.times import now
from mastra_convex.server import LocalServer
from mastra_convex.store import inspect_file
from mastra_convex.version import VERSION
from tests.backends import KEY, ConvexHost, convex_host, open_backend
from tests.cli.commands import run, start
from tests.conftest import StartHost
from tests.data import change_time
from tests.effort import some
from tests.remote.programmable import (
    Answer,
    ProgrammableServer,
    Reaction,
    function_error,
    programmable_server,
    success,
    system_error,
)

HOUR = 3_600
READ, HANDLE, SEARCH = (f"mastra/storage:{name}" for name in ("read", "handle", "search"))


def by_name(output: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(output)["checks"]}


async def examine(url: str, *options: str, key: str = KEY) -> tuple[int | None, dict[str, dict[str, Any]]]:
    code, output = await start("doctor", "--json", *options, CONVEX_URL=url, CONVEX_ADMIN_KEY=key)
    assert key not in output
    assert json.loads(output)["ok"] is (code == 0)
    return code, by_name(output)


@pytest.mark.parametrize("name", ["server", "convex-test"])
async def test_all_is_well(name: str, tmp_path: Path, start_host: StartHost) -> None:
    async with open_backend(name, tmp_path, await start_host() if name == "convex-test" else None) as backend:
        url = backend.store()._location
        code, checks = await examine(url)
    assert code == 0
    assert {name: check["ok"] for name, check in checks.items()} == dict.fromkeys(
        (
            "url",
            "reachable",
            "key",
            "functions",
            "version",
            "tables",
            "indexes",
            "may write",
            "clock",
            "may search",
            "latency",
        ),
        True,
    )
    assert checks["version"]["facts"] == {"deployed": VERSION}
    assert abs(checks["clock"]["facts"]["difference_ms"]) < 60_000
    assert checks["latency"]["facts"]["median_ms"] > 0


async def test_a_table_for_people(host: ConvexHost) -> None:
    code, output = await start("doctor", CONVEX_URL=host.url, CONVEX_ADMIN_KEY=KEY)
    assert code == 0
    assert output.startswith(f"ok     url        {host.url}\nok     reachable  it answers\n")
    assert len(output.splitlines()) == 11


def last(checks: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The check at which the examination ended."""
    *passed, check = checks.values()
    assert all(one["ok"] for one in passed)
    assert check["ok"] is False
    return check["name"], check


WRONG_ADDRESSES = {
    "https://dashboard.convex.dev/d/happy-otter-123": ("is a page of convex.dev", "https://<name>.convex.cloud"),
    "https://docs.convex.dev": ("is a page of convex.dev", "https://<name>.convex.cloud"),
    "https://happy-otter-123.convex.site": ("serves HTTP actions only", ".convex.cloud"),
    '"https://happy-otter-123.convex.cloud"': ("has quotes around it", "remove them"),
    "'https://happy-otter-123.convex.cloud'": ("has quotes around it", "remove them"),
    "happy-otter-123.convex.cloud": ("must be an absolute URL like https://<name>.convex.cloud", ""),
    "prod:happy-otter-123|abc": ("must be an absolute URL like https://<name>.convex.cloud", ""),
    "http://convex.internal": ("must be https", "--allow-http"),
}


@pytest.mark.parametrize("url", WRONG_ADDRESSES)
def test_an_address_that_is_none_of_a_deployment(url: str) -> None:
    done = run("doctor", "--json", CONVEX_URL=url, CONVEX_ADMIN_KEY=KEY)
    name, check = last(by_name(done.stdout))
    wrong, remedy = WRONG_ADDRESSES[url]
    assert (done.returncode, name) == (1, "url")
    assert wrong in check["detail"]
    assert remedy in check["remedy"]


@pytest.mark.parametrize("key", ['"prod:x|abc"', "'prod:x|abc'", "`x`", '"prod:x|abc', "https://x.convex.cloud"])
def test_a_key_that_is_none(key: str) -> None:
    done = run("doctor", "--json", CONVEX_URL="https://x.convex.cloud", CONVEX_ADMIN_KEY=key)
    name, check = last(by_name(done.stdout))
    assert (done.returncode, name) == (1, "url")
    assert "admin_auth_token" in check["detail"]
    assert check["remedy"]
    assert "prod:x" not in done.stdout


async def test_where_it_ends(host: ConvexHost) -> None:
    secure = host.url.replace("http://", "https://")
    for url, wrong, remedy in (
        ("http://127.0.0.1:9", "nothing listens there", "check deployment_url"),
        ("https://nowhere.invalid", "unknown", "check deployment_url"),
        (secure, f"{secure} does not speak https", "try http"),
        (f"{host.url}/elsewhere", "nothing of Convex answers there", "check deployment_url"),
    ):
        done = await asyncio.to_thread(run, "doctor", "--json", CONVEX_URL=url, CONVEX_ADMIN_KEY=KEY)
        name, check = last(by_name(done.stdout))
        assert (done.returncode, done.stderr, name) == (1, "", "reachable")
        assert wrong in check["detail"]
        assert "Error" not in check["detail"]
        assert remedy in check["remedy"]
    code, checks = await examine(host.url, key="another-key|0123456789")
    assert (code, last(checks)[0]) == (1, "key")
    assert "of this deployment" in last(checks)[1]["remedy"]
    code, checks = await examine(host.url, "--storage-function", "elsewhere/storage:handle")
    assert (code, last(checks)[0]) == (1, "functions")
    assert "'elsewhere/storage:read'" in last(checks)[1]["detail"]
    assert "`mastra-convex init --path elsewhere`" in last(checks)[1]["remedy"]


def test_plain_http_is_allowed_on_demand() -> None:
    url = "http://nowhere.invalid"
    done = run("doctor", "--json", "--allow-http", CONVEX_URL=url, CONVEX_ADMIN_KEY=KEY)
    assert (done.returncode, last(by_name(done.stdout))[0]) == (1, "reachable")


async def test_the_storage_function_of_the_environment(host: ConvexHost) -> None:
    variables = {"CONVEX_URL": host.url, "CONVEX_ADMIN_KEY": KEY, "CONVEX_STORAGE_FUNCTION": "elsewhere/storage:handle"}
    code, output = await start("doctor", "--json", **variables)
    assert (code, last(by_name(output))[0]) == (1, "functions")
    assert "'elsewhere/storage:read'" in output


async def test_a_local_server_without_a_table() -> None:
    declared = [table for table in declared_tables() if table.name != "mastra_scorers"]
    engine = LocalEngine(":memory:", declared, receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        code, checks = await examine(server.url)
    await engine.aclose()
    assert code == 1
    assert checks["tables"]["facts"] == {"missing": ["mastra_scorers"]}
    assert "`mastra-convex dev` runs, and restart it" in checks["tables"]["remedy"]
    assert "init" not in checks["tables"]["remedy"]


@pytest.mark.long
@pytest.mark.parametrize("columns", some(["80", "50", "20"], ["80"]))
async def test_lines_break_at_words_and_the_remedy_has_its_own(columns: str) -> None:
    async with convex_host("stock") as host:
        code, output = await start("doctor", CONVEX_URL=host.url, CONVEX_ADMIN_KEY=KEY, COLUMNS=columns)
    assert code == 1
    lines = output.splitlines()
    assert "mastra_vectors.by_record_id" in output.replace(",", "").split()
    assert "`npx convex deploy`" in output
    assert columns != "80" or max(map(len, lines)) <= 80
    [remedy] = [line for line in lines if line.startswith("       to do")]
    assert "run" in remedy


async def test_indexes_that_the_database_lacks() -> None:
    async with convex_host("stock") as host:
        code, checks = await examine(host.url)
    assert code == 1
    assert [name for name, check in checks.items() if not check["ok"]] == ["indexes"]
    assert "mastra_vectors.by_record_id" in checks["indexes"]["facts"]["missing"]
    assert "mastra-convex init" in checks["indexes"]["remedy"]


PING = success({"protocol": PROTOCOL, "version": "0.0.9", "results": []})


@pytest.fixture
async def server() -> AsyncIterator[ProgrammableServer]:
    """A deployment of an earlier version, whose clock is a day ahead."""
    async with programmable_server() as server:
        receipt = {"id": "x", "outcome": "{}", "_creationTime": (time.time() + 24 * HOUR) * 1000}
        result = {"status": "done", "outcomes": [], "returned": [{"rows": [receipt]}], "hits": []}
        server.by_function = {READ: PING}
        server.usual = success({"protocol": PROTOCOL, "result": result})
        yield server


async def test_another_version_a_missing_table_and_a_wrong_clock(server: ProgrammableServer) -> None:
    lacking = {"code": "SchemaMismatch", "version": "0.0.9", "tables": ["notes"], "columns": ["a.b"], "indexes": []}
    server.queue(PING, function_error("", lacking))
    code, checks = await examine(server.url)
    assert code == 1
    assert [name for name, check in checks.items() if not check["ok"]] == ["version", "tables", "clock"]
    assert checks["version"]["facts"] == {"deployed": "0.0.9"}
    assert checks["tables"]["facts"] == {"missing": ["notes", "a.b"]}
    assert 23 * HOUR < checks["clock"]["facts"]["difference_ms"] / 1000 <= 24 * HOUR
    assert "ahead" in checks["clock"]["detail"]


@pytest.mark.parametrize(
    "refusal",
    [
        system_error(403, "OperationNotPermitted"),
        function_error("Could not find public function for 'x'."),
    ],
)
async def test_a_read_only_key(server: ProgrammableServer, refusal: Answer) -> None:
    refusals: dict[str, Reaction] = {HANDLE: refusal, SEARCH: refusal}
    server.by_function.update(refusals)
    code, checks = await examine(server.url)
    assert code == 1
    for name in ("may write", "may search"):
        assert checks[name]["ok"] is False
        assert "read-only key" in checks[name]["remedy"]
    assert "clock" not in checks
    assert checks["latency"]["ok"]


async def test_the_handler_of_mastra_is_named(server: ProgrammableServer) -> None:
    missing = function_error("Could not find public function for 'x'.")
    server.queue(missing, success({"ok": False, "error": "Cannot read properties of undefined"}))
    code, checks = await examine(server.url)
    assert (code, last(checks)[0]) == (1, "functions")
    assert "@mastra/convex" in last(checks)[1]["detail"]
    assert "`mastra-convex init --path mastra_py`" in last(checks)[1]["remedy"]


def test_no_deployment_is_named() -> None:
    done = run("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("WRONG  url        CONVEX_URL is not set")


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    async with ConvexStore.local(tmp_path / "agent.db") as store:
        for n in range(200):
            await store.memory.save_thread({"id": f"t{n}", "resource_id": "r", "title": "x" * 500})
    return tmp_path / "agent.db"


def examine_file(file: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    before = file.read_bytes()
    done = run("doctor", "--json", "--file", file)
    assert file.read_bytes() == before
    return done.returncode, by_name(done.stdout)


def test_a_file_that_is_well(file: Path) -> None:
    code, checks = examine_file(file)
    assert code == 0
    assert list(checks) == ["file", "integrity", "tables", "indexes", "rows"]


@pytest.mark.parametrize("where", some(["file", "server"], ["file"]))
async def test_traces_that_nobody_has_pruned(where: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    root = {"span_id": "s", "name": "n", "span_type": "agent_run", "started_at": "2026-01-01T00:00:00Z"}
    async with ConvexStore.local(path) as store:
        await store.observability.batch_create_spans([{**root, "trace_id": f"t{n}"} for n in range(3)])
    engine = LocalEngine(path, declared_tables(), receipts=True)
    for n in range(2):
        await change_time(engine, "mastra_trace_roots", f"t{n}", now() - timedelta(days=31))
    if where == "server":
        async with LocalServer(engine, admin_key=KEY) as server:
            code, checks = await examine(server.url)
    else:
        await engine.aclose()
        code, checks = examine_file(path)
    await engine.aclose()
    assert (code, checks["traces"]["ok"]) == (0, True)
    assert checks["traces"]["detail"] == "older than 30 days: 2"
    assert "prune --policy observability.traces=30d" in checks["traces"]["remedy"]


def test_what_the_next_use_adds_is_no_fault(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute('DROP INDEX "mastra_threads:resourceId"')
    connection.execute("DROP TABLE mastra_scorers")
    connection.close()
    code, checks = examine_file(file)
    assert code == 0
    assert checks["tables"]["facts"] == {"missing": ["mastra_scorers"]}
    assert checks["indexes"]["facts"] == {"missing": ["mastra_threads.by_resource"]}


def test_a_damaged_file(file: Path) -> None:
    body = bytearray(file.read_bytes())
    middle = len(body) // 2
    body[middle : middle + 8192] = b"\xff" * 8192
    file.write_bytes(body)
    code, checks = examine_file(file)
    assert code == 1
    assert not all(check["ok"] for check in checks.values())


@pytest.mark.parametrize(
    "change",
    some(
        [
            "doc = substr(doc, 1, 40)",
            "doc = CAST(x'7b22ff' AS TEXT)",
            "doc = 'null'",
            "doc = '[]'",
            "doc = json_remove(doc, '$.createdAt')",
            "doc = json_set(doc, '$.createdAt', 5)",
            "k_resourceId = k_id",
            "k_createdAt = NULL",
        ],
        ["doc = substr(doc, 1, 40)", "k_createdAt = NULL"],
    ),
)
def test_damaged_rows_are_named(file: Path, change: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(f"UPDATE mastra_threads SET {change} WHERE _seq = 3")
    connection.close()
    code, checks = examine_file(file)
    assert (code, checks["integrity"]["ok"], checks["rows"]["ok"]) == (1, True, False)
    assert checks["rows"]["detail"].startswith("the row 't2' of mastra_threads is damaged: ")


def test_a_row_that_no_longer_fits_its_declaration_is_named(tmp_path: Path) -> None:
    indexes = (Index("by_record_id", ("id",)),)
    before = Table("acme_feedback", (Field("id"), Field("stars")), indexes)
    after = Table("acme_feedback", (Field("id"), Field("stars", "number"), Field("comment")), indexes)

    class Feedback(DomainStore):
        name = "feedback"
        tables = (before,)

        async def save(self) -> None:
            await self._records.commit([Put(table=before.name, rows=[{"id": "f1", "stars": "5"}])])

    async def save() -> None:
        async with ConvexStore.local(tmp_path / "agent.db", domains=[Feedback]) as store:
            await store.domain(Feedback).save()

    asyncio.run(save())
    assert inspect_file(tmp_path / "agent.db", [before]).damaged_rows == []
    [row] = inspect_file(tmp_path / "agent.db", [after]).damaged_rows
    assert row.startswith("the row 'f1' of acme_feedback is damaged: acme_feedback.stars does not match its validator")


def test_many_damaged_rows_are_counted(file: Path) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE mastra_threads SET doc = 'null'")
    connection.close()
    _, checks = examine_file(file)
    facts = checks["rows"]["facts"]
    assert (len(facts["damaged"]), facts["count"]) == (100, 200)
    assert checks["rows"]["detail"].endswith("; 100 others")


def test_a_file_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE users (name TEXT)")
    connection.close()
    code, checks = examine_file(path)
    assert code == 1
    assert "is this the file?" in checks["tables"]["detail"]
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at " * 20)
    code, checks = examine_file(tmp_path / "text.db")
    assert (code, last(checks)[0]) == (1, "file")
    assert run("doctor", "--file", tmp_path / "none.db").returncode == 2
