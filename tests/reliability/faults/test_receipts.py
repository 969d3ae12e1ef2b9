"""What receipts are for: commits in steps, claims and whole programs through lost answers; and how receipts end."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from mastra_convex.engine.protocol import Commit, Engine, Patch, PatchRange, Put, Scan
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.transport import Transport
from mastra_convex.server import LocalServer
from mastra_convex_domains import WorkflowsStore
from tests import contenders
from tests.backends import KEY, ConvexHost, all_tables, remote_store
from tests.data import message, thread
from tests.domains.workflows.data import snapshot
from tests.effort import effort
from tests.engine.rows import THREADS, commit, everything, one, put
from tests.reliability.faults.conftest import SOON, Remote, remote_config
from tests.reliability.faults.faults import FAULTS, LATE, Fault, lose_answer
from tests.reliability.faults.operations import COUNT, RECEIPTS, key, of_space, row, space
from tests.reliability.faults.proxy import Exchange, passing, proxy_to

HOUR = 3_600_000
"""Milliseconds."""
ROWS = 2_500
"""More than one step changes, and more receipts than one sweep deletes."""


async def fill(engine: Engine, name: str) -> None:
    for first in range(0, ROWS, 1_250):
        await put(engine, THREADS, *(row(name, f"{n:04}") for n in range(first, first + 1_250)))


async def test_steps_whose_answers_are_lost_change_each_row_once(remote: Remote) -> None:
    name = space()
    await fill(remote.direct, name)
    async with remote.proxied() as (engine, proxy):
        step = Commit(id=uuid.uuid4().hex, mode="resumable", ops=[PatchRange(range=of_space(name), change=COUNT)])
        changed: list[int] = []
        while True:
            proxy.queue(lose_answer)
            result = await engine.commit(step)
            changed.append(result.outcomes[0].changed)
            if result.status == "done":
                break
            step = replace(step, id=uuid.uuid4().hex, resume=result.resume)
    assert changed == [2_000, 500]
    rows = await everything(remote.direct, Scan(table=THREADS, index="by_resource", prefixes=[[name]]))
    assert Counter(len(row["metadata"]["log"]) for row in rows) == {1: ROWS}


@pytest.mark.parametrize("fault", [*(fault for fault in FAULTS if fault.applied and not fault.silent), LATE], ids=str)
async def test_a_claim_survives_the_loss_of_its_answer(remote: Remote, fault: Fault) -> None:
    """The run was claimed, the answer did not come: the repeat is told of the success, and nobody else gets the run."""
    async with proxy_to(remote.url) as proxy, remote_store(proxy.url, [WorkflowsStore], retry=SOON) as store:
        await store.workflows.persist_workflow_snapshot("w", run_id="r1", snapshot=snapshot("suspended"))
        proxy.queue(fault.act)
        assert await contenders.resume(store, 1)
        assert not await contenders.resume(store, 2)
        state = await store.workflows.load_workflow_snapshot("w", run_id="r1")
        assert state is not None
        assert (state["status"], state["activePaths"]) == ("running", [1])


async def test_a_program_on_a_bad_network(remote: Remote) -> None:
    """Half of all requests meet a fault. Every call succeeds in the end, and no write is lost or happens twice."""
    tasks, rounds = 10, effort(5, 100)
    name, rng = space(), random.Random(7)
    acts = [fault.act for fault in FAULTS if not fault.silent]

    async def bad(exchange: Exchange) -> None:
        await (rng.choice(acts) if rng.random() < 0.5 else passing)(exchange)

    async with proxy_to(remote.url) as proxy:
        proxy.usual = bad
        patient = RetryPolicy(attempts=100, base=1e-3, cap=0.01)
        async with remote_store(proxy.url, None, retry=patient, timeout=3_600) as store:
            await store.memory.save_thread(thread(name))
            engine = store._engine  # pyright: ignore[reportPrivateUsage]  # reducers show what happened twice
            await put(engine, THREADS, row(name, "a"))

            async def work(n: int) -> None:
                for count in range(rounds):
                    await commit(engine, Patch(table=THREADS, keys=[[key(name, "a")]], change=COUNT))
                    await store.memory.save_messages([message(n * rounds + count, thread_id=name)])

            await asyncio.gather(*map(work, range(tasks)))
            page = await store.memory.list_messages(name, per_page=False)
    assert [message.content for message in page.messages] == [
        message(n, thread_id=name).content for n in range(tasks * rounds)
    ]
    counted = (await one(remote.direct, THREADS, key(name, "a")))["metadata"]
    assert (counted["n"], len(counted["log"])) == (tasks * rounds, tasks * rounds)


@dataclass
class Ageing:
    """A remote database whose receipts can be made older, by milliseconds."""

    url: str
    engine: RemoteEngine
    age: Callable[[int], Awaitable[None]]

    async def receipts(self) -> list[str]:
        rows = await everything(self.engine, Scan(table=RECEIPTS, index="by_record_id"))
        return [row["id"] for row in rows]


@pytest.fixture(params=["server", "convex-test"])
async def ageing(
    request: pytest.FixtureRequest, tmp_path: Path, start_host: Callable[[], Awaitable[ConvexHost]]
) -> AsyncIterator[Ageing]:
    async with AsyncExitStack() as stack:
        if request.param == "server":
            path = tmp_path / "file.db"
            local = LocalEngine(path, all_tables(), receipts=True)
            stack.push_async_callback(local.aclose)
            url = (await stack.enter_async_context(LocalServer(local, admin_key=KEY))).url

            async def age(ms: int) -> None:
                with closing(sqlite3.connect(path, timeout=10)) as file, file:
                    file.execute("UPDATE mastra_receipts SET _seq = -_seq")  # no two may meet on the way
                    file.execute("UPDATE mastra_receipts SET _seq = -_seq - ?", (ms,))
        else:
            host = await start_host()
            await host.reset()
            stack.push_async_callback(host.reset)
            url = host.url

            async def age(ms: int) -> None:
                await host.advance(timedelta(milliseconds=ms))

        engine = RemoteEngine(Transport(remote_config(url)), all_tables())
        stack.push_async_callback(engine.aclose)
        yield Ageing(url, engine, age)


async def test_a_commit_of_an_hour_ago_is_still_known(ageing: Ageing) -> None:
    await put(ageing.engine, THREADS, row("s", "a"))
    counting = Commit(id="counting", ops=[Patch(table=THREADS, keys=[[key("s", "a")]], change=COUNT)])
    first = await ageing.engine.commit(counting)
    await ageing.age(HOUR - 60_000)
    assert await ageing.engine.sweep() == (0, True)
    assert await ageing.engine.commit(counting) == first
    assert (await one(ageing.engine, THREADS, key("s", "a")))["metadata"]["n"] == 1
    await ageing.age(120_000)
    assert await ageing.engine.sweep() == (2, True)
    assert await ageing.receipts() == []


async def test_every_answer_leaves_a_receipt_and_no_failure_does(ageing: Ageing) -> None:
    """Conflicts too: a repeat must not succeed where its first answer, which was lost, said no."""
    put_a = Put(table=THREADS, rows=[row("s", "a")])
    await ageing.engine.commit(Commit(id="done", ops=[put_a]))
    await ageing.engine.commit(Commit(id="nothing"))
    with pytest.raises(Exception, match="nothing of the kind"):
        await ageing.engine.commit(Commit(id="failed", ops=[put_a, Put(table="nothing of the kind", rows=[{}])]))
    assert sorted(await ageing.receipts()) == ["done", "nothing"]


async def test_old_receipts_are_deleted_in_bounded_steps_through_faults(ageing: Ageing) -> None:
    """By the engine itself, after a commit; those that are young stay."""
    for first in range(0, ROWS, 1_250):
        old = [{"id": f"old{n}", "outcome": "{}"} for n in range(first, first + 1_250)]
        await put(ageing.engine, RECEIPTS, *old)
    await ageing.age(HOUR + 60_000)
    deleted: list[int] = []
    async with proxy_to(ageing.url) as proxy:

        async def counting(exchange: Exchange) -> None:
            before = len(await ageing.receipts())
            await passing(exchange)
            deleted.append(before - len(await ageing.receipts()))

        engine = RemoteEngine(Transport(remote_config(proxy.url)), all_tables(), first_sweep_commits=1)
        proxy.queue(passing, lose_answer)
        proxy.usual = counting
        await engine.commit(Commit(id="young"))
        await proxy.ended(4)
        await engine.aclose()
    # The first thousand went with the answer that was lost. Beside the old ones there were those of two puts.
    assert deleted == [1_000, ROWS + 2 - 2_000]
    assert await ageing.receipts() == ["young"]
