"""Compares two states of a list (docs/live.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_ID: Final[Callable[[Any], Any]] = attrgetter("id")


@dataclass(frozen=True)
class Changes(Generic[T]):
    """Holds what is different in the newer of two lists.

    Attributes:
        added: items whose id is new, in the order of the newer list.
        changed: items that were in the older list with other contents, as they are now.
        removed: items of the older list whose id is not in the newer one.

    Example:
        found = changes([Thread(id="a", resource_id="user-1")], [Thread(id="b", resource_id="user-1")])
        assert [thread.id for thread in found.added] == ["b"] and [thread.id for thread in found.removed] == ["a"]
    """

    added: list[T]
    changed: list[T]
    removed: list[T]


def changes(old: Sequence[T], new: Sequence[T], *, key: Callable[[T], Any] = _ID) -> Changes[T]:
    """Compares the items of two pages, as in `changes(old.messages, page.messages)`.

    On a page of the newest, an item that others push off the page counts as removed.

    Args:
        old: the items of the older page; none for the first.
        new: the items of the newer page.
        key: tells what identifies an item; its `id` unless another function is given.

    Returns:
        The items that were added, changed and removed.
    """
    before = {key(item): item for item in old}
    now = {key(item) for item in new}
    return Changes(
        added=[item for item in new if key(item) not in before],
        changed=[item for item in new if key(item) in before and before[key(item)] != item],
        removed=[item for item in old if key(item) not in now],
    )
