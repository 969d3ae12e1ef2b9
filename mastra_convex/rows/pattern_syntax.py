"""The syntax of `$regex` (docs/protocol.md, "Patterns"): a pattern becomes a program that both languages can run.

The text is read once, from left to right; each part of it becomes a fragment of the program. A fragment is entered at
its first step and left behind its last one. Its steps name each other by their distance, so that it may be copied.
"""

from __future__ import annotations

import re
import string
from typing import Any

from mastra_convex.errors import ValidationError
from mastra_convex.rows.letter_case import check_case, other_cases
from mastra_convex.rows.patterns import END_OF_CODES, MAX_STEPS

_MAX_PATTERN = 1_000
_MAX_COUNT = 1_000

_Range = tuple[int, int]
"""Code points from the first to before the second."""
_Step = tuple[int | str | None, *tuple[int, ...]]
_Fragment = list[_Step]

_LITERAL = re.compile(rf"(?:[^\\^$.|?*+()\[\]{{}}]|\\[{re.escape(string.punctuation)} ])*")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_COUNT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_ESCAPABLE = frozenset(string.punctuation + " ")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}


def parse_pattern(text: str, options: Any = "") -> dict[str, Any]:
    """The program of a pattern. `options` are letters of `ims`, as are those of `(?i)` at the beginning.

    Raises ValidationError for syntax that is not allowed.
    """
    if not isinstance(options, str) or not set(options) <= set("ims"):
        raise ValidationError("$options are letters of ims")
    flags = _FLAGS.match(text)
    if flags is not None:
        return parse_pattern(text[flags.end() :], options + flags[1])
    if len(text) > _MAX_PATTERN:
        raise ValidationError(f"a pattern has at most {_MAX_PATTERN} characters, not {len(text)}")
    if "i" not in options and _LITERAL.fullmatch(text):
        return {"text": re.sub(r"\\(.)", r"\1", text)}
    return _Reader(text, options).read()


def _refused(what: str) -> ValidationError:
    return ValidationError(f"a pattern with {what}; $regex takes what Python and JavaScript read alike")


def _either(alternatives: list[_Fragment]) -> _Fragment:
    *others, fragment = alternatives
    for each in reversed(others):
        fragment = [(None, 1, len(each) + 2), *each, (None, len(fragment) + 1), *fragment]
    return fragment


def _repeated(fragment: _Fragment, least: int, most: int | None) -> _Fragment:
    size = len(fragment)
    _check_size(size * (most or least))
    if most is None:
        loop: _Fragment = [*fragment, (None, -size, 1)]
        return fragment * (least - 1) + loop if least else [(None, 1, size + 2), *loop]
    repeated = fragment * least
    for left in range(most - least, 0, -1):
        repeated += [(None, 1, left * (size + 1)), *fragment]
    return repeated


def _check_size(steps: int) -> None:
    if steps > MAX_STEPS:
        raise ValidationError(
            f"a pattern whose counts come to more than {MAX_STEPS} steps; write smaller counts, or * and + instead"
        )


def _union(ranges: list[_Range]) -> list[int]:
    """The code points at which the union of ranges begins and ends, in ascending order."""
    points: list[int] = []
    for first, end in sorted(ranges):
        if points and first <= points[-1]:
            points[-1] = max(points[-1], end)
        else:
            points += first, end
    return points


def _others(ranges: list[_Range]) -> list[_Range]:
    """The ranges of all other code points."""
    points = sorted({0, END_OF_CODES} ^ set(_union(ranges)))
    return list(zip(points[::2], points[1::2], strict=True))


_SMALL_CLASSES = {
    "d": [(0x30, 0x3A)],
    "w": [(0x30, 0x3A), (0x41, 0x5B), (0x5F, 0x60), (0x61, 0x7B)],
    "s": [(0x09, 0x0E), (0x20, 0x21)],
}
_CLASSES = _SMALL_CLASSES | {letter.upper(): _others(ranges) for letter, ranges in _SMALL_CLASSES.items()}
_NEWLINE = [(0x0A, 0x0B)]


