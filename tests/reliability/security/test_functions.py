"""Every deployed function is internal, answers nobody without the key, and touches our tables only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest

from mastra_convex import SchemaMismatchError
from mastra_convex.engine.protocol import (
    Commit,
    Delete,
    DeleteRange,
    Describe,
    DescribeResult,
    EmptyGuard,
    Get,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Neighbours,
    Patch,
    PatchRange,
    Put,
    Scan,
    Search,
    UnchangedGuard,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change
from mastra_convex.server import LocalServer
from mastra_convex_domains import ScoresStore
from tests.backends import KEY, ConvexHost, convex_host, remote_store


@pytest.fixture(scope="module")
async def deployed() -> AsyncIterator[ConvexHost]:
    """The folder `convex_functions/mastra` itself: every module of it, as Convex would look for functions in them."""
    async with convex_host("../../mastra") as host:
        yield host


KINDS = ("query", "mutation", "action")
HEADERS: dict[str, dict[str, str]] = {
    "nobody": {},
    "a wrong key": {"Authorization": "Convex another-key|0123456789"},
    "an empty key": {"Authorization": "Convex "},
    "a part of the key": {"Authorization": f"Convex {KEY[:-1]}"},
    "a user": {"Authorization": f"Bearer {KEY}"},
}


async def test_every_function_is_internal(deployed: ConvexHost) -> None:
    functions = {function["path"]: function for function in await deployed.functions()}
    assert [path for path, function in functions.items() if function["isPublic"]] == []
    assert {path: function["kind"] for path, function in functions.items()} == {
        "storage:read": "query",
        "storage:handle": "mutation",
        "storage:sweep": "mutation",
        "storage:search": "action",
        "storage:check": "query",
        "storage:rank": "query",
        "storage:load": "query",
    }


async def answer(url: str, kind: str, path: str, caller: str) -> tuple[int, str]:
    """What a caller is told, with the path and the number of the request blotted out."""
    body = {"path": path, "format": "json", "args": {"protocol": "mastra_convex/1", "ops": []}}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/{kind}", json=body, headers=HEADERS[caller]) as response,
    ):
        answer = await response.json()
    text = str(answer.get("errorMessage", answer)).partition("\n")[2] if response.status == 200 else str(answer)
    assert "value" not in answer
    return response.status, text.replace(path, "")


@pytest.mark.parametrize("caller", HEADERS)
async def test_a_caller_without_the_key_learns_nothing(deployed: ConvexHost, caller: str) -> None:
    paths = [function["path"] for function in await deployed.functions()]
    for kind in KINDS:
        unknown = await answer(deployed.url, kind, "storage:nothing", caller)
        assert {path: await answer(deployed.url, kind, path, caller) for path in paths} == dict.fromkeys(paths, unknown)


@pytest.mark.parametrize("caller", HEADERS)
async def test_nor_from_the_local_server(caller: str) -> None:
    engine = LocalEngine(":memory:", [], receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        for kind in KINDS:
            unknown = await answer(server.url, kind, "mastra/storage:nothing", caller)
            for name in ("read", "handle", "search", "sweep"):
                assert await answer(server.url, kind, f"mastra/storage:{name}", caller) == unknown
    await engine.aclose()


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[ConvexHost]:
    """An app that has a table `users` of its own beside ours."""
    async with convex_host("stock") as host:
        yield host


FOREIGN = ("users", "_storage", "_scheduled_functions", "_tables", "toString", "__proto__", "")


@pytest.mark.parametrize("table", FOREIGN)
async def test_tables_of_others_cannot_be_reached(app: ConvexHost, table: str) -> None:
    await app.reset()
    await app.load({"users": [{"id": "ann", "name": "Ann"}]})
    range = IndexRange(table=table, index="by_record_id", prefix=["ann"])
    change = Change(set={"name": "Eve"})
    key = ["ann"]
    reads: list[Any] = [
        Get(table=table, keys=[key]),
        Scan(table=table, index="by_record_id"),
        Scan(table=table, index="by_creation_time"),
        Neighbours(table=table, key=key, index="by_record_id", before=1),
    ]
    commits: list[dict[str, Any]] = [
        {"ops": [Put(table=table, rows=[{"id": "ann", "name": "Eve"}])]},
        {"ops": [Patch(table=table, keys=[key], change=change)]},
        {"ops": [Delete(table=table, keys=[key])]},
        {"ops": [PatchRange(range=range, change=change)]},
        {"ops": [DeleteRange(range=range)]},
        {"guards": [KeyGuard(guard="exists", table=table, key=key)]},
        {"guards": [EmptyGuard(range=range)]},
        {"guards": [HoldsGuard(table=table, key=key, where=[])]},
        {"guards": [UnchangedGuard(table=table, key=key, fingerprint="x")]},
        {"returning": [Get(table=table, keys=[key])]},
    ]
    async with remote_store(app.url, [ScoresStore]) as store:  # whose indexes the app has
        engine = store._engine
        await store.init()
        calls: list[Callable[[], Awaitable[object]]] = [partial(engine.read, [read]) for read in reads]
        calls += [partial(engine.commit, Commit(id=str(n), **commit)) for n, commit in enumerate(commits)]
        calls.append(partial(engine.search, Search(range=range, field="name", vector=[1.0], limit=1)))
        for call in calls:
            with pytest.raises(SchemaMismatchError) as caught:
                await call()
            assert caught.value.code == "UnknownTable"
        (described,) = await engine.read([Describe(table=table)])
        assert isinstance(described, DescribeResult)
        assert not any((described.deployed, described.fields, described.indexes))
    assert [(row["id"], row["name"]) for row in await app.rows("users")] == [("ann", "Ann")]
    assert await app.rows("mastra_receipts") == []
