"""Checks whole JSON values by a few native calls, so that Python code need not look at each part. Internal.

Most values are plain: nothing in them is refused, converted or moved. These functions recognize them. For any other
value the walks of `mastra_convex.rows.values` decide, which are exact and name what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final, NamedTuple

import orjson

from mastra_convex.rows.at_once import check_at_once

MAX_JSON_NESTING: Final = 128
"""Our own limit for JSON text, well inside what JSON parsers on both sides take."""

_PRINTED_NESTING: Final = 254
"""Levels of containers that orjson prints."""

_LONG: Final = 8 << 10
"""Bytes of JSON text from which on it takes less time to print it again than to count its containers."""

_EXACTLY: Final = (
    orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)
"""Refuses integers beyond 2^53 and types that JSON does not have. UUIDs and enums are printed nevertheless."""

_INTEGRAL: Final = re.compile(rb"\.0(?=[,\]}]|$)")
"""The fraction of an integral float as orjson prints it, or such a piece of a text."""

_SHORT_INTEGRAL: Final = re.compile(rb"\.0(?=[,\]}]|$)(?<![0-9]{15}\.0)")
"""The fraction of an integral float of so few digits that it is within 2^53. (Found fast, as it begins with a text.)"""


class Checked(NamedTuple):
    """A JSON value that both languages read alike, and its compact JSON text."""

    value: Any
    text: bytes

    @property
    def json(self) -> str:
        """The JSON text as a string."""
        return self.text.decode()


def reread(value: Any) -> Checked | None:
    """Prints a value and parses the text: a copy, with integral floats as integers.

    Returns None unless the copy equals the value. So a UUID, a tuple or NaN leads to None, and a string that the
    conversion of numbers would change.
    """
    try:
        text = orjson.dumps(value, option=_EXACTLY)
    except TypeError:
        check_at_once(math.inf)
        return None
    check_at_once(len(text))
    if _INTEGRAL.search(text):
        text = _SHORT_INTEGRAL.sub(b"", text)
        if _INTEGRAL.search(text):
            return None
    may_be_deep = len(text) > _LONG or count_containers(text) > MAX_JSON_NESTING
    if may_be_deep and not _nests_at_most(value, MAX_JSON_NESTING):
        return None
    copy = orjson.loads(text)
    return Checked(copy, text) if copy == value else None


def printed(value: Any) -> bytes | None:
    """Returns the JSON text of a parsed value; None when a number in it may have to become an int or a float."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        check_at_once(math.inf)
        return None
    check_at_once(len(text))
    return None if _INTEGRAL.search(text) else text


def count_containers(text: bytes) -> int:
    """Returns a number that the arrays and objects in a JSON text do not exceed, and so neither does their nesting."""
    return text.count(b"[") + text.count(b"{")


def most_bytes(text: bytes) -> int:
    """Returns a number of bytes that the value of a JSON text does not exceed in a document of Convex.

    Only numbers take more bytes there than as text: 9. Each of them follows a comma or a bracket of its own.
    """
    return len(text) + 8 * (1 + text.count(b",") + count_containers(text))


class Level(NamedTuple):
    """All parts of a value that are nested equally deep, and which of them are objects and arrays."""

    depth: int
    parts: list[Any]
    objects: list[dict[str, Any]]
    arrays: list[list[Any]]

    def is_within(self, levels: int, members: int, elements: int) -> bool:
        """Tells whether there are so many levels of containers at most, and none is larger."""
        return (
            (self.depth < levels or not (self.objects or self.arrays))
            and max(map(len, self.objects), default=0) <= members
            and max(map(len, self.arrays), default=0) <= elements
        )


def levels(value: Any) -> Iterator[Level]:
    """The levels of a value, from the outermost to the innermost one."""
    parts, depth = [value], 0
    while parts:
        containers = [part for part in parts if type(part) in _CONTAINERS]
        objects = [part for part in containers if type(part) is dict]
        arrays = [part for part in containers if type(part) is list]
        yield Level(depth, parts, objects, arrays)
        depth += 1
        parts = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]


def _nests_at_most(value: Any, nesting: int) -> bool:
    """Tells whether orjson, whose own limit is higher, still prints the value inside so many more arrays."""
    for _ in range(_PRINTED_NESTING - nesting):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


_CONTAINERS: Final = {dict, list}
