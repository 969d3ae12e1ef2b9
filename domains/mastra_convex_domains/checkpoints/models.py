"""Defines checkpoints, their values and their pending writes (docs/contract.md, "Checkpoints")."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from mastra_convex.domain import Id, Integer, Record, StoredObject, UtcDatetime, exactly, now


class Serialized(NamedTuple):
    """Holds a value as the framework serialized it; the store does not look into it.

    Example:
        value = Serialized("json", b'{"n": 1}')
        assert (value.kind, value.data) == ("json", b'{"n": 1}')
    """

    kind: str
    """Names the form of the bytes, which the framework chose."""
    data: bytes
    """Holds the bytes."""


SerializedValue = Annotated[Serialized, exactly(Serialized)]


class Checkpoint(Record):
    """Represents the state of a graph after a step, without the values of its channels.

    Example:
        state = Serialized("json", b"{}")
        checkpoint = Checkpoint(thread_id="t1", checkpoint_id="1", state=state, versions={"topic": "1"})
        await store.checkpoints.save_checkpoint(checkpoint, values={"topic": Serialized("json", b'"tea"')})
        found = await store.checkpoints.get_checkpoint("t1")
        assert found is not None and found.values["topic"].data == b'"tea"'
    """

    thread_id: Id
    """Names the thread."""
    namespace: str = ""
    """Names the graph within the thread: empty for the outermost, a path for the graphs inside it."""
    checkpoint_id: Id
    """Identifies the checkpoint in its namespace. The greatest id is that of the newest."""
    parent_id: str | None = None
    """Identifies the checkpoint before this one, or is None for the first."""
    run_id: str | None = None
    """Names the run that made it, or is None."""
    state: SerializedValue
    """Holds all that the framework wants to know of it, but for the values."""
    versions: Annotated[dict[str, str], exactly(dict)] = Field(default_factory=dict)
    """Holds the version of each channel that has a value. A value is stored once for all checkpoints that have it."""
    metadata: StoredObject = Field(default_factory=dict)
    """Holds facts by which checkpoints are found."""
    needs_ancestors: bool = False
    """Says that values are put together from writes of earlier checkpoints, so that those must stay."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when it was stored, in UTC; now by default."""


class CheckpointWrite(Record):
    """Represents a pending write of a task to a channel, for the step after a checkpoint.

    Example:
        write = CheckpointWrite(task_id="a", index=0, channel="topic", value=Serialized("json", b'"tea"'))
        await store.checkpoints.save_writes("t1", checkpoint_id="1", writes=[write])
    """

    task_id: Id
    """Identifies the task."""
    index: Annotated[Integer, exactly(int)]
    """Numbers the writes of the task. The first write of an index stays; of a negative one the last."""
    task_path: str = ""
    """Tells the place of the task in its step, by which writes are ordered."""
    channel: str
    """Names the channel."""
    value: SerializedValue
    """Holds what is written."""


class StoredCheckpoint(Checkpoint):
    """Represents a checkpoint that was read, with its values and pending writes.

    Example:
        await store.checkpoints.save_checkpoint(
            {"thread_id": "t1", "checkpoint_id": "1", "state": Serialized("json", b"{}"), "metadata": {"step": 0}}
        )
        [found] = [each async for each in store.checkpoints.iterate_checkpoints("t1", metadata={"step": 0})]
        assert found.checkpoint_id == "1" and found.values == {} and found.writes == []
    """

    values: Annotated[dict[str, Serialized], exactly(dict)] = Field(default_factory=dict)
    """Holds the values of the channels."""
    writes: Annotated[list[CheckpointWrite], exactly(list)] = Field(default_factory=list)
    """Lists the pending writes, ordered by the path of their task, its id, and their index."""


class ChannelHistory(NamedTuple):
    """Holds what one channel got on the way to a checkpoint.

    Example:
        history = await store.checkpoints.get_channel_histories("t1", checkpoint_id="1", channels=["topic"])
        assert history == {"topic": ChannelHistory(seed=None, writes=[])}
    """

    seed: Serialized | None
    """Holds the value at the nearest ancestor that has one; None when there is none."""
    writes: list[CheckpointWrite]
    """Lists the writes to the channel since then, the oldest first."""