class _Reader:
    def __init__(self, text: str, options: str) -> None:
        self._text = text
        self._at = 0
        self._sets: dict[tuple[int, ...], int] = {}
        self._ignores_case = "i" in options
        self._any = _others([] if "s" in options else _NEWLINE)
        by_line = "line " if "m" in options else ""
        self._assertions = {"^": f"{by_line}start", "$": f"{by_line}end", r"\b": "boundary", r"\B": "no boundary"}

    def read(self) -> dict[str, Any]:
        groups: list[list[_Fragment]] = [[[]]]  # those that are open, with the alternatives of each
        while self._next:
            if self._take("("):
                if self._take("?") and not self._take(":"):
                    raise _refused("a group that begins with (? and not with (?:")
                groups.append([[]])
            elif self._take("|"):
                groups[-1].append([])
            elif self._take(")"):
                group = groups.pop()
                if not groups:
                    raise _refused("a parenthesis that closes nothing")
                groups[-1][-1] += self._quantified(_either(group))
            else:
                groups[-1][-1] += self._assertion() or self._quantified(self._character_of(self._atom()))
        if len(groups) > 1:
            raise _refused("a parenthesis that is not closed")
        fragment = _either(groups[0])
        _check_size(len(fragment))
        steps = [[test, *(n + distance for distance in distances)] for n, (test, *distances) in enumerate(fragment)]
        return {"sets": list(map(list, self._sets)), "steps": steps}

    @property
    def _next(self) -> str:
        """The character to be read, empty at the end."""
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> bool:
        if not self._text.startswith(wanted, self._at):
            return False
        self._at += len(wanted)
        return True

    def _character(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _assertion(self) -> _Fragment:
        name = next((name for sign, name in self._assertions.items() if self._take(sign)), None)
        if name is None:
            return []
        if self._quantifier():
            raise _refused("a quantifier after what has no width")
        return [(name, 1)]

    def _character_of(self, ranges: list[_Range]) -> _Fragment:
        """The step over a character of these ranges."""
        return [(self._sets.setdefault(tuple(_union(ranges)), len(self._sets)), 1)]

    def _atom(self) -> list[_Range]:
        if self._take("["):
            return self._class()
        if self._take("."):
            return self._any
        if self._take("\\"):
            return self._class_escape() or self._either_case(self._escaped())
        if self._next in "*+?{}]":
            raise _refused(f"{self._next} in this place")
        return self._either_case(self._character())

    def _either_case(self, first: str, last: str = "") -> list[_Range]:
        """The range, and with the option `i` the letters in it in their other cases."""
        start, end = ord(first), ord(last or first) + 1
        if not self._ignores_case:
            return [(start, end)]
        for letter in first + last:
            check_case(letter)
        return [(start, end), *other_cases(start, end)]

    def _class_escape(self) -> list[_Range]:
        return _CLASSES[self._character()] if self._next in _CLASSES else []

    def _escaped(self) -> str:
        """The character that an escape stands for, its backslash having been read."""
        letter = self._next
        if letter in _ESCAPABLE:
            return self._character()
        if letter not in _CONTROLS:
            raise _refused(f"the escape \\{letter}")
        return _CONTROLS[self._character()]

    def _class(self) -> list[_Range]:
        """A class, its first bracket having been read."""
        negated = self._take("^")
        if self._next == "]":
            raise _refused("an empty class")
        ranges: list[_Range] = []
        while not self._take("]"):
            first = self._member()
            if self._next == "-" and not self._text.startswith("-]", self._at):
                self._at += 1
                last = self._member()
                if isinstance(first, list) or isinstance(last, list) or last < first:
                    raise _refused("such a range")
                ranges += self._either_case(first, last)
            else:
                ranges += first if isinstance(first, list) else self._either_case(first)
        return _others(ranges) if negated else ranges

    def _member(self) -> str | list[_Range]:
        """A character, or what the escape of a class stands for."""
        if not self._next:
            raise _refused("a class that is not closed")
        if self._next == "[":
            raise _refused("[ in a class without \\ before it")
        if not self._take("\\"):
            return self._character()
        return self._class_escape() or self._escaped()

    def _quantified(self, fragment: _Fragment) -> _Fragment:
        counts = self._quantifier()
        if counts is None:
            return fragment
        if self._quantifier():
            raise _refused("two quantifiers")
        return _repeated(fragment, *counts)

    def _quantifier(self) -> tuple[int, int | None] | None:
        """Reads how often the preceding part may occur. A lazy quantifier finds the same texts."""
        counts = next((counts for sign, counts in _QUANTIFIERS.items() if self._take(sign)), None)
        if counts is None and self._next == "{":
            counts = self._count()
        if counts is not None:
            self._take("?")
        return counts

    def _count(self) -> tuple[int, int | None]:
        found = _COUNT.match(self._text, self._at)
        if found is None:
            raise _refused("{ in this place")
        least, comma, most = found.groups()
        last = int(most or least)
        if last < int(least) or last > _MAX_COUNT:
            raise _refused(f"the count {found[0]}")
        self._at = found.end()
        return int(least), None if comma and not most else last
