"""Programs of patterns and the search with them (docs/protocol.md, "Patterns").

A search walks over the text once, with the set of all steps that a match may have come to. It remembers which set a
character leads to, so that nearly every character costs one look-up, whatever the pattern.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mastra_convex.errors import ValidationError

MAX_STEPS = 2_500
"""Steps of a program. The largest count of one character, `{0,1000}`, takes 2,000."""
END_OF_CODES = 0x110000
"""One more than the last code point."""
_REMEMBERED = 50_000
"""A search remembers so many characters and steps of sets before it starts anew; some megabytes."""

_WORD = "word"
_OTHER = "other"
_LINE_ENDS = ("", "\n")
_ASSERTIONS: dict[str, Callable[[str, str], bool]] = {
    "start": lambda before, after: before == "",
    "end": lambda before, after: after == "",
    "line start": lambda before, after: before in _LINE_ENDS,
    "line end": lambda before, after: after in _LINE_ENDS,
    "boundary": lambda before, after: (before == _WORD) != (after == _WORD),
    "no boundary": lambda before, after: (before == _WORD) == (after == _WORD),
}
"""A test of each assertion between two kinds of characters."""


def check_program(program: Any) -> None:
    """Raises ValidationError unless this is a program."""
    match program:
        case {"text": str()}:
            known = len(program) == 1
        case {"sets": list(sets), "steps": list(steps)}:
            fits = len(program) == 2 and len(steps) <= MAX_STEPS
            known = fits and all(map(_is_set, sets)) and all(_is_step(step, len(sets), len(steps)) for step in steps)
        case _:
            known = False
    if not known:
        raise ValidationError("this is no program of a pattern")


def compile_program(program: dict[str, Any]) -> Callable[[str], bool]:
    """A function that tells whether a checked program finds a match in a text."""
    wanted: str | None = program.get("text")
    return _Search(program).finds if wanted is None else lambda text: wanted in text


def _is_set(points: Any) -> bool:
    """Tells whether these are code points in ascending order."""
    if not isinstance(points, list) or not all(type(point) is int for point in points):
        return False
    return all(low < high for low, high in pairwise([-1, *points, END_OF_CODES + 1]))


def _is_step(step: Any, sets: int, steps: int) -> bool:
    match step:
        case [test, *targets] if 1 <= len(targets) <= 2:
            known = test is None or (isinstance(test, str) and test in _ASSERTIONS) or _is_below(test, sets)
            return known and all(_is_below(target, steps + 1) for target in targets)
        case _:
            return False


def _is_below(number: Any, limit: int) -> bool:
    return type(number) is int and 0 <= number < limit


class _State(dict[str, "_State"]):
    """The steps to go on from after a character of some kind; as a dict, the states that characters lead to."""

    def __init__(self, search: _Search, steps: tuple[int, ...], before: str) -> None:
        super().__init__()
        self._search = search
        self.steps = steps
        self.before = before

    def __missing__(self, character: str) -> _State:
        self[character] = following = self._search.following(self, character)
        return following


class _Search:
    def __init__(self, program: dict[str, Any]) -> None:
        self._sets: list[list[int]] = program["sets"]
        self._steps: list[tuple[Any, list[int]]] = [(test, targets) for test, *targets in program["steps"]]
        self._match = len(self._steps)
        self._steps.append((None, []))
        self._found = _State(self, (), "")
        self._states: dict[tuple[tuple[int, ...], str], _State] = {}
        self._room = _REMEMBERED

    def finds(self, text: str) -> bool:
        found = self._found
        state = self._state((0,), "")
        for character in text:
            state = state[character]
            if state is found:
                return True
        return state[""] is found

    def following(self, state: _State, character: str) -> _State:
        """The state that a character leads to from another, `""` being the end of the text."""
        after = _kind(character)
        holding = self._holding(state.before, after, character)
        reached = set(state.steps)
        waiting = list(reached)
        beyond = {0}  # a match may begin anywhere
        for step in waiting:  # which grows
            test, targets = self._steps[step]
            if test not in holding:
                continue
            for target in targets:
                if isinstance(test, int):
                    beyond.add(target)
                elif target not in reached:
                    reached.add(target)
                    waiting.append(target)
        self._room -= 1
        return self._found if self._match in reached else self._state(tuple(sorted(beyond)), after)

    def _state(self, steps: tuple[int, ...], before: str) -> _State:
        if self._room <= 0:
            self._forget()
        state = self._states.get((steps, before))
        if state is None:
            self._room -= len(steps)
            state = self._states[steps, before] = _State(self, steps, before)
        return state

    def _forget(self) -> None:
        for state in self._states.values():
            state.clear()  # they refer to each other
        self._states.clear()
        self._room = _REMEMBERED

    def _holding(self, before: str, after: str, character: str) -> set[int | str | None]:
        """The tests that hold at a character: of no condition, of assertions, of the sets that have it."""
        code = ord(character) if character else -1
        holding: set[int | str | None] = {None}
        holding.update(name for name, holds in _ASSERTIONS.items() if holds(before, after))
        holding.update(n for n, points in enumerate(self._sets) if bisect_right(points, code) % 2)
        return holding


def _kind(character: str) -> str:
    """Returns the kind of a character for assertions: the edge of the text, a newline, part of a word, or another."""
    if character in _LINE_ENDS:
        return character
    return _WORD if character.isascii() and (character.isalnum() or character == "_") else _OTHER
