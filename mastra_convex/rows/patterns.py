"""Patterns of `$regex`: the syntax that Python and JavaScript read alike (docs/protocol.md, "Conditions").

A pattern is read here and written anew as a Python expression with the meaning that the protocol gives it.
"""

from __future__ import annotations

import re
import string

from mastra_convex.errors import ValidationError

_MAX_PATTERN = 1_000
_MAX_COUNT = 1_000
_CLASSES = frozenset("dDwWsS")
_ESCAPABLE = frozenset(string.punctuation + " ")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}
_ASSERTIONS = {"b": r"\b", "B": r"(?!\b)"}
"""Python's own `\\B` does not match in an empty text."""
_COUNT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


def compile_pattern(text: str, options: str = "") -> re.Pattern[str]:
    """The expression to search with. `options` are letters of `ims`. ValidationError for syntax that is not allowed."""
    if not set(options) <= _FLAGS.keys():
        raise ValidationError("$options are letters of ims")
    if len(text) > _MAX_PATTERN:
        raise ValidationError(f"a pattern has at most {_MAX_PATTERN} characters, not {len(text)}")
    flags = re.ASCII
    for option in options:
        flags |= _FLAGS[option]
    try:
        return re.compile(_Reader(text, by_line="m" in options).read(), flags)
    except RecursionError:
        raise _refused("groups nested that deep") from None


def _refused(what: str) -> ValidationError:
    return ValidationError(f"a pattern with {what}; $regex takes what Python and JavaScript read alike")


class _Reader:
    def __init__(self, text: str, *, by_line: bool) -> None:
        self._text = text
        self._at = 0
        self._end = "$" if by_line else r"\Z"

    def read(self) -> str:
        source = self._alternatives()
        if self._next:
            raise _refused("a parenthesis that closes nothing")
        return source

    @property
    def _next(self) -> str:
        """The character to be read, empty at the end."""
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> bool:
        if not self._text.startswith(wanted, self._at):
            return False
        self._at += len(wanted)
        return True

    def _alternatives(self) -> str:
        parts: list[str] = []
        while self._next not in ("", ")"):
            parts.append("|" if self._take("|") else self._quantified())
        return "".join(parts)

    def _quantified(self) -> str:
        assertion = self._assertion()
        source = assertion or self._atom()
        quantifier = self._quantifier()
        if quantifier and assertion:
            raise _refused("a quantifier after what has no width")
        if quantifier and self._quantifier():
            raise _refused("two quantifiers")
        return source + quantifier

    def _assertion(self) -> str:
        if self._take("^"):
            return "^"
        if self._take("$"):
            return self._end
        for letter, source in _ASSERTIONS.items():
            if self._take("\\" + letter):
                return source
        return ""

    def _atom(self) -> str:
        if self._take("("):
            return self._group()
        if self._take("["):
            return self._class()
        if self._take("."):
            return "."
        if self._take("\\"):
            return self._class_escape() or re.escape(self._escaped())
        if self._next in "*+?{}]":
            raise _refused(f"{self._next} in this place")
        return re.escape(self._character())

    def _character(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _group(self) -> str:
        if self._take("?") and not self._take(":"):
            raise _refused("a group that begins with (? and not with (?:")
        inside = self._alternatives()
        if not self._take(")"):
            raise _refused("a parenthesis that is not closed")
        return f"(?:{inside})"

    def _class_escape(self) -> str:
        return "\\" + self._character() if self._next in _CLASSES else ""

    def _escaped(self) -> str:
        """The character that an escape stands for, its backslash having been read."""
        letter = self._next
        if letter in _ESCAPABLE:
            return self._character()
        if letter not in _CONTROLS:
            raise _refused(f"the escape \\{letter}")
        return _CONTROLS[self._character()]

    def _class(self) -> str:
        """A class, its first bracket having been read."""
        negated = self._take("^")
        if self._next == "]":
            raise _refused("an empty class")
        parts: list[str] = []
        while not self._take("]"):
            first, single = self._member()
            if self._next == "-" and not self._text.startswith("-]", self._at):
                self._at += 1
                last, last_single = self._member()
                if not single or not last_single or last < first:
                    raise _refused("such a range")
                parts.append(f"{re.escape(first)}-{re.escape(last)}")
            else:
                parts.append(re.escape(first) if single else first)
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _member(self) -> tuple[str, bool]:
        """A character, or the escape of a class; and whether it is a character."""
        if not self._next:
            raise _refused("a class that is not closed")
        if self._next == "[":
            raise _refused("[ in a class without \\ before it")
        if not self._take("\\"):
            return self._character(), True
        escape = self._class_escape()
        return (escape, False) if escape else (self._escaped(), True)

    def _quantifier(self) -> str:
        source = next((sign for sign in "*+?" if self._take(sign)), "")
        if not source and self._next == "{":
            source = self._count()
        return source + "?" if source and self._take("?") else source

    def _count(self) -> str:
        found = _COUNT.match(self._text, self._at)
        if found is None:
            raise _refused("{ in this place")
        least, comma, most = found.groups()
        last = int(most or least)
        if last < int(least) or last > _MAX_COUNT:
            raise _refused(f"the count {found[0]}")
        self._at = found.end()
        return f"{{{least}{comma or ''}{most or ''}}}"
