"""Defines the records of key-values (docs/contract.md, "Key-values")."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from mastra_convex.domain import Page, Record, UtcDatetime, is_stored

from .namespaces import Namespace


def _not_negative(value: timedelta | None, info: ValidationInfo) -> timedelta | None:
    if value is not None and value < timedelta() and not is_stored(info):
        raise ValueError("must not be negative; None keeps the value until it is deleted")
    return value


class KeyValue(Record):
    """Represents a value to store under a key in a namespace.

    Example:
        await store.key_values.set_many("settings", entries=[KeyValue(key="theme", value="dark", namespace=("ada",))])
        [found] = await store.key_values.get_many("settings", keys=[(("ada",), "theme")])
        assert found is not None and found.value == "dark"
    """

    key: str
    """Identifies the value within its namespace; any text."""
    value: Any
    """Holds any JSON value, or bytes."""
    namespace: Namespace = ()
    """Lists the labels of the namespace, the outermost first."""
    ttl: Annotated[timedelta | None, AfterValidator(_not_negative)] = None
    """Says how long the value lives after it was set or renewed (a number is in seconds); None for no end."""


class StoredKeyValue(KeyValue):
    """Represents a value that was read, with its times.

    Example:
        await store.key_values.set_many("settings", entries=[{"key": "theme", "value": "dark", "ttl": 60}])
        [found] = await store.key_values.get_many("settings", keys=["theme"])
        assert found is not None and found.expires_at == found.updated_at + timedelta(seconds=60)
    """

    created_at: UtcDatetime
    """Records when the key was first set, in UTC."""
    updated_at: UtcDatetime
    """Records when the value was set, in UTC."""
    expires_at: UtcDatetime | None = None
    """Says when the value expires, in UTC; None for never."""

    def has_expired(self, at: datetime) -> bool:
        """Tells whether the value has expired at a time."""
        return self.expires_at is not None and self.expires_at <= at


class KeyValuePage(Page):
    """Holds one page of a list of key-values.

    Example:
        await store.key_values.set_many("seen", entries=[{"key": "a", "value": 1}, {"key": "b", "value": 2}])
        page = await store.key_values.list("seen", per_page=1)
        assert [found.key for found in page.key_values] == ["a"] and page.has_more
    """

    key_values: list[StoredKeyValue]
    """Lists the values of the page, by namespace and key."""
