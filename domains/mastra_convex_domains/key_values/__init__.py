"""Stores values under keys, in namespaces and for a time (docs/contract.md, "Key-values")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import RetentionTable, Table, register

from .models import KeyValue, KeyValuePage, StoredKeyValue
from .namespaces import Namespace
from .rows import NamespacedKey
from .tables import KEY_VALUES
from .writes import WriteMethods

__all__ = ["KeyValue", "KeyValuePage", "KeyValuesStore", "Namespace", "NamespacedKey", "StoredKeyValue"]


@register
class KeyValuesStore(WriteMethods):
    """Stores JSON values and bytes under keys, in namespaces of collections.

    A value with a lifetime is never returned after its end; `sweep` deletes it.

    Attributes:
        clock: tells the time, which lifetimes are compared with.

    Example:
        entries = [KeyValue(key="a", value={"n": 1}), KeyValue(key="b", value=b"x", ttl=timedelta(hours=1))]
        await store.key_values.set_many("notes", entries=entries)
        found = await store.key_values.get_many("notes", keys=["b", "none", "a"])
        assert [one and one.value for one in found] == [b"x", None, {"n": 1}]
    """

    name: ClassVar[str] = "key_values"
    tables: ClassVar[tuple[Table, ...]] = (KEY_VALUES,)
    retention: ClassVar[Mapping[str, RetentionTable]] = {
        "expired": RetentionTable(KEY_VALUES, "expiresAt"),
        "key_values": RetentionTable(KEY_VALUES, "updatedAt"),
    }
