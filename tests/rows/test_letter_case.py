"""The option `i` of patterns, beside `re.IGNORECASE`: all letters of Unicode."""

from __future__ import annotations

import re

import pytest

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.letter_case import check_case, other_cases


def is_shared(letter: str) -> bool:
    try:
        check_case(letter)
    except ValidationError:
        return False
    return True


def has_cases(letter: str) -> bool:
    return {letter} != {letter.lower(), letter.upper(), letter.casefold(), letter.title()}


@pytest.mark.long
def test_python_knows_the_same_cases() -> None:
    cased = list(filter(has_cases, map(chr, range(0x110000))))
    every = "".join(cased)
    theirs = {letter: re.findall(re.escape(letter), every, re.IGNORECASE) for letter in cased}
    wrong = [
        chr(code)
        for code in range(0x110000)
        if is_shared(chr(code)) and shared(theirs.get(chr(code), [])) - {chr(code)} != set(other_letters(code))
    ]
    assert len(cased) > 2_800
    assert wrong == []


def shared(letters: list[str]) -> set[str]:
    return set(filter(is_shared, letters))


def other_letters(code: int) -> list[str]:
    return [chr(other) for other, _ in other_cases(code, code + 1)]


def test_the_cases_of_a_range_are_those_of_its_letters() -> None:
    for start, end in ((0x41, 0x5B), (0x5A, 0x62), (0x400, 0x430), (0x3B1, 0x3CA), (0xE0, 0x180), (0x1E00, 0x1F00)):
        inside = range(start, end)
        expected = {other for code in inside for other, _ in other_cases(code, code + 1)} - set(inside)
        assert {other for other, _ in other_cases(start, end)} == expected


@pytest.mark.parametrize("letter", ["İ", "ı", "\u019b", "\ua7cb", "\U00010d50"])
@pytest.mark.parametrize("pattern", ["a{}", "[{}]", "[^{}]", "[!-{}]", "\\w[{}-\U0001f600]"])
def test_letters_whose_cases_differ_are_refused(letter: str, pattern: str) -> None:
    """Without the option they are as good as others."""
    text = pattern.replace("{}", letter)
    with pytest.raises(ValidationError, match=f"the option i does not take .* \\(U\\+{ord(letter):04X}\\)"):
        compile_filter({"$regex": text, "$options": "i"})
    assert compile_filter({"$regex": letter})(letter)


def test_flags_at_the_beginning_are_options() -> None:
    for pattern in ("(?i)^ärger$", "(?im)^ärger$", "(?s)(?i)^ärger$"):
        assert compile_filter({"$regex": pattern})("ÄRGER")
    assert compile_filter({"$regex": "(?m)^b", "$options": "i"})("a\nB")
    assert not compile_filter({"$regex": "(?s)^ärger$"})("ÄRGER")
