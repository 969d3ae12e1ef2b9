"""Keeps a namespace, a path of labels, as one text, which an index has in the order of the paths."""

from __future__ import annotations

import re
from typing import Final

from mastra_convex.domain import Bound, items, string

Namespace = tuple[str, ...]
"""A namespace is a path of labels, the outermost first; `()` is the root."""

_END: Final = "\x01"
"""Follows each label. It sorts before all that a label has inside, so a namespace stands before those within it."""

_ESCAPED: Final = {"\x00": "\x02\x02", "\x01": "\x02\x03", "\x02": "\x02\x04"}
_CHARACTERS: Final = {escaped: character for character, escaped in _ESCAPED.items()}
_TO_ESCAPE: Final = re.compile("[\x00-\x02]")
_TO_RESTORE: Final = re.compile("\x02.")


def checked_namespace(value: object, name: str, *, operation: str) -> Namespace:
    """Returns a list of labels as a tuple. Raises ValidationError for what is none; a label may be any text."""
    labels = items(value, name, operation=operation)
    return tuple(string(label, f"{name}[{n}]", operation=operation) for n, label in enumerate(labels))


def encode(namespace: Namespace) -> str:
    """Returns the text of a namespace: it begins with the text of each namespace around it."""
    return "".join(f"{_TO_ESCAPE.sub(lambda found: _ESCAPED[found[0]], label)}{_END}" for label in namespace)


def decode(text: str) -> Namespace:
    """Returns the namespace of a text that `encode` made."""
    labels = text.split(_END)[:-1]
    return tuple(_TO_RESTORE.sub(lambda found: _CHARACTERS.get(found[0], found[0]), label) for label in labels)


def bounds_of_prefix(prefix: str) -> tuple[Bound | None, Bound | None]:
    """Returns the bounds of all texts that begin with a prefix; None for no bound."""
    return Bound(value=prefix) if prefix else None, after_prefix(prefix)


def after_prefix(prefix: str, *, inclusive: bool = False) -> Bound | None:
    """Returns the bound at the first text behind all those that begin with a prefix; None when there is none."""
    last = prefix.rstrip(chr(0x10FFFF))
    if not last:
        return None
    following = ord(last[-1]) + 1
    return Bound(value=last[:-1] + chr(0xE000 if following == 0xD800 else following), inclusive=inclusive)
