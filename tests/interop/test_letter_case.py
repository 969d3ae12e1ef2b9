"""The option `i` of patterns, beside the flags `iu` of JavaScript: all letters of Unicode."""

from __future__ import annotations

import anyio
import orjson
import pytest

from mastra_convex.rows.letter_case import other_cases
from tests.backends import FUNCTIONS
from tests.rows.test_letter_case import is_shared


@pytest.mark.long
async def test_javascript_knows_the_same_cases() -> None:
    answer = await anyio.run_process(["node", str(FUNCTIONS / "tests" / "interop" / "letter_cases.mjs")], stderr=None)
    theirs = {int(code): codes for code, codes in orjson.loads(answer.stdout).items()}
    wrong = [
        chr(code)
        for code in range(0x110000)
        if is_shared(chr(code)) and sorted([code, *other_codes(code)]) != theirs.get(code, [code])
    ]
    assert len(theirs) > 2_800
    assert wrong == []


def other_codes(code: int) -> list[int]:
    return [other for other, _ in other_cases(code, code + 1)]
