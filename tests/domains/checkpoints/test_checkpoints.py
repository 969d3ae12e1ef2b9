"""Checkpoints (docs/contract.md, "Checkpoints")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mastra_convex import ConflictError, ConvexStore, ValidationError
from mastra_convex_domains import ChannelHistory, Checkpoint, CheckpointsStore, CheckpointWrite, Serialized
from tests.backends import Backend
from tests.effort import some_backends

STATE = Serialized("json", b"{}")
Versions = dict[str, str]


def value(text: str) -> Serialized:
    return Serialized("text", text.encode())


def checkpoint(id: str, versions: Versions | None = None, **columns: Any) -> Checkpoint:
    members = {"thread_id": "t", "checkpoint_id": id, "state": STATE, "versions": versions or {}}
    return Checkpoint(**{**members, **columns})


def write(channel: str, text: str, *, task: str = "a", index: int = 0, path: str = "") -> CheckpointWrite:
    return CheckpointWrite(task_id=task, index=index, task_path=path, channel=channel, value=value(text))


@pytest.fixture
def checkpoints(store: ConvexStore) -> CheckpointsStore:
    return store.checkpoints


@pytest.fixture
def elsewhere(backend: Backend) -> CheckpointsStore:
    """Is another store on the same data, which remembers nothing of what `checkpoints` did."""
    return backend.store().checkpoints


async def fill(checkpoints: CheckpointsStore, **columns: Any) -> None:
    """Saves three checkpoints; channel `a` never changes, `b` in each."""
    for n in (1, 2, 3):
        parent = str(n - 1) if n > 1 else None
        given = checkpoint(str(n), {"a": "1", "b": str(n)}, **{"parent_id": parent, "metadata": {"step": n}, **columns})
        new = {"b": value(f"b{n}")} if n > 1 else {"a": value("a1"), "b": value("b1")}
        await checkpoints.save_checkpoint(given, values=new)


async def ids(checkpoints: CheckpointsStore, *args: Any, **options: Any) -> list[str]:
    return [each.checkpoint_id async for each in checkpoints.iterate_checkpoints(*args, **options)]


def texts(values: dict[str, Serialized]) -> dict[str, str]:
    return {channel: each.data.decode() for channel, each in values.items()}


async def test_the_newest_has_earlier_values(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    await fill(checkpoints, run_id="r")
    await checkpoints.save_checkpoint(checkpoint("9", namespace="inner"))
    for each in (checkpoints, elsewhere):
        found = await each.get_checkpoint("t")
        assert found is not None
        assert (found.checkpoint_id, found.parent_id, found.run_id, found.metadata) == ("3", "2", "r", {"step": 3})
        assert (found.state, texts(found.values), found.writes) == (STATE, {"a": "a1", "b": "b3"}, [])
        second = await each.get_checkpoint("t", checkpoint_id="2")
        assert second is not None
        assert texts(second.values) == {"a": "a1", "b": "b2"}
        assert await each.get_checkpoint("t", checkpoint_id="4") is None
        assert await each.get_checkpoint("u") is None


async def test_another_process_may_go_on(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    await fill(checkpoints)
    await elsewhere.save_checkpoint(checkpoint("4", {"a": "1", "b": "4"}, parent_id="3"), values={"b": value("b4")})
    await elsewhere.save_writes("t", checkpoint_id="4", writes=[write("b", "w4", index=n) for n in range(250)])
    found = await checkpoints.get_checkpoint("t")
    assert found is not None
    assert (texts(found.values), len(found.writes)) == ({"a": "a1", "b": "b4"}, 250)
    await elsewhere.save_checkpoint(checkpoint("5", {"a": "1", "b": "4"}, parent_id="4", run_id="r"))
    assert await checkpoints.get_checkpoint("t", checkpoint_id="5") is not None
    await elsewhere.delete_runs(["r"])
    assert await checkpoints.get_checkpoint("t") == found
    await elsewhere.delete_thread("t")
    assert await checkpoints.get_checkpoint("t") is None


async def test_the_first_write_of_an_index_stays(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    await checkpoints.save_checkpoint(checkpoint("1"))
    for round in ("first", "second"):
        given = [write("a", f"{round} 0"), write("error", f"{round} -1", index=-1), write("a", round, task=round)]
        await checkpoints.save_writes("t", checkpoint_id="1", writes=given)
    await checkpoints.save_writes("t", checkpoint_id="1", writes=[write("z", "z", task="z", path="!")])
    for each in (checkpoints, elsewhere):
        found = await each.get_checkpoint("t")
        assert found is not None
        assert [(w.task_id, w.index, w.value.data.decode()) for w in found.writes] == [
            ("a", -1, "second -1"),
            ("a", 0, "first 0"),
            ("first", 0, "first"),
            ("second", 0, "second"),
            ("z", 0, "z"),
        ]


async def test_lists_are_filtered(checkpoints: CheckpointsStore) -> None:
    await fill(checkpoints)
    await fill(checkpoints, thread_id="u", metadata={"step": "x", "deep": {"n": [1]}})
    for id in ("2.5", "4"):
        await checkpoints.save_checkpoint(checkpoint(id, namespace="inner", metadata={"step": 3}))
    await checkpoints.save_writes("t", checkpoint_id="2", writes=[write("a", "w")])
    assert await ids(checkpoints, "t", batch_size=2) == ["4", "3", "2.5", "2", "1"]
    assert await ids(checkpoints, "t", namespace="") == ["3", "2", "1"]
    assert await ids(checkpoints, "t", metadata={"step": 3}) == ["4", "3", "2.5"]
    assert await ids(checkpoints, "t", before="3", limit=2) == ["2.5", "2"]
    assert await ids(checkpoints, "t", checkpoint_id="2") == ["2"]
    assert await ids(checkpoints, "t", checkpoint_id="2", before="2") == []
    assert await ids(checkpoints, "u", metadata={"deep": {"n": [1]}, "step": "x"}) == ["3", "2", "1"]
    assert await ids(checkpoints, metadata={"step": 3}, batch_size=1) == ["4", "2.5", "3"]
    assert await ids(checkpoints, before="2", namespace="") == ["1", "1"]
    assert await ids(checkpoints, checkpoint_id="2.5") == ["2.5"]
    assert await ids(checkpoints, "t", limit=0) == []
    found = [each async for each in checkpoints.iterate_checkpoints("t", namespace="")]
    assert [len(each.writes) for each in found] == [0, 1, 0]
    assert [texts(each.values)["b"] for each in found] == ["b3", "b2", "b1"]


async def test_who_stops_a_list_holds_nothing(checkpoints: CheckpointsStore) -> None:
    await fill(checkpoints)
    found = checkpoints.iterate_checkpoints("t")
    assert (await anext(found)).checkpoint_id == "3"
    await checkpoints.save_checkpoint(checkpoint("4"))
    await checkpoints.delete_thread("t")
    assert [each.checkpoint_id async for each in found] == ["2", "1"]


async def test_a_deletion_takes_what_no_other_checkpoint_has(checkpoints: CheckpointsStore, backend: Backend) -> None:
    await fill(checkpoints)
    await checkpoints.save_checkpoint(
        checkpoint("1", {"a": "x"}, namespace="inner", run_id="r1"), values={"a": value("i")}
    )
    await checkpoints.save_checkpoint(checkpoint("2", {"a": "1", "b": "2"}, run_id="r1"))
    await checkpoints.save_writes("t", checkpoint_id="2", writes=[write("a", "w")])
    await checkpoints.delete_runs(["r1", "unknown"])
    elsewhere = backend.store().checkpoints
    assert await ids(elsewhere, "t") == ["3", "1"]
    assert [texts(each.values) async for each in elsewhere.iterate_checkpoints("t")] == [
        {"a": "a1", "b": "b3"},
        {"a": "a1", "b": "b1"},
    ]
    # What was deleted is gone for a checkpoint that would name it, too.
    await elsewhere.save_checkpoint(checkpoint("4", {"a": "1", "b": "2"}))
    found = await elsewhere.get_checkpoint("t")
    assert found is not None
    assert (texts(found.values), found.writes) == ({"a": "a1"}, [])
    await checkpoints.keep_latest("t")
    assert await ids(elsewhere, "t") == ["4"]


async def test_ancestors_stay_where_they_are_needed(checkpoints: CheckpointsStore) -> None:
    await fill(checkpoints, run_id="r")
    await checkpoints.save_checkpoint(checkpoint("4", {"b": "3"}, parent_id="3", needs_ancestors=True, run_id="r2"))
    for attempt in (checkpoints.keep_latest("t"), checkpoints.delete_runs(["r"])):
        with pytest.raises(ConflictError, match="needs the writes of its ancestors"):
            await attempt
    assert await ids(checkpoints, "t") == ["4", "3", "2", "1"]
    await checkpoints.delete_runs(["r", "r2"])
    assert await ids(checkpoints, "t") == []


async def test_histories_follow_one_branch(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    for id, parent, held in (("1", None, {"a": "1"}), ("2", "1", {}), ("3", "2", {}), ("3x", "2", {}), ("4", "3", {})):
        given = checkpoint(id, held, parent_id=parent)
        await checkpoints.save_checkpoint(given, values={name: value("seed") for name in held})
        given_writes = [write("a", f"a{id}"), write("b", f"b{id}", index=1), write("a", "last", index=2, path="~")]
        await checkpoints.save_writes("t", checkpoint_id=id, writes=given_writes)
    for each in (checkpoints, elsewhere):
        found = await each.get_channel_histories("t", channels=["a", "b", "c"])
        assert found["a"].seed == value("seed")
        assert [w.value.data.decode() for w in found["a"].writes] == ["a1", "last", "a2", "last", "a3", "last"]
        assert found["b"].seed is None
        assert [w.value.data.decode() for w in found["b"].writes] == ["b1", "b2", "b3"]
        assert found["c"] == ChannelHistory(None, [])
        at = await each.get_channel_histories("t", checkpoint_id="2", channels=["b"])
        assert [w.value.data.decode() for w in at["b"].writes] == ["b1"]
    assert await checkpoints.get_channel_histories("t", checkpoint_id="1", channels=["a"]) == {
        "a": ChannelHistory(None, [])
    }
    assert await checkpoints.get_channel_histories("none", channels=[]) == {}


async def test_a_copy_goes_its_own_way(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    await fill(checkpoints)
    await checkpoints.save_writes("t", checkpoint_id="3", writes=[write("a", "w")])
    assert await checkpoints.copy_thread("t", new_thread_id="u") == 3
    await checkpoints.delete_thread("t")
    found = await elsewhere.get_checkpoint("u")
    assert found is not None
    assert (texts(found.values), len(found.writes), found.metadata) == ({"a": "a1", "b": "b3"}, 1, {"step": 3})
    assert await checkpoints.copy_thread("t", new_thread_id="v") == 0
    with pytest.raises(ValidationError, match="new_thread_id must be another name"):
        await checkpoints.copy_thread("u", new_thread_id="u")


async def test_a_thread_is_pruned_by_its_newest_checkpoint(checkpoints: CheckpointsStore) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=30)
    await fill(checkpoints, thread_id="old", created_at=long_ago)
    await fill(checkpoints, thread_id="older", created_at=long_ago)
    await fill(checkpoints, created_at=long_ago)
    await checkpoints.save_checkpoint(checkpoint("4", {"a": "1"}, parent_id="3"))
    [dry] = await checkpoints.prune({"checkpoints": "7d"}, dry_run=True)
    assert (dry.deleted, dry.done, len(await ids(checkpoints))) == (6, True, 10)
    [first] = await checkpoints.prune({"checkpoints": "7d"}, max_rows=1)
    assert (first.deleted, first.done) == (3, False)
    [rest] = await checkpoints.prune({"checkpoints": "7d"})
    assert (rest.table, rest.deleted, rest.done) == ("mastra_checkpoints", 3, True)
    assert await ids(checkpoints) == ["4", "3", "2", "1"]
    found = await checkpoints.get_checkpoint("t")
    assert found is not None
    assert texts(found.values) == {"a": "a1"}


@some_backends("sqlite", "convex-test")
async def test_large_values_and_many(checkpoints: CheckpointsStore, elsewhere: CheckpointsStore) -> None:
    large = {f"c{n}": Serialized("bytes", bytes(range(256)) * 12_000) for n in range(3)}
    given = checkpoint("1", dict.fromkeys(large, "1"), state=large["c0"], metadata={"text": "x" * 2_000_000})
    await checkpoints.save_checkpoint(given, values=large)
    await checkpoints.save_writes(
        "t", checkpoint_id="1", writes=[{"task_id": "a", "index": 0, "channel": "c", "value": large["c0"]}]
    )
    found = await elsewhere.get_checkpoint("t")
    assert found is not None
    assert (found.values, found.state, found.metadata) == (large, large["c0"], given.metadata)
    assert [w.value for w in found.writes] == [large["c0"]]


@some_backends("sqlite")
async def test_more_values_than_a_commit_or_the_memory_takes(
    checkpoints: CheckpointsStore, elsewhere: CheckpointsStore
) -> None:
    many = {f"c{n}": Serialized("bytes", bytes([n]) * 700_000) for n in range(26)}
    await checkpoints.save_checkpoint(checkpoint("1", dict.fromkeys(many, "1")), values=many)
    for each in (checkpoints, elsewhere):
        found = await each.get_checkpoint("t")
        assert found is not None
        assert found.values == many


async def test_wrong_arguments_are_refused(checkpoints: CheckpointsStore) -> None:
    for attempt, problem in (
        (checkpoints.save_checkpoint(checkpoint("1"), values={"a": value("a")}), "versions lacks the channel 'a'"),
        (checkpoints.save_checkpoint(checkpoint("1", {"a": "1"}), values={"a": ("x", "y")}), "must be a Serialized"),  # type: ignore[dict-item]
        (checkpoints.save_checkpoint({"thread_id": "t", "state": STATE}), "checkpoint.checkpoint_id"),
        (checkpoints.save_writes("t", checkpoint_id="", writes=[]), "checkpoint_id must be a non-empty string"),
        (checkpoints.save_writes("t", checkpoint_id="1", writes=[{"task_id": "a"}]), r"writes\[0\]"),
        (checkpoints.delete_runs("r"), "run_ids must be a list"),
        (ids(checkpoints, "t", limit=-1), "limit must be >= 0"),
        (ids(checkpoints, "t", metadata={"a": object()}), "metadata"),
    ):
        with pytest.raises(ValidationError, match=problem):
            await attempt
    assert await ids(checkpoints) == []
