"""Caches JSON values, lists and counters for a time (docs/contract.md, "Cache")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Bound,
    Change,
    Condition,
    Delete,
    DeleteRange,
    DomainStore,
    Edit,
    Field,
    Get,
    HoldsGuard,
    Index,
    IndexRange,
    Owner,
    Patch,
    PruneOptions,
    Put,
    RetentionTable,
    Row,
    Scan,
    Table,
    WriteOp,
    checked,
    decode_row,
    each,
    encode_row,
    equals,
    from_json,
    mapping,
    now,
    read_modify_write,
    register,
    string,
    text,
    to_json,
)
from mastra_convex.errors import MastraConvexError, TooLargeError, ValidationError

CACHE = Table(
    name="mastra_cache",
    fields=(
        Field("key"),
        Field("keyPrefix"),
        Field("kind"),
        Field("value", json=True, optional=True, large=True),
        Field("counter", "number", optional=True),
        Field("expiresAt", "number", nullable=True),
    ),
    indexes=(
        Index("by_key", ("key",)),
        Index("by_key_prefix", ("keyPrefix",)),
        Index("by_expires", ("expiresAt",), extra=True),
    ),
    key="by_key",
    shared=True,
)
"""Each row holds a value or a counter, or the length of a list. `expiresAt` is in epoch milliseconds, or null."""

ITEMS = Table(
    name="mastra_cache_list_items",
    fields=(
        Field("key"),
        Field("keyPrefix"),
        Field("index", "number"),
        Field("value", json=True, large=True),
    ),
    indexes=(
        Index("by_key_prefix", ("keyPrefix",)),
        Index("by_key_index", ("key", "index")),
    ),
    key="by_key_index",
    owner=Owner("mastra_cache", "by_key_index"),
    shared=True,
)
"""Each row holds an element of a list. It belongs to the row of the list."""

_KEY_PREFIX: Final = "mastra:cache:"
_TTL_MS: Final = 300_000
_COUNTER = "counter"
_LIST = "list"
_VALUE = "value"


@register
class CacheStore(DomainStore):
    """Caches values under keys. What has expired is never returned; `sweep` deletes it.

    A lifetime is counted in milliseconds from the last write, by the clock of the machine that wrote; 0 or less keeps
    an entry until it is deleted.

    Attributes:
        key_prefix: begins every stored key. `clear` deletes what has this prefix.
        ttl_ms: the lifetime of entries that are given none.

    Example:
        await store.cache.set("answer", {"text": "42"}, ttl_ms=60_000)
        assert await store.cache.get("answer") == {"text": "42"}
        assert [await store.cache.increment("visits") for _ in range(2)] == [1, 2]
        await store.cache.list_push("steps", "first")
        assert await store.cache.list_from_to("steps", 0) == ["first"]
    """

    name: ClassVar[str] = "cache"
    tables: ClassVar[tuple[Table, ...]] = (CACHE, ITEMS)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"cache": RetentionTable(CACHE, "expiresAt")}

    key_prefix: str = _KEY_PREFIX
    ttl_ms: int = _TTL_MS

    def configured(self, *, key_prefix: str = _KEY_PREFIX, ttl_ms: int = _TTL_MS) -> CacheStore:
        """Returns the cache with another prefix of keys, or another lifetime of entries."""
        other = CacheStore(self._records, database=self.database)
        other.key_prefix = text(key_prefix, "key_prefix", operation="CACHE")
        other.ttl_ms = _milliseconds(ttl_ms, "CACHE")
        return other

    async def get(self, key: str) -> Any:
        """Returns the value that was set; None without one, when it has expired, and for a key of another kind."""
        stored = self._key(key, "GET")
        [row] = (await self._records.read(Get(table=CACHE.name, keys=[[stored]]))).rows
        if row is None or row.get("kind") != _VALUE or _has_expired(row):
            return None
        return decode_row(CACHE, row)["value"]

    async def set(self, key: str, value: Any, *, ttl_ms: int | None = None) -> None:
        """Stores a JSON value in place of whatever has the key.

        Args:
            key: the key.
            value: any JSON value.
            ttl_ms: the lifetime of the entry; None for that of the cache.

        Raises:
            ValidationError: an argument is wrong, or JSON cannot express the value.
        """
        operation = "SET"
        stored = self._key(key, operation)
        lifetime = self.ttl_ms if ttl_ms is None else _milliseconds(ttl_ms, operation)
        row = self._head(stored, _VALUE, lifetime, value=checked(value, "value"))
        put = Put(table=CACHE.name, rows=[row])
        try:
            await self._records.commit([_all_items(stored), put])
        except TooLargeError:  # the key was that of a long list
            await self._records.commit([_all_items(stored)], mode="resumable")
            await self._records.commit([put])

    async def delete(self, key: str) -> None:
        """Deletes a value, list or counter; an unknown key is no error."""
        stored = self._key(key, "DELETE")
        await self._delete(stored)

    async def clear(self) -> None:
        """Deletes all that was stored with the prefix of this cache, in bounded steps."""
        ranges = [
            IndexRange(table=table.name, index="by_key_prefix", prefix=[self.key_prefix]) for table in (CACHE, ITEMS)
        ]
        await self._records.commit([DeleteRange(range=range) for range in ranges], mode="resumable")

    async def sweep(self) -> int:
        """Deletes what has expired, whatever its prefix, in bounded steps; returns how many entries it were."""
        [result] = await self._pruned({"cache": 0}, PruneOptions())
        return result.deleted

    async def increment(self, key: str) -> int:
        """Adds 1 to a counter, which begins at 0, and returns it. Concurrent calls are all counted.

        Raises ValidationError for a key of another kind.
        """
        return await self._incremented(key, "INCREMENT")

    async def _incremented(self, key: str, operation: str) -> int:
        stored = self._key(key, operation)
        time = _milliseconds_now()
        is_live = Condition(
            path=["expiresAt"], operator="match", value=to_json({"$or": [{"$in": [None]}, {"$gt": time}]})
        )
        change = Change(
            set={"expiresAt": self._expiry(self.ttl_ms)},
            edits=[Edit(path=["counter"], reducer="add", value=to_json(1))],
        )
        result = await self._records.commit(
            [Patch(table=CACHE.name, keys=[[stored]], change=change)],
            guards=[HoldsGuard(table=CACHE.name, key=[stored], where=[equals(["kind"], _COUNTER), is_live])],
            returning=[Get(table=CACHE.name, keys=[[stored]], paths=[["counter"]])],
        )
        if result.status == "done" and result.returned[0].values:
            return int(from_json((result.returned[0].values[0] or ["1"])[0] or "1"))
        row = await self._changed(stored, _COUNTER, "is not a number", operation)
        return int(row["counter"])

    async def list_length(self, key: str) -> int:
        """Returns the length of a list, 0 without one. Raises ValidationError for a key of another kind."""
        operation = "LIST_LENGTH"
        stored = self._key(key, operation)
        [row] = (await self._records.read(Get(table=CACHE.name, keys=[[stored]]))).rows
        return _length(row, stored, operation)

    async def list_push(self, key: str, value: Any) -> None:
        """Appends a JSON value to a list, whose lifetime begins anew.

        Raises ValidationError for a key of another kind.
        """
        await self._push(key, value, "LIST_PUSH")

    async def _push(self, key: str, value: Any, operation: str) -> None:
        stored = self._key(key, operation)
        await self._changed(stored, _LIST, "is not an array", operation, item=checked(value, "value"))

    async def list_from_to(self, key: str, from_: int, to: int = -1) -> list[Any]:
        """Returns elements of a list; `[]` for a key of another kind.

        Args:
            key: the key.
            from_: index of the first element; a negative one counts from the end.
            to: index of the last element, inclusive; a negative one counts from the end.

        Returns:
            The elements.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_FROM_TO"
        stored = self._key(key, operation)
        for name, index in (("from_", from_), ("to", to)):
            if type(index) is not int or abs(index) > MAX_SAFE_INTEGER:
                raise ValidationError(f"{name} must be an integer", operation=operation)
        head = Get(table=CACHE.name, keys=[[stored]])
        if from_ >= 0 and (to >= 0 or to == -1):
            found, items = await self._records.read(head, _items(stored, from_, None if to == -1 else to))
            length = _length(found.rows[0], stored, None)
        else:
            length = _length((await self._records.read(head)).rows[0], stored, None)
            first, last = (max(0, length + from_) if from_ < 0 else from_), (length + to if to < 0 else to)
            if last < first:
                return []
            items = await self._records.read(_items(stored, first, last))
        rows = [row for row in items.rows if row["index"] < length]
        return await each(lambda row: decode_row(ITEMS, row)["value"], rows)

    async def list_push_indexed(self, list_key: str, *, counter_key: str, value: Mapping[str, Any]) -> int:
        """Numbers an object by a counter, and appends it with its number as `index`.

        Args:
            list_key: the key of the list.
            counter_key: the key of the counter.
            value: the object.

        Returns:
            The number, from 0 on.

        Raises:
            ValidationError: an argument is wrong, or a key is of another kind.
        """
        operation = "LIST_PUSH_INDEXED"
        members = mapping(value, "value", operation=operation)
        self._key(list_key, operation)
        index = await self._incremented(counter_key, operation) - 1
        await self._push(list_key, {**members, "index": index}, operation)
        return index

    async def _changed(self, key: str, kind: str, problem: str, operation: str, item: Any = None) -> Row:
        """Adds 1 to the counter of a row, and the item of a list; a row that has expired begins anew."""

        async def change(row: Row | None) -> list[WriteOp] | None:
            count = 0
            ops: list[WriteOp] = []
            if row is not None and not _has_expired(row):
                if row.get("kind") != kind:
                    raise _wrong_kind(key, problem, operation)
                count = int(row.get("counter") or 0)
            elif row is not None:
                has_ended = Condition(path=["expiresAt"], operator="lte", value=to_json(_milliseconds_now()))
                await self._delete(key, [] if row.get("kind") == "deleted" else [has_ended])
            if kind == _LIST:
                columns = {"key": key, "keyPrefix": self.key_prefix, "index": count, "value": item}
                ops.append(Put(table=ITEMS.name, rows=[encode_row(ITEMS, columns)]))
            ops.append(Put(table=CACHE.name, rows=[self._head(key, kind, self.ttl_ms, counter=count + 1)]))
            return ops

        changed = await read_modify_write(self._records, CACHE, [key], change, operation=operation)
        if changed is None:
            raise MastraConvexError(f"{key!r} was deleted meanwhile", operation=operation)
        return changed

    async def _delete(self, key: str, where: Sequence[Condition] = ()) -> None:
        """Deletes an entry if the conditions hold. At once it counts as deleted; a long list goes in steps."""
        deleted = Patch(table=CACHE.name, keys=[[key]], change=Change(set={"kind": "deleted"}))
        guards = [HoldsGuard(table=CACHE.name, key=[key], where=where)] if where else []
        ops: list[WriteOp] = [deleted, _all_items(key), Delete(table=CACHE.name, keys=[[key]])]
        await self._records.commit(ops, guards=guards, mode="resumable")

    def _head(self, key: str, kind: str, ttl_ms: int, **columns: Any) -> Row:
        values = {"key": key, "keyPrefix": self.key_prefix, "kind": kind, "expiresAt": self._expiry(ttl_ms)}
        return encode_row(CACHE, {**values, **columns})

    def _expiry(self, ttl_ms: int) -> int | None:
        return _milliseconds_now() + ttl_ms if ttl_ms > 0 else None

    def _key(self, key: str, operation: str) -> str:
        return self.key_prefix + string(key, "key", operation=operation)


