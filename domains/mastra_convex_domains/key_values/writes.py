"""Sets, renews and deletes values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mastra_convex.domain import (
    MAX_KEYS,
    Change,
    Delete,
    DeleteRange,
    HoldsGuard,
    IndexRange,
    Key,
    Patch,
    PruneOptions,
    Put,
    Row,
    WriteOp,
    about,
    batches,
    each,
    encode_columns,
    equals,
    in_parts,
    items,
    parse_list,
    to_iso,
)
from mastra_convex.errors import TooLargeError, ValidationError

from .models import KeyValue, StoredKeyValue
from .namespaces import checked_namespace, encode
from .queries import QueryMethods
from .rows import NamespacedKey, collection_name, encode_key_value, expiry, row_keys
from .tables import KEY_VALUES

_RENEWALS: Final = 500
"""Values that one commit renews; it names the key of each twice."""


class WriteMethods(QueryMethods):
    """Adds the methods that write to KeyValuesStore."""

    async def set_many(
        self,
        collection: str,
        *,
        entries: Sequence[KeyValue | Mapping[str, Any]],
        delete: Sequence[NamespacedKey] = (),
    ) -> None:
        """Sets values in place of older ones, and deletes others, in one commit.

        This is atomic up to about 1,900 keys or 12 MiB, unless they replace much larger values. More are split in
        order, each part atomic, and deleted last. Of equal keys the last is set.

        Args:
            collection: name of the collection.
            entries: the values with their keys; each lifetime begins now.
            delete: keys to delete, none of which may be set.

        Raises:
            ValidationError: an argument is wrong, or JSON cannot express a value.
            TooLargeError: a value is too large to be stored.
        """
        operation = "SET_MANY"
        name = collection_name(collection, operation)
        given = parse_list(KeyValue, entries, "entries", operation=operation)
        deleted = row_keys(name, delete, operation=operation)
        time = self.clock()

        def encoded(numbered: tuple[int, KeyValue]) -> Row:
            with about(f"entries[{numbered[0]}]"):
                return encode_key_value(name, numbered[1], time)

        rows = {(name, row["namespace"], row["key"]): row for row in await each(encoded, enumerate(given))}
        if not rows.keys().isdisjoint(deleted):
            raise ValidationError("delete must not name a key that is set", operation=operation)
        parts = list(batches(rows.values()))
        if len(parts) == 1 and len(rows) + len(deleted) <= MAX_KEYS:
            try:
                await self._commit(parts[0], deleted)
            except TooLargeError:  # the replaced values are larger than these
                if len(rows) + len(deleted) == 1:
                    raise
            else:
                return
        for part in parts:
            await in_parts(part, self._commit)
        await self._delete_all(deleted)

    async def delete_many(self, collection: str, *, keys: Sequence[NamespacedKey]) -> None:
        """Deletes the values of some keys; an unknown key is no error. Up to about 1,900 keys are one atomic commit."""
        await self._delete_all(row_keys(collection, keys, operation="DELETE_MANY"))

    async def renew_many(self, collection: str, *, found: Sequence[StoredKeyValue]) -> None:
        """Begins the lifetimes of values that were read anew, in one commit.

        Values without a lifetime, and those that were set or deleted since they were read, stay as they are.

        Args:
            collection: name of the collection.
            found: the values as they were read.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "RENEW_MANY"
        name = collection_name(collection, operation)
        given = parse_list(StoredKeyValue, found, "found", operation=operation)
        time = self.clock()
        pending = list({(one.namespace, one.key): one for one in given if one.ttl is not None}.values())
        while pending:
            part, pending = pending[:_RENEWALS], pending[_RENEWALS:]
            keys = [(name, encode(one.namespace), one.key) for one in part]
            patches: list[WriteOp] = []
            guards: list[HoldsGuard] = []
            for key, one in zip(keys, part, strict=True):
                columns = encode_columns(KEY_VALUES, {"expiresAt": expiry(time, one.ttl)})
                patches.append(Patch(table=KEY_VALUES.name, keys=[key], change=Change(set=columns)))
                as_read = [equals(["updatedAt"], to_iso(one.updated_at))]
                guards.append(HoldsGuard(table=KEY_VALUES.name, key=key, where=as_read))
            failed = (await self._records.commit(patches, guards=guards)).failed
            if failed:
                pending = [one for n, one in enumerate(part) if n not in failed] + pending

    async def clear(self, collection: str, *, namespaces: Sequence[Sequence[str]] | None = None) -> None:
        """Deletes the values of a collection, or of some of its namespaces alone, in bounded steps.

        Args:
            collection: name of the collection.
            namespaces: the namespaces; those within them stay. None for the whole collection.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "CLEAR"
        name = collection_name(collection, operation)
        prefixes = [[name]]
        if namespaces is not None:
            given = items(namespaces, "namespaces", operation=operation)
            paths = (checked_namespace(one, f"namespaces[{n}]", operation=operation) for n, one in enumerate(given))
            prefixes = [[name, encode(path)] for path in paths]
        ranges = [IndexRange(table=KEY_VALUES.name, index=KEY_VALUES.key, prefix=prefix) for prefix in prefixes]
        if ranges:
            await self._records.commit([DeleteRange(range=range) for range in ranges], mode="resumable")

    async def sweep(self) -> int:
        """Deletes what has expired in all collections, in bounded steps; returns how many values it were."""
        [result] = await self._pruned({"expired": 0}, PruneOptions())
        return result.deleted

    async def _commit(self, rows: Sequence[Row], deleted: Sequence[Key] = ()) -> None:
        ops: list[WriteOp] = []
        if rows:
            ops.append(Put(table=KEY_VALUES.name, rows=rows, keep=["createdAt"]))
        if deleted:
            ops.append(Delete(table=KEY_VALUES.name, keys=deleted))
        await self._records.commit(ops)

    async def _delete_all(self, keys: Sequence[Key]) -> None:
        for start in range(0, len(keys), MAX_KEYS):
            await self._commit((), keys[start : start + MAX_KEYS])
