"""Finds values by their keys, by beginnings of keys, and by namespaces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mastra_convex.domain import (
    MAX_KEYS,
    Bound,
    DomainStore,
    Get,
    PerPage,
    Scan,
    check_batch_size,
    each,
    from_json,
    integer,
    now,
    page_request,
    string,
)
from mastra_convex.errors import ValidationError

from .models import KeyValuePage, StoredKeyValue
from .namespaces import Namespace, after_prefix, bounds_of_prefix, checked_namespace, decode, encode
from .rows import NamespacedKey, collection_name, decode_key_value, is_live, row_keys, value_conditions
from .tables import KEY_VALUES

_NAMESPACE_ROWS: Final = 256
"""Rows in which the next namespaces are looked for. Those left over of the last namespace found are skipped."""


class QueryMethods(DomainStore):
    """Adds the methods that read to KeyValuesStore."""

    clock: Callable[[], datetime] = staticmethod(now)

    async def get_many(
        self, collection: str, *, keys: Sequence[NamespacedKey], filter: Mapping[str, Any] | None = None
    ) -> list[StoredKeyValue | None]:
        """Returns the values of some keys, in one call.

        Args:
            collection: name of the collection.
            keys: the keys: texts in the root namespace, or pairs of a namespace and a text.
            filter: what a value must match, as for `list`.

        Returns:
            The values in the order of the keys; None for a key that has none, or none that matches.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "GET_MANY"
        wanted = row_keys(collection, keys, operation=operation)
        matching = value_conditions(filter, operation=operation)
        if not wanted:
            return []
        if matching:
            distinct = list(dict.fromkeys(wanted))
            scan = Scan(table=KEY_VALUES.name, index=KEY_VALUES.key, prefixes=[], where=matching)
            parts = (distinct[start : start + MAX_KEYS] for start in range(0, len(distinct), MAX_KEYS))
            results = await self._records.read_all([replace(scan, prefixes=part) for part in parts])
            rows = {tuple(KEY_VALUES.key_of(row)): row for result in results for row in result.rows}
            found = [rows.get(key) for key in wanted]
        else:
            found = list((await self._records.read(Get(table=KEY_VALUES.name, keys=wanted))).rows)
        time = self.clock()
        read = await each(lambda row: None if row is None else decode_key_value(row), found)
        return [None if one is None or one.has_expired(time) else one for one in read]

    async def list(
        self,
        collection: str,
        *,
        namespace: Sequence[str] = (),
        nested: bool = False,
        key_prefix: str = "",
        filter: Mapping[str, Any] | None = None,
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
    ) -> KeyValuePage:
        """Lists a page of the values of a namespace, by namespace and key, in one call.

        Args:
            collection: name of the collection.
            namespace: labels of the namespace; none for the root.
            nested: also lists the values of all namespaces within it.
            key_prefix: only values whose key begins with this text; not with `nested`.
            filter: what a value must match, in Mastra's filter language: `{"kind": "note", "n": {"$gt": 3}}`. Inside a
                large value only members of less than 16 KiB are found.
            page: number of the page, from 0.
            per_page: values on a page; False for all.
            include_total: False leaves `total` None, so that only the page is read.

        Returns:
            The page of values.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST"
        wanted = page_request(page, per_page, operation=operation)
        scan = self._scan(collection, namespace, nested, key_prefix, operation=operation)
        scan = replace(scan, where=[*scan.where, *value_conditions(filter, operation=operation)])
        found = await self._records.read(wanted.scan(scan, include_total=include_total))
        rows, info = wanted.cut(found.rows, found.matched, include_total=include_total)
        return KeyValuePage(key_values=await each(decode_key_value, rows), **info)

    async def iter_keys(
        self, collection: str, *, namespace: Sequence[str] = (), key_prefix: str = "", batch_size: int = 1000
    ) -> AsyncIterator[str]:
        """Iterates over the keys of a namespace in their order, without their values.

        Args:
            collection: name of the collection.
            namespace: labels of the namespace; none for the root.
            key_prefix: only keys that begin with this text.
            batch_size: keys to fetch in one call.

        Yields:
            The keys.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITER_KEYS"
        size = check_batch_size(batch_size, operation=operation)
        scan = self._scan(collection, namespace, False, key_prefix, operation=operation)
        scan = replace(scan, paths=[["key"]], limit=size)
        done = False
        while not done:
            found = await self._records.step(scan)
            values = found.values or ()
            done = found.done and len(values) < size
            scan = replace(scan, cursor=found.cursor)
            for [key] in values:
                yield from_json(key or "")

    async def iter_namespaces(
        self, collection: str, *, prefix: Sequence[str] = (), max_depth: int | None = None
    ) -> AsyncIterator[Namespace]:
        """Iterates over the namespaces that have values, in the order of their labels.

        The values of a namespace are skipped: of each at most 256 are looked at, and several namespaces with few values
        come with one call.

        Args:
            collection: name of the collection.
            prefix: labels with which the namespaces begin.
            max_depth: labels after which namespaces are cut; each that results comes once.

        Yields:
            The namespaces.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITER_NAMESPACES"
        if max_depth is not None:
            integer(max_depth, "max_depth", operation=operation, least=0)
        scan = self._scan(collection, prefix, True, "", operation=operation)
        scan = replace(scan, paths=[["namespace"]], limit=_NAMESPACE_ROWS)
        last: Namespace | None = None
        while True:
            found = await self._records.step(scan)
            names = dict.fromkeys(from_json(name or "") for [name] in found.values or ())
            for namespace in map(decode, names):
                if namespace[:max_depth] != last:
                    last = namespace[:max_depth]
                    yield last
            if found.done and len(found.values or ()) < _NAMESPACE_ROWS:
                return
            if not names or last is None:  # only values that have expired
                scan = replace(scan, cursor=found.cursor)
                continue
            lower = _after(last, next(reversed(names)))
            if lower is None:
                return
            scan = replace(scan, lower=lower, cursor=None)

    def _scan(
        self, collection: str, namespace: Sequence[str], nested: bool, key_prefix: str, *, operation: str
    ) -> Scan:
        """Returns the scan of the live values of a namespace, and with `nested` of those within it."""
        name = collection_name(collection, operation)
        path = encode(checked_namespace(namespace, "namespace", operation=operation))
        prefix = string(key_prefix, "key_prefix", operation=operation)
        if nested and prefix:
            raise ValidationError("key_prefix goes with one namespace, not with nested ones", operation=operation)
        lower, upper = bounds_of_prefix(path if nested else prefix)
        return Scan(
            table=KEY_VALUES.name,
            index=KEY_VALUES.key,
            prefixes=[[name] if nested else [name, path]],
            lower=lower,
            upper=upper,
            where=[is_live(self.clock())],
        )


def _after(found: Namespace, name: str) -> Bound | None:
    """Returns the bound behind a namespace that was found: all of it where it was cut, else the one of this text."""
    return (
        Bound(value=name, inclusive=False)
        if len(found) == len(decode(name))
        else after_prefix(encode(found), inclusive=True)
    )
