"""The cases of letters for the option `i` of patterns (docs/protocol.md, "Patterns").

Two letters are the same in another case where `re.IGNORECASE` of Python and the flags `iu` of JavaScript both say so:
where their simple case folding in Unicode is the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, permutations, starmap
from typing import Final

from mastra_convex.errors import ValidationError

_Range = tuple[int, int]
"""Code points from the first to before the second."""

_CASED: Final = (
    (0x41, 0x588),
    (0x10A0, 0x1400),
    (0x1C80, 0x2185),
    (0x24B6, 0x24EA),
    (0x2C00, 0x2D2E),
    (0xA640, 0xA7F7),
    (0xAB53, 0xABC0),
    (0xFB05, 0xFB07),
    (0xFF21, 0xFF5B),
    (0x10400, 0x105BD),
    (0x10C80, 0x10CF3),
    (0x118A0, 0x118E0),
    (0x16E40, 0x16E80),
    (0x1E900, 0x1E944),
)
"""All letters with several cases are in these ranges."""

_NOT_SHARED: Final = (
    (0x130, 0x132),
    (0x19B, 0x19C),
    (0x264, 0x265),
    (0x1C89, 0x1C8B),
    (0xA7CB, 0xA7D0),
    (0xA7D2, 0xA7D6),
    (0xA7DA, 0xA7DD),
    (0x10D50, 0x10D86),
    (0x16EA0, 0x16ED4),
)
"""Letters on whose cases the languages differ: the Turkish i with a dot above as a capital and without one as a small
letter, which only Python takes for `i`, and letters that have had cases only since Unicode 15.
"""

_SAME_SINCE_THEN: Final = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb06": "\ufb05"}
"""Letters whose simple case folding is younger than the data of some versions of Python, whose `re` knows it."""


def check_case(letter: str) -> None:
    """Raises ValidationError for a letter on whose cases Python and JavaScript differ."""
    if any(first <= ord(letter) < end for first, end in _NOT_SHARED):
        raise ValidationError(
            f"the option i does not take {letter!r} (U+{ord(letter):04X}), on whose cases Python and JavaScript differ"
        )


def other_cases(start: int, end: int) -> list[_Range]:
    """Returns the letters outside of a range that are one of its letters in another case, each as a range."""
    letters, others = _cases()
    among = others[bisect_left(letters, start) : bisect_left(letters, end)]
    return [(other, other + 1) for other in among if not start <= other < end]


@cache
def _cases() -> tuple[list[int], list[int]]:
    """Returns the letters that have several cases, in their order, each as often as it has others; and the others."""
    not_shared = {*_codes(_NOT_SHARED)}
    same: dict[str, list[int]] = {}
    for code in _codes(_CASED):
        if code not in not_shared:
            same.setdefault(_folded(chr(code)), []).append(code)
    pairs = sorted(pair for codes in same.values() for pair in permutations(codes, 2))
    return [letter for letter, _ in pairs], [other for _, other in pairs]


def _codes(ranges: Iterable[_Range]) -> Iterator[int]:
    return chain.from_iterable(starmap(range, ranges))


def _folded(letter: str) -> str:
    """Returns the simple case folding of a letter."""
    folded = letter.casefold()
    if len(folded) > 1:
        folded = letter.lower()
    return _SAME_SINCE_THEN.get(letter, folded if len(folded) == 1 else letter)
