"""LangGraph's graphs persist through a store: what users ask for, beyond the public suite."""

from __future__ import annotations

import asyncio
import copy
import itertools
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.langgraph import StoreSaver
from tests.adapters.calls import Calls
from tests.adapters.pages import run_page
from tests.backends import Backend, ConvexHost, remote_store


class State(TypedDict):
    steps: Annotated[list[str], operator.add]


def append(lines: list[str], added: Sequence[list[str]]) -> list[str]:
    return [*lines, *itertools.chain(*added)]


class Log(TypedDict):
    lines: Annotated[list[str], DeltaChannel(append, snapshot_frequency=4)]


class Inverting:
    """Is a cipher, by its form: it inverts all bits."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "inverted", bytes(255 - byte for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return bytes(255 - byte for byte in ciphertext)


def config(thread: str = "t1", checkpoint_id: str | None = None) -> RunnableConfig:
    names = {"thread_id": thread, "checkpoint_ns": ""} | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
    return {"configurable": names}


def graph(saver: BaseCheckpointSaver[Any], *, asks: bool = False) -> Any:
    """Makes a graph of three nodes; with `asks` the second waits for an answer."""

    def second(state: State) -> dict[str, Any]:
        return {"steps": [interrupt("go on?") if asks else "second"]}

    builder = StateGraph(State)
    builder.add_node("first", lambda state: {"steps": ["first"]})
    builder.add_node("second", second)
    builder.add_node("third", lambda state: {"steps": ["third"]})
    for source, target in ((START, "first"), ("first", "second"), ("second", "third"), ("third", END)):
        builder.add_edge(source, target)
    return builder.compile(checkpointer=saver)


async def put(saver: StoreSaver, values: dict[str, Any], at: RunnableConfig, **metadata: Any) -> RunnableConfig:
    """Puts a checkpoint with new values in all channels."""
    versions = {channel: saver.get_next_version(None, None) for channel in values}
    given = {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}
    return await saver.aput(at, cast(Checkpoint, given), cast(Any, metadata), cast(Any, versions))


@pytest.fixture
def saver(store: ConvexStore) -> StoreSaver:
    return StoreSaver(store)


async def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("langgraph.md")


async def test_a_graph_goes_on_where_another_process_stopped(backend: Backend) -> None:
    first = graph(StoreSaver(backend.store()), asks=True)
    stopped = await first.ainvoke({"steps": ["start"]}, config())
    assert [each.value for each in stopped["__interrupt__"]] == ["go on?"]
    second = graph(StoreSaver(backend.store()), asks=True)
    done = await second.ainvoke(Command(resume="yes"), config())
    assert done["steps"] == ["start", "first", "yes", "third"]
    history = [each async for each in second.aget_state_history(config())]
    assert [each.next for each in history] == [(), ("third",), ("second",), ("first",), ("__start__",)]
    # Back to the second step, on a branch of its own.
    forked = await second.aupdate_state(history[2].config, {"steps": ["again"]}, as_node="second")
    assert (await second.ainvoke(None, forked))["steps"] == ["start", "first", "again", "third"]
    assert (await second.aget_state(history[0].config)).values == done


async def test_a_graph_runs_without_an_event_loop(saver: StoreSaver) -> None:
    def run() -> list[str]:
        made = graph(saver, asks=True)
        made.invoke({"steps": []}, config())
        steps: list[str] = made.invoke(Command(resume="yes"), config())["steps"]
        assert made.get_state(config()).values["steps"] == steps
        assert len(list(made.get_state_history(config()))) == 5
        found = saver.list(config())
        next(found)
        found.close()
        saver.copy_thread("t1", "t2")
        saver.prune(["t2"])
        assert len(list(saver.list(config("t2")))) == 1
        saver.delete_thread("t1")
        assert saver.get_tuple(config()) is None
        return steps

    assert await asyncio.to_thread(run) == ["first", "yes", "third"]
    for attempt in (
        lambda: saver.get_tuple(config()),
        lambda: list(saver.list(config())),
        lambda: saver.delete_thread("t2"),
        lambda: saver.put_writes(config("t2", "1"), [("a", 1)], "task"),
    ):
        with pytest.raises(asyncio.InvalidStateError):
            attempt()
    assert await saver.aget_tuple(config("t2")) is not None


async def test_a_list_that_was_left_blocks_nobody(saver: StoreSaver) -> None:
    at = config()
    for n in range(3):
        at = await put(saver, {"a": n}, at)
    found = saver.alist(config())
    assert (await anext(found)).checkpoint["channel_values"] == {"a": 2}
    await put(saver, {"a": 3}, at)
    assert [each.checkpoint["channel_values"]["a"] async for each in found] == [1, 0]


async def test_metadata_may_hold_messages(saver: StoreSaver) -> None:
    writes = {"agent": {"messages": [AIMessage("hi", id="1")]}}
    await put(saver, {}, config(), step=1, source="loop", said=writes, huge=1 << 60, parents={})
    [found] = [each async for each in saver.alist(config(), filter={"step": 1})]
    assert found.metadata == {"step": 1, "source": "loop", "said": writes, "huge": 1 << 60, "parents": {}}
    with pytest.raises(ValidationError, match=r"metadata\.said must be a JSON value"):
        _ = [each async for each in saver.alist(config(), filter={"said": HumanMessage("hi")})]


async def test_values_of_12_megabytes(backend: Backend) -> None:
    large = {"pages": ["lorem ipsum " * 100_000] * 10, "image": bytes(range(256)) * 4_000}
    at = await put(StoreSaver(backend.store()), large, config())
    saver = StoreSaver(backend.store())
    await saver.aput_writes(at, [("pages", large["pages"])], "task")
    found = await saver.aget_tuple(config())
    assert found is not None
    assert found.checkpoint["channel_values"] == large
    assert found.pending_writes == [("task", "pages", large["pages"])]


async def test_values_can_be_encrypted(backend: Backend) -> None:
    serde = EncryptedSerializer(Inverting())
    await graph(StoreSaver(backend.store(), serde=serde)).ainvoke({"steps": ["a secret"]}, config())
    stored = await backend.store().checkpoints.get_checkpoint("t1")
    assert stored is not None
    assert stored.state.kind == stored.values["steps"].kind == "msgpack+inverted"
    assert b"a secret" not in stored.values["steps"].data
    with_key = graph(StoreSaver(backend.store(), serde=serde))
    assert (await with_key.aget_state(config())).values["steps"] == ["a secret", "first", "second", "third"]


async def test_a_clone_with_an_allow_list_works_on_the_same_store(store: ConvexStore) -> None:
    saver = StoreSaver(store, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    clone = saver.with_allowlist([("tests.adapters", "State")])
    assert clone is not saver
    await put(saver, {"a": 1}, config())
    for each in (clone, copy.copy(saver)):
        found = await each.aget_tuple(config())
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a": 1}


async def test_versions_differ_between_branches_and_grow(saver: StoreSaver) -> None:
    first, other = saver.get_next_version(None, None), saver.get_next_version(None, None)
    assert first != other
    grown = first
    for _ in range(20):
        grown, before = saver.get_next_version(grown, None), grown
        assert grown > before
    assert saver.get_next_version(41, None).startswith("0000000042.")


async def test_delta_channels_keep_their_ancestors(saver: StoreSaver) -> None:
    at = config()
    for n in range(5):
        values = {"log": ["seed"]} if n == 1 else {}
        at = await put(saver, values, at, step=n, counters_since_delta_snapshot={"log": (n, n)})
        await saver.aput_writes(at, [("log", n), ("other", n)], "task")
    with pytest.raises(NotImplementedError, match="delta channel"):
        await saver.aprune(["t1"])
    found = await saver.aget_delta_channel_history(config=config(), channels=["log"])
    assert found == await BaseCheckpointSaver.aget_delta_channel_history(saver, config=config(), channels=["log"])
    assert found["log"] == {"seed": ["seed"], "writes": [("task", "log", n) for n in (1, 2, 3)]}
    await saver.aprune(["t1"], strategy="delete")
    assert await saver.aget_tuple(config()) is None
    with pytest.raises(TypeError, match="thread_ids must be a list"):
        await saver.aprune("t1")
    with pytest.raises(ValueError, match='strategy must be "keep_latest" or "delete"'):
        await saver.aprune([], strategy="oldest")


async def test_a_graph_with_a_delta_channel(backend: Backend) -> None:
    builder = StateGraph(Log)
    builder.add_node("answer", lambda log: {"lines": [f"answer {len(log['lines'])}"]})
    builder.add_edge(START, "answer")
    for n in range(5):  # each turn in another process
        saver = StoreSaver(backend.store())
        log = await builder.compile(checkpointer=saver).ainvoke({"lines": [f"question {n}"]}, config())
    assert log["lines"] == [line for n in range(5) for line in (f"question {n}", f"answer {2 * n + 1}")]
    history = builder.compile(checkpointer=saver).aget_state_history(config())
    states = [state.values.get("lines", []) async for state in history]
    assert states[0] == log["lines"]
    assert all(log["lines"][: len(state)] == state for state in states)
    with pytest.raises(NotImplementedError):
        await saver.aprune(["t1"])


async def test_a_put_that_is_cancelled_has_happened_or_not(saver: StoreSaver) -> None:
    for n in range(40):
        task = asyncio.create_task(put(saver, {"a": n}, config(f"t{n}")))
        for _ in range(n % 8):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = await saver.aget_tuple(config(f"t{n}"))
        assert found is None or found.checkpoint["channel_values"] == {"a": n}


async def test_a_config_without_a_thread_is_refused(saver: StoreSaver) -> None:
    with pytest.raises(ValidationError, match="config must name a thread"):
        await saver.aget_tuple({"configurable": {}})


async def newest(saver: StoreSaver) -> list[CheckpointTuple]:
    return [each async for each in saver.alist(config(), limit=20)]


async def test_calls_on_convex(host: ConvexHost) -> None:
    await host.reset()
    calls = Calls(host)
    async with remote_store(host.url, None) as store, remote_store(host.url, None) as other_store:
        await store.init()
        await other_store.init()
        saver, other = StoreSaver(store), StoreSaver(other_store)
        at = await put(saver, {"a": 1}, config())
        assert (await calls.of(put(saver, {"a": 2, "b": 3}, at)))[0] == 1
        assert (await calls.of(saver.aput_writes(at, [("a", 1), ("__error__", 2)], "task")))[0] == 1
        assert (await calls.of(saver.aget_tuple(config())))[0] == 1
        assert (await calls.of(other.aget_tuple(config())))[0] == 2
        assert (await calls.of(newest(other)))[0] == 2
        assert (await calls.of(saver.aget_delta_channel_history(config=config(), channels=["a"])))[0] == 2
        assert (await calls.of(saver.acopy_thread("t1", "t2")))[0] == 2
        assert (await calls.of(saver.aprune(["t2"])))[0] == 2
        assert (await calls.of(saver.adelete_thread("t2")))[0] == 1
        made = graph(saver)
        assert (await calls.of(made.ainvoke({"steps": []}, config("turn"))))[0] <= 11
        assert (await calls.of(made.ainvoke({"steps": []}, config("turn"), durability="exit")))[0] <= 3


async def test_a_step_sends_what_changed(host: ConvexHost) -> None:
    await host.reset()
    calls = Calls(host)
    async with remote_store(host.url, None) as store:
        await store.init()
        saver = StoreSaver(store)
        versions = {f"c{n}": saver.get_next_version(None, None) for n in range(100)}
        values = dict.fromkeys(versions, "lorem ipsum " * 1000)
        given = {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}
        at = await saver.aput(config(), cast(Checkpoint, given), {"step": 1}, cast(Any, versions))
        versions["c7"] = saver.get_next_version(versions["c7"], None)
        following = {**given, "id": empty_checkpoint()["id"], "channel_versions": versions}
        new = cast(Any, {"c7": versions["c7"]})
        _, sent = await calls.of(saver.aput(at, cast(Checkpoint, following), {"step": 2}, new))
        assert sent < 2 * 12_000 + 100 * 100  # the state is 1.2 MB
