"""Keeps the checkpoints of LangGraph's graphs in a store (docs/adapters/langgraph.md)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar, cast

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_serializable_checkpoint_metadata,
)

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.domain import check_at_once, checked, each
from mastra_convex.errors import ConflictError, ValidationError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import SerializerProtocol

T = TypeVar("T")

_REST: Final = "metadata that JSON cannot express"
"""Names the member of a serialized checkpoint that has it."""


class StoreSaver(OverStore, BaseCheckpointSaver[str]):
    """Is a checkpointer of LangGraph over a store: for `builder.compile(checkpointer=StoreSaver(store))`.

    All capabilities of a checkpointer are there: also `adelete_for_runs`, `acopy_thread` and `aprune`. The methods
    without `a` are for threads without an event loop; on a running one they raise `asyncio.InvalidStateError`.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name. What the saver opened it closes, with `aclose` or `async with`.
        serde: serializer of values, as `EncryptedSerializer`; None for that of LangGraph.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        saver = StoreSaver(store)
        config = {"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}
        config = await saver.aput(config, empty_checkpoint(), {"source": "input", "step": -1}, {})
        found = await saver.aget_tuple(config)
        assert found is not None and found.metadata["step"] == -1
    """

    def __init__(self, store: StoreSource = None, *, serde: SerializerProtocol | None = None) -> None:
        OverStore.__init__(self, store)
        BaseCheckpointSaver.__init__(self, serde=serde)
        self._checkpoints = self.store.checkpoints

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stores a checkpoint, and the values of the channels that have a new version, in one call.

        Args:
            config: names the thread, the namespace, and the checkpoint before this one.
            checkpoint: the checkpoint.
            metadata: facts about it.
            new_versions: the channels whose values are new, with their versions.

        Returns:
            The config of the stored checkpoint.

        Raises:
            ValidationError: the config names no thread.
        """
        place = _Place.of(config)
        held = checkpoint["channel_values"]
        versions = {name: version for name, version in checkpoint["channel_versions"].items() if name in held}
        versions.update({name: version for name, version in new_versions.items() if name in held})
        state: dict[str, Any] = {name: value for name, value in checkpoint.items() if name != "channel_values"}
        facts, rest = _by_json(get_serializable_checkpoint_metadata(config, metadata))
        if rest:
            state[_REST] = rest
        run_id = facts.get("run_id")
        await self._checkpoints.save_checkpoint(
            {
                "thread_id": place.thread_id,
                "namespace": place.namespace,
                "checkpoint_id": checkpoint["id"],
                "parent_id": place.checkpoint_id,
                "run_id": run_id if isinstance(run_id, str) else None,
                "state": self._dumped(state),
                "versions": {name: _version_text(version) for name, version in versions.items()},
                "metadata": facts,
                "needs_ancestors": bool(facts.get("counters_since_delta_snapshot")),
            },
            values={name: self._dumped(held[name]) for name in new_versions if name in held},
        )
        return place.at(checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Stores what a task wrote for the step after a checkpoint, in one call.

        Args:
            config: names the checkpoint.
            writes: the channels and what is written to them.
            task_id: id of the task.
            task_path: place of the task in its step.

        Raises:
            ValidationError: the config names no checkpoint.
        """
        place = _Place.of(config)
        await self._checkpoints.save_writes(
            place.thread_id,
            namespace=place.namespace,
            checkpoint_id=place.checkpoint_id or "",
            writes=[
                {
                    "task_id": task_id,
                    "task_path": task_path,
                    "index": WRITES_IDX_MAP.get(channel, n),
                    "channel": channel,
                    "value": self._dumped(value),
                }
                for n, (channel, value) in enumerate(writes)
            ],
        )

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Returns the checkpoint that a config names, or the newest of its thread; None when there is none."""
        place = _Place.of(config)
        found = await self._checkpoints.get_checkpoint(
            place.thread_id, namespace=place.namespace, checkpoint_id=place.checkpoint_id
        )
        return None if found is None else await self._read(found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[CheckpointTuple, None]:
        """Yields checkpoints, the newest first. Whoever stops in between holds nothing that others wait for.

        Args:
            config: names a thread, and optionally a namespace and a checkpoint; None for all.
            filter: members that the metadata must have, with these values.
            before: only checkpoints before the one that this config names.
            limit: checkpoints at most; None for all.

        Yields:
            The checkpoints.

        Raises:
            ValidationError: JSON cannot express a value of `filter`.
        """
        names = _names(config)
        found = self._checkpoints.iterate_checkpoints(
            names.get("thread_id"),
            namespace=names.get("checkpoint_ns"),
            checkpoint_id=names.get("checkpoint_id"),
            metadata=filter,
            before=_names(before).get("checkpoint_id"),
            limit=None if limit is None else max(limit, 0),
        )
        async for checkpoint in found:
            yield await self._read(checkpoint)

    async def adelete_thread(self, thread_id: str) -> None:
        """Deletes all checkpoints of a thread, with their values and writes."""
        await self._checkpoints.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Deletes the checkpoints that runs made.

        Raises NotImplementedError where a delta channel of a checkpoint that stays needs one of them.
        """
        try:
            await self._checkpoints.delete_runs(run_ids)
        except ConflictError as error:
            raise _needs_ancestors(error) from error

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copies all checkpoints of a thread to another, with their values and writes."""
        await self._checkpoints.copy_thread(source_thread_id, new_thread_id=target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Deletes checkpoints of threads: with "keep_latest" all but the newest of each namespace, with "delete" all.

        Raises NotImplementedError for "keep_latest" where a delta channel needs older checkpoints, TypeError for a
        single id, and ValueError for another strategy.
        """
        if isinstance(thread_ids, str):
            raise TypeError(f"thread_ids must be a list; put a single one into a list: [{thread_ids!r}]")
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy must be "keep_latest" or "delete", not {strategy!r}')
        for thread_id in thread_ids:
            if strategy == "delete":
                await self._checkpoints.delete_thread(thread_id)
                continue
            try:
                await self._checkpoints.keep_latest(thread_id)
            except ConflictError as error:
                raise _needs_ancestors(error) from error

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Returns what delta channels got on the way to a checkpoint, in two calls for up to 500 ancestors."""
        place = _Place.of(config)
        found = await self._checkpoints.get_channel_histories(
            place.thread_id, namespace=place.namespace, checkpoint_id=place.checkpoint_id, channels=channels
        )
        histories: dict[str, DeltaChannelHistory] = {}
        for name, history in found.items():
            histories[name] = {"writes": [self._pending(write) for write in history.writes]}
            if history.seed is not None:
                histories[name]["seed"] = self.serde.loads_typed(history.seed)
        return histories

    def get_next_version(self, current: str | float | None, channel: None) -> str:
        """Returns a version after the current one, which no other branch of the thread has."""
        number = int(str(current or 0).partition(".")[0]) + 1
        return f"{number:010}.{secrets.token_hex(5)}"

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Does what `aput` does, for a thread without an event loop."""
        return self._run(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Does what `aput_writes` does, for a thread without an event loop."""
        self._run(self.aput_writes(config, writes, task_id, task_path))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Does what `aget_tuple` does, for a thread without an event loop."""
        return self._run(self.aget_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Generator[CheckpointTuple, None, None]:
        """Does what `alist` does, for a thread without an event loop."""
        return loop_of(self.store).iterate(self.alist(config, filter=filter, before=before, limit=limit))

    def delete_thread(self, thread_id: str) -> None:
        """Does what `adelete_thread` does, for a thread without an event loop."""
        self._run(self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Does what `adelete_for_runs` does, for a thread without an event loop."""
        self._run(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Does what `acopy_thread` does, for a thread without an event loop."""
        self._run(self.acopy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Does what `aprune` does, for a thread without an event loop."""
        self._run(self.aprune(thread_ids, strategy=strategy))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Does what `aget_delta_channel_history` does, for a thread without an event loop."""
        return self._run(self.aget_delta_channel_history(config=config, channels=channels))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return loop_of(self.store).run(coroutine)

    def _dumped(self, value: Any) -> tuple[str, bytes]:
        return self.serde.dumps_typed(value)

    async def _read(self, found: _StoredCheckpoint) -> CheckpointTuple:
        [read] = await each(self._tuple, [found])  # large values in a thread
        return read

    def _tuple(self, found: _StoredCheckpoint) -> CheckpointTuple:
        check_at_once(sum(len(data) for _, data in (*found.values.values(), *(write.value for write in found.writes))))
        place = _Place(found.thread_id, found.namespace, None)
        state = self.serde.loads_typed(found.state)
        metadata = {**found.metadata, **state.pop(_REST, {})}
        values = {name: self.serde.loads_typed(value) for name, value in found.values.items()}
        return CheckpointTuple(
            config=place.at(found.checkpoint_id),
            checkpoint=cast(Checkpoint, {**state, "channel_values": values}),
            metadata=cast(CheckpointMetadata, metadata),
            parent_config=None if found.parent_id is None else place.at(found.parent_id),
            pending_writes=[self._pending(write) for write in found.writes],
        )

    def _pending(self, write: _Write) -> PendingWrite:
        return write.task_id, write.channel, self.serde.loads_typed(write.value)


class _Write(Protocol):
    """Has what the saver reads of a pending write."""

    task_id: str
    channel: str

    @property
    def value(self) -> tuple[str, bytes]: ...


class _StoredCheckpoint(Protocol):
    """Has what the saver reads of a stored checkpoint."""

    thread_id: str
    namespace: str
    checkpoint_id: str
    parent_id: str | None
    metadata: dict[str, Any]

    @property
    def state(self) -> tuple[str, bytes]: ...
    @property
    def values(self) -> Mapping[str, tuple[str, bytes]]: ...
    @property
    def writes(self) -> Sequence[_Write]: ...


class _Place(NamedTuple):
    """Says where a config of LangGraph is."""

    thread_id: str
    namespace: str
    checkpoint_id: str | None

    @classmethod
    def of(cls, config: RunnableConfig) -> _Place:
        names = _names(config)
        if "thread_id" not in names:
            raise ValidationError('config must name a thread: {"configurable": {"thread_id": ...}}')
        return cls(names["thread_id"], names.get("checkpoint_ns", ""), names.get("checkpoint_id"))

    def at(self, checkpoint_id: str) -> RunnableConfig:
        """Returns the config of a checkpoint at this place."""
        return {
            "configurable": {
                "thread_id": self.thread_id,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": checkpoint_id,
            }
        }


def _names(config: RunnableConfig | None) -> dict[str, str]:
    """Returns the thread, the namespace and the checkpoint that a config names, each if it does."""
    configurable = (config or {}).get("configurable", {})
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return {name: str(configurable[name]) for name in names if configurable.get(name) is not None}


def _by_json(metadata: CheckpointMetadata) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the members of metadata that JSON expresses, by which lists can filter, and all others."""
    facts: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in metadata.items():
        try:
            facts[name] = checked(value, name).value
        except ValidationError:
            rest[name] = value
    return facts, rest


def _version_text(version: str | float) -> str:
    return version if isinstance(version, str) else f"{version:.17g}"


def _needs_ancestors(error: ConflictError) -> NotImplementedError:
    return NotImplementedError(f"a delta channel is rebuilt from older checkpoints: {error.message}")
