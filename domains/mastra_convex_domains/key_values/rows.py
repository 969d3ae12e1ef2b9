"""Turns records of key-values into rows and back, and arguments into keys and conditions."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mastra_convex.domain import (
    Condition,
    Row,
    checked_filter,
    decode_row,
    encode_row,
    items,
    json_member,
    mapping,
    string,
    text,
    to_iso,
    to_json,
)
from mastra_convex.errors import ValidationError

from .models import KeyValue, StoredKeyValue
from .namespaces import Namespace, checked_namespace, decode, encode
from .tables import KEY_VALUES

NamespacedKey = str | tuple[Sequence[str], str]
"""A key of the root namespace, or a pair of a namespace and a key."""

_MILLISECOND = timedelta(milliseconds=1)


def encode_key_value(collection: str, entry: KeyValue, time: datetime) -> Row:
    """Returns the row of a value that is set at a time."""
    value = b64encode(entry.value).decode() if isinstance(entry.value, bytes) else json_member(entry, "value")
    columns = {
        "collection": collection,
        "namespace": encode(entry.namespace),
        "key": entry.key,
        "kind": "bytes" if isinstance(entry.value, bytes) else "json",
        "value": value,
        "ttl": None if entry.ttl is None else entry.ttl // _MILLISECOND,
        "createdAt": time,
        "updatedAt": time,
        "expiresAt": expiry(time, entry.ttl),
    }
    return encode_row(KEY_VALUES, columns)


def expiry(time: datetime, ttl: timedelta | None) -> datetime | None:
    """Returns the end of a lifetime that begins at a time; None also for one that ends after all times."""
    try:
        return None if ttl is None else time + ttl
    except OverflowError:
        return None


def decode_key_value(row: Row) -> StoredKeyValue:
    """Returns the record of a row."""
    columns = decode_row(KEY_VALUES, row)
    del columns["collection"]
    ttl = columns.pop("ttl", None)
    if columns.pop("kind") == "bytes":
        columns["value"] = b64decode(columns["value"])
    columns["namespace"] = decode(columns["namespace"])
    columns["ttl"] = None if ttl is None else ttl * _MILLISECOND
    return StoredKeyValue.stored(columns, KEY_VALUES)


def collection_name(collection: object, operation: str) -> str:
    """Returns the checked name of a collection."""
    return text(collection, "collection", operation=operation)


def row_keys(collection: str, keys: Sequence[NamespacedKey], *, operation: str) -> list[tuple[str, str, str]]:
    """Returns the keys of the rows of some values, in their order."""
    name = collection_name(collection, operation)
    given = items(keys, "keys", operation=operation)
    pairs = (_pair(key, f"keys[{n}]", operation) for n, key in enumerate(given))
    return [(name, encode(namespace), key) for namespace, key in pairs]


def is_live(time: datetime) -> Condition:
    """Returns the condition that a value has not expired at a time."""
    lives = {"$or": [{"$in": [None]}, {"$gt": to_iso(time)}]}
    return Condition(path=["expiresAt"], operator="match", value=to_json(lives))


def value_conditions(filter: Mapping[str, Any] | None, *, operation: str) -> list[Condition]:
    """Returns the condition that a value matches a filter (docs/protocol.md, "Conditions"); none for no filter."""
    if not filter:
        return []
    members = mapping(filter, "filter", operation=operation)
    sent = checked_filter(members, "filter", place="record")
    return [Condition(path=["value"], operator="match", value=to_json(sent))]


def _pair(key: object, name: str, operation: str) -> tuple[Namespace, str]:
    if isinstance(key, tuple | list) and len(key) == 2:
        return checked_namespace(key[0], f"{name}[0]", operation=operation), string(
            key[1], f"{name}[1]", operation=operation
        )
    if isinstance(key, str):
        return (), string(key, name, operation=operation)
    raise ValidationError(f"{name} must be a text, or a pair of a namespace and a text", operation=operation)
