"""Makes key-values of a store the long-term memory and the cache of LangGraph (docs/adapters/langgraph-store.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import timedelta
from functools import cached_property
from itertools import takewhile
from typing import Any, Self

from langgraph.cache.base import BaseCache, FullKey, Namespace, ValueT
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.adapters.langgraph_filters import mastra_filter
from mastra_convex.adapters.langgraph_index import ItemKey, SemanticIndex
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.errors import ConfigurationError, ValidationError


class StoreMemory(OverStore, BaseStore):
    """Keeps the long-term memory of graphs in `store.key_values`, as a `BaseStore`.

    An item expires `ttl` minutes after it was put or, by default, read; then nothing returns it any more. With an
    `index`, texts of the items are embedded, and a search with a query finds items by their meaning.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment of the environment.
        collection: name of the collection of `store.key_values`, and of the index of `store.vector`.
        index: the embeddings, how many numbers they have, and which texts are embedded; None for no such search.
        ttl: the lifetime of items that are put without one, in minutes, and whether reads begin it anew.

    Raises:
        ConfigurationError: the store cannot be opened, or the index has no embeddings.

    Example:
        memory = StoreMemory(store)
        await memory.aput(("users", "ada"), "likes", {"drink": "tea"})
        [found] = await memory.asearch(("users",), filter={"drink": {"$ne": "coffee"}})
        assert (found.namespace, found.key, found.value) == (("users", "ada"), "likes", {"drink": "tea"})
    """

    supports_ttl = True

    def __init__(
        self,
        store: StoreSource = None,
        *,
        collection: str = "langgraph",
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        super().__init__(store)
        if ttl is not None and ttl.get("sweep_interval_minutes") is not None:
            problem = "ttl must not have sweep_interval_minutes: nothing runs in the background"
            raise ConfigurationError(f"{problem}; what has expired is never returned, and `asweep` deletes it")
        self.collection = collection
        self.ttl_config = ttl
        self._index = None if index is None else SemanticIndex(self.store, collection, index)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Runs operations. Reads see the state before the puts of the batch, which are one commit.

        Args:
            ops: the operations. Of several puts of one key the last one counts.

        Returns:
            The answer of each operation.

        Raises:
            InvalidNamespaceError: a namespace is wrong; nothing was done.
            ValidationError: another argument is wrong; nothing was put.
        """
        given = list(ops)
        puts: dict[ItemKey, PutOp] = {}
        for op in given:
            validate_op_namespace(op)
            if isinstance(op, PutOp):
                puts[tuple(op.namespace), op.key] = op
                if op.ttl is not None and not op.ttl >= 0:
                    raise ValidationError(f"ttl must be at least 0 minutes, not {op.ttl!r}; None is for no end")
        items = iter(await self._get([op for op in given if isinstance(op, GetOp)]))
        results: list[Result] = []
        for op in given:
            match op:
                case GetOp():
                    results.append(next(items))
                case SearchOp():
                    results.append(await self._search(op))
                case ListNamespacesOp():
                    results.append(await self._namespaces(op))
                case PutOp():
                    results.append(None)
                case _:
                    raise ValidationError(f"an operation must be one of langgraph.store.base, not {op!r}")
        if puts:
            await self._put(list(puts.values()))
        return results

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Does what `abatch` does, where no event loop runs."""
        return loop_of(self.store).run(self._in_background.abatch(ops))

    async def asweep(self, *, unused_for: timedelta = timedelta(hours=1)) -> int:
        """Deletes what has expired, in all collections of the store, and vectors that no item names.

        Args:
            unused_for: how long ago a vector must have been stored, as its item may yet be put.

        Returns:
            The number of values that had expired.
        """
        swept = await self.store.key_values.sweep()
        if self._index is not None:
            vectors = await self._index.older_than(unused_for.total_seconds())
            keys = list(dict.fromkeys(vector.key for vector in vectors))
            items = await self.store.key_values.get_many(self.collection, keys=keys)
            named = {id for item in items if item is not None for id in item.value["vectors"]}
            await self._index.remove([vector.id for vector in vectors if vector.id not in named])
        return swept

    async def _get(self, ops: Sequence[GetOp]) -> list[Item | None]:
        if not ops:
            return []
        found = await self.store.key_values.get_many(self.collection, keys=[(op.namespace, op.key) for op in ops])
        await self._renew([one for one, op in zip(found, ops, strict=True) if one is not None and op.refresh_ttl])
        return [None if one is None else Item(**_members(one)) for one in found]

    async def _search(self, op: SearchOp) -> list[SearchItem]:
        if op.limit < 0 or op.offset < 0:
            raise ValidationError("limit and offset must be >= 0")
        if op.limit == 0:
            return []
        if op.query and self._index is not None:
            found = await self._by_meaning(self._index, op, op.query)
        else:
            found = [(one, None) for one in await self._by_key(op)]
        if op.refresh_ttl:
            await self._renew([one for one, _ in found])
        return [SearchItem(**_members(one), score=score) for one, score in found]

    async def _by_key(self, op: SearchOp) -> Sequence[Any]:
        page, rest = divmod(op.offset, op.limit)
        skipped = op.offset if rest else 0  # these are no page, so they are read with those before
        found = await self.store.key_values.list(
            self.collection,
            namespace=op.namespace_prefix,
            nested=True,
            filter=mastra_filter(op.filter, within="value"),
            page=0 if rest else page,
            per_page=skipped + op.limit,
            include_total=False,
        )
        return found.key_values[skipped:]

    async def _by_meaning(self, index: SemanticIndex, op: SearchOp, query: str) -> list[tuple[Any, float | None]]:
        """Finds items by the nearest of their vectors, among more and more vectors until enough items match."""
        vector = await index.embed(query)
        filter = mastra_filter(op.filter, within="value")
        wanted = top_k = op.offset + op.limit
        while True:
            hits = await index.nearest(vector, op.namespace_prefix, top_k)
            keys = list(dict.fromkeys(hit.key for hit in hits))
            items = await self.store.key_values.get_many(self.collection, keys=keys, filter=filter)
            found = dict(zip(keys, items, strict=True))
            scores: dict[ItemKey, float | None] = {}
            for hit in hits:
                item = found[hit.key]
                if item is not None and hit.id in item.value["vectors"]:
                    scores.setdefault(hit.key, hit.score)
            if len(scores) >= wanted or len(hits) < top_k:
                return [(found[key], score) for key, score in list(scores.items())[op.offset : wanted]]
            top_k *= 4

    async def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        prefix, others = _longest_prefix(op.match_conditions or ())
        listed = self.store.key_values.iter_namespaces(
            self.collection, prefix=prefix, max_depth=None if others else op.max_depth
        )
        found: dict[tuple[str, ...], None] = {}
        async for namespace in listed:
            if all(_matches(condition, namespace) for condition in others):
                found[namespace[: op.max_depth]] = None
            if len(found) >= op.offset + op.limit:
                break
        return list(found)[op.offset : op.offset + op.limit]

    async def _put(self, puts: Sequence[PutOp]) -> None:
        """Puts and deletes items in one commit. New vectors come before it, and replaced ones go after it."""
        if self._index is None:
            await self._set(puts, [[] for _ in puts])
            return
        keys = [(put.namespace, put.key) for put in puts]
        before = await self.store.key_values.get_many(self.collection, keys=keys)
        await self._set(puts, await self._index.add(puts))
        await self._index.remove([id for item in before if item is not None for id in item.value["vectors"]])

    async def _set(self, puts: Sequence[PutOp], vectors: Sequence[Sequence[str]]) -> None:
        entries = [
            {
                "namespace": put.namespace,
                "key": put.key,
                "value": {"value": put.value, "vectors": ids},
                "ttl": None if put.ttl is None else timedelta(minutes=put.ttl),
            }
            for put, ids in zip(puts, vectors, strict=True)
            if put.value is not None
        ]
        deleted = [(put.namespace, put.key) for put in puts if put.value is None]
        await self.store.key_values.set_many(self.collection, entries=entries, delete=deleted)

    async def _renew(self, read: Sequence[Any]) -> None:
        expiring = [one for one in read if one.ttl is not None]
        if expiring:
            await self.store.key_values.renew_many(self.collection, found=expiring)

    @cached_property
    def _in_background(self) -> Self:
        """Is this adapter as synchronous methods use it: with embeddings that may be called on any loop."""
        other = copy(self)
        other._index = None if self._index is None else self._index.in_threads()
        return other


def _members(found: Any) -> dict[str, Any]:
    """Returns the members of an item by the key-value that holds it."""
    names = ("namespace", "key", "created_at", "updated_at")
    return {"value": found.value["value"], **{name: getattr(found, name) for name in names}}


def _longest_prefix(conditions: Iterable[MatchCondition]) -> tuple[tuple[str, ...], list[MatchCondition]]:
    """Returns labels with which the namespaces begin, and the conditions that this does not cover."""
    prefixes = [takewhile(lambda label: label != "*", one.path) for one in conditions if one.match_type == "prefix"]
    prefix = max(map(tuple, prefixes), key=len, default=())
    return prefix, [one for one in conditions if one != MatchCondition("prefix", prefix)]


def _matches(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    path = condition.path
    if len(path) > len(namespace):
        return False
    labels = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, labels, strict=True))


class StoreCache(OverStore, BaseCache[ValueT]):
    """Caches the results of nodes, for all processes that use the store.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment of the environment.
        collection: name of the collection of `store.key_values`.
        serde: serializer of the results; that of LangGraph by default.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        cache: StoreCache[list[str]] = StoreCache(store)
        await cache.aset({(("node",), "a"): (["result"], 60)})  # for 60 seconds
        assert await cache.aget([(("node",), "a"), (("node",), "b")]) == {(("node",), "a"): ["result"]}
    """

    def __init__(
        self,
        store: StoreSource = None,
        *,
        collection: str = "langgraph-cache",
        serde: SerializerProtocol | None = None,
    ) -> None:
        OverStore.__init__(self, store)
        BaseCache.__init__(self, serde=serde)
        self.collection = collection

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """Returns the results that are cached under some keys, in one call."""
        wanted = [(tuple(namespace), key) for namespace, key in keys]
        found = await self.store.key_values.get_many(self.collection, keys=wanted)
        return {key: self._loads(one.value) for key, one in zip(wanted, found, strict=True) if one is not None}

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """Does what `aget` does, where no event loop runs."""
        return loop_of(self.store).run(self.aget(keys))

    async def aset(self, pairs: Mapping[FullKey, tuple[ValueT, int | None]]) -> None:
        """Caches results, each for some seconds or, for None, until it is cleared. It is one commit where it can be."""
        entries = [
            {"namespace": namespace, "key": key, "value": self._dumps(value), "ttl": ttl}
            for (namespace, key), (value, ttl) in pairs.items()
        ]
        await self.store.key_values.set_many(self.collection, entries=entries)

    def set(self, pairs: Mapping[FullKey, tuple[ValueT, int | None]]) -> None:
        """Does what `aset` does, where no event loop runs."""
        loop_of(self.store).run(self.aset(pairs))

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Deletes the results of some namespaces; None for those of all."""
        await self.store.key_values.clear(self.collection, namespaces=namespaces)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Does what `aclear` does, where no event loop runs."""
        loop_of(self.store).run(self.aclear(namespaces))

    def _dumps(self, value: ValueT) -> bytes:
        kind, data = self.serde.dumps_typed(value)
        return kind.encode() + b"\0" + data

    def _loads(self, stored: bytes) -> ValueT:
        kind, _, data = stored.partition(b"\0")
        loaded: ValueT = self.serde.loads_typed((kind.decode(), data))
        return loaded