def _items(key: str, first: int, last: int | None) -> Scan:
    upper = None if last is None else Bound(value=last)
    return Scan(table=ITEMS.name, index="by_key_index", prefixes=[[key]], lower=Bound(value=first), upper=upper)


def _all_items(key: str) -> DeleteRange:
    return DeleteRange(range=IndexRange(table=ITEMS.name, index="by_key_index", prefix=[key]))


def _has_expired(row: Row) -> bool:
    expires = row.get("expiresAt")
    return row.get("kind") == "deleted" or (expires is not None and expires <= _milliseconds_now())


def _length(row: Row | None, key: str, operation: str | None) -> int:
    """Returns the length of a list; for another kind 0, or with an operation ValidationError."""
    if row is None or _has_expired(row):
        return 0
    if row.get("kind") != _LIST:
        if operation is not None:
            raise _wrong_kind(key, "is not an array", operation)
        return 0
    return int(row.get("counter") or 0)


def _wrong_kind(key: str, problem: str, operation: str) -> ValidationError:
    return ValidationError(f"{key!r} exists but {problem}", operation=operation, status="WRONG_KIND")


def _milliseconds(value: object, operation: str) -> int:
    if type(value) is not int or abs(value) > MAX_SAFE_INTEGER:
        raise ValidationError("ttl_ms must be an integer", operation=operation)
    return value


def _milliseconds_now() -> int:
    return int(now().timestamp() * 1000)
