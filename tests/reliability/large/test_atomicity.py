"""No reader sees half a value, whatever happens to its writer; what a writer leaves unfinished is swept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mastra_convex import ConflictError, ConvexStore, TooLargeError
from mastra_convex.engine.client import Records
from mastra_convex.engine.large_values.layer import with_large_values
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    Engine,
    Get,
    IndexRange,
    PatchRange,
    Put,
)
from mastra_convex.errors import DamagedRowError, RateLimitedError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change
from mastra_convex_domains import MemoryStore
from tests.backends import all_tables
from tests.effort import effort, some_backends
from tests.reliability.large.between import Between, Call, tables_of
from tests.reliability.large.kinds import message
from tests.reliability.large.leftovers import large_values, sweep_as_if_later
from tests.reliability.large.texts import MIB, attachment_text

OLD, NEW = attachment_text(2 * MIB, seed=1), attachment_text(2 * MIB, seed=2)


class LostError(Exception):
    """What kills a writer."""


async def text_of(memory: MemoryStore, name: str = "a") -> str | None:
    found = await memory.list_messages_by_id([name])
    return found[0].content["parts"][1]["data"] if found else None


async def test_a_value_that_does_not_fit_is_written_before_its_row(engine: Engine) -> None:
    between = Between(engine)
    text = attachment_text(13 * MIB)
    await MemoryStore.on(between).save_messages([message("a", text)])
    *first, last = between.calls
    assert {table for call in first for table in tables_of(call)} == {"mastra_large_values", "mastra_chunks"}
    assert tables_of(last) == {"mastra_messages"}
    assert await text_of(MemoryStore.on(engine)) == text


@some_backends("sqlite", "server")
async def test_sixty_four_mebibytes_are_stored(memory: MemoryStore) -> None:
    text = attachment_text(64 * MIB)
    await memory.save_messages([message("a", text)])
    assert await text_of(memory) == text


async def test_several_large_messages_are_saved_at_once(memory: MemoryStore, engine: Engine) -> None:
    texts = [attachment_text(3 * MIB, seed=n) for n in range(6)]
    between = Between(engine)
    await MemoryStore.on(between).save_messages([message(f"m{n}", text, n=n) for n, text in enumerate(texts)])
    assert sum("mastra_messages" in tables_of(call) for call in between.calls) <= 3
    page = await memory.list_messages("t1", metadata={"topic": "images"})
    assert [each.content["parts"][1]["data"] for each in page.messages] == texts
    assert page.total == 6


@pytest.mark.parametrize("survives", range(6))
async def test_a_writer_that_dies_leaves_the_old_value(engine: Engine, survives: int) -> None:
    memory = MemoryStore.on(engine)
    await memory.save_messages([message("a", OLD)])

    async def die(call: Call) -> None:
        if len(dying.calls) > survives:
            raise LostError

    dying = Between(engine, die)
    with pytest.raises(LostError):
        await MemoryStore.on(dying).save_messages([message("a", attachment_text(13 * MIB))])
    assert await text_of(memory) == OLD
    await sweep_as_if_later(engine, "pending")
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred
    assert await text_of(memory) == OLD


async def test_a_reader_whose_value_was_replaced_and_swept_reads_again(engine: Engine) -> None:
    memory = MemoryStore.on(engine)
    await memory.save_messages([message("a", OLD), message("b", OLD, n=1)])
    replaced: list[Call] = []

    async def replace(call: Call) -> None:
        if "mastra_chunks" in tables_of(call) and not replaced:
            replaced.append(call)
            await memory.save_messages([message("a", NEW)])
            await memory.delete_messages(["b"])
            await sweep_as_if_later(engine, "dropped")

    reader = MemoryStore.on(Between(engine, replace))
    page = await reader.list_messages("t1")
    assert [(each.id, each.content["parts"][1]["data"]) for each in page.messages] == [("a", NEW)]


async def test_readers_see_one_value_or_the_other(memory: MemoryStore) -> None:
    await memory.save_messages([message("a", OLD)])
    writing = True

    async def read() -> int:
        seen = 0
        while writing:
            assert await text_of(memory) in (OLD, NEW)
            seen += 1
        return seen

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for n in range(effort(4, 60)):
        await memory.save_messages([message("a", OLD if n % 2 else NEW)])
    writing = False
    assert all(await asyncio.gather(*readers))


async def test_a_writer_that_is_slower_than_the_sweep_is_told(engine: Engine) -> None:
    async def sweep(call: Call) -> None:
        if tables_of(call) == {"mastra_messages"}:
            await sweep_as_if_later(engine, "pending")

    slow = MemoryStore.on(Between(engine, sweep))
    with pytest.raises(ConflictError) as raised:
        await slow.save_messages([message("a", attachment_text(13 * MIB))])
    assert raised.value.retryable
    assert await text_of(MemoryStore.on(engine)) is None


async def test_damage_is_reported(engine: Engine) -> None:
    memory = MemoryStore.on(engine)
    await memory.save_messages([message("a", OLD)])
    lost = IndexRange(table="mastra_chunks", index="by_generation")
    await engine.commit(Commit(id="damage", ops=[DeleteRange(range=lost)]))
    with pytest.raises(DamagedRowError, match="damaged") as raised:
        await memory.list_messages("t1")
    assert raised.value.details == {"table": "mastra_messages", "id": "a"}


async def test_what_another_writer_replaced_is_found_and_swept(engine: Engine, memory: MemoryStore) -> None:
    await memory.save_messages([message("a", OLD), message("b", NEW)])
    row = IndexRange(table="mastra_large_values", index="by_record_id")
    before = await large_values(engine)
    orphan = PatchRange(range=row, change=Change(set={"owner": '["mastra_messages","nobody"]'}))
    await engine.commit(Commit(id="orphans", ops=[orphan]))
    await sweep_as_if_later(engine, "live")
    found = await large_values(engine)
    assert (found.dropped, found.live) == (before.live, set())


async def test_a_value_that_another_writer_puts_back_is_kept(engine: Engine, memory: MemoryStore) -> None:
    """As TypeScript does, which writes a row with the references that it read, though they were replaced meanwhile."""
    await memory.save_messages([message("a", OLD)])
    records = Records(engine, {})
    [row] = (await records.read(Get(table="mastra_messages", keys=[["a"]]))).rows
    assert row is not None
    await memory.save_messages([message("a", NEW)])
    del row["_creationTime"]
    await records.commit([Put(table="mastra_messages", rows=[row])])
    await sweep_as_if_later(engine, "dropped")
    assert await text_of(memory) == OLD
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred


class Busy(Between):
    """Applies the first commit of a message and says that it did not, as one that was repeated until it was refused."""

    refused = False

    async def commit(self, commit: Commit, /) -> CommitResult:
        result = await super().commit(commit)
        if "mastra_messages" in tables_of(commit) and not self.refused:
            self.refused = True
            raise RateLimitedError("too many writes", retryable=True)
        return result


async def test_a_commit_that_was_applied_before_it_was_refused_keeps_its_value(engine: Engine) -> None:
    text = attachment_text(6 * MIB)
    await MemoryStore.on(Busy(engine)).save_messages([message("a", text)])
    await sweep_as_if_later(engine, "pending")
    assert await text_of(MemoryStore.on(engine)) == text
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred


@pytest.mark.parametrize("size", [2 * MIB, 14 * MIB])
async def test_what_the_same_commit_replaces_or_deletes_is_dropped(engine: Engine, size: int) -> None:
    records = Records(with_large_values(engine, all_tables()), {table.name: table for table in all_tables()})

    def put(name: str, **members: Any) -> Put:
        row = {"table": "t", "primaryKey": name, "record": {"id": name, **members}}
        return Put(table="mastra_documents", rows=[row])

    large = attachment_text(size)
    deletion = Delete(table="mastra_documents", keys=[["t", "b"], ["t", "none"]])
    result = await records.commit([put("a", n=large), put("a", n=1), put("b", n=large), deletion, put("c", n=large)])
    outcomes = [(outcome.changed, list(outcome.missing)) for outcome in result.outcomes]
    assert outcomes == [(1, [0]), (1, []), (1, [0]), (1, [1]), (1, [0])]
    found = await large_values(engine)
    assert (found.live, len(found.dropped)) == (found.referred, 2)


async def test_of_equal_keys_in_one_put_only_the_last_is_kept(store: ConvexStore, engine: Engine) -> None:
    rows = [{"table": "t", "primaryKey": "a", "record": {"id": "a", "text": text}} for text in (OLD, NEW)]
    records = Records(with_large_values(engine, all_tables()), {table.name: table for table in all_tables()})
    result = await records.commit([Put(table="mastra_documents", rows=rows)])
    assert [(outcome.changed, list(outcome.missing)) for outcome in result.outcomes] == [(1, [0, 1])]
    assert await store.documents.get("t", id="a") == {"id": "a", "text": NEW}
    found = await large_values(engine)
    assert found.live == found.chunked == found.referred


async def test_as_many_as_were_dropped_are_swept(engine: Engine) -> None:
    count = effort(1_100, 3_000)
    values = [
        {"id": f"{n:032x}", "owner": '["mastra_messages","a"]', "chunks": 1, "state": "dropped", "since": 0}
        for n in range(count)
    ]
    chunks = [{"generation": value["id"], "position": 0, "data": "AAAA"} for value in values]
    for rows, table in ((values, "mastra_large_values"), (chunks, "mastra_chunks")):
        for n in range(0, count, 1_000):
            await engine.commit(Commit(id=f"{table}{n}", ops=[Put(table=table, rows=rows[n : n + 1_000])]))
    left = 2 * count
    done = False
    while not done:
        deleted, done = await engine.sweep()
        assert deleted or done
        left -= deleted
    assert left == 0


async def test_a_value_beyond_all_limits_is_refused_before_anything_is_sent() -> None:
    between = Between(LocalEngine(":memory:", all_tables()))
    with pytest.raises(TooLargeError, match=r"mastra_messages\.content\.parts\.1\.data takes .*128 MiB") as raised:
        await MemoryStore.on(between).save_messages([message("a", "x" * (129 * MIB))])
    assert raised.value.details["limit"] == 128 * MIB
    assert not between.calls
    await between.aclose()
