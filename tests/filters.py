"""The shared cases of the filter language, and patterns beside what Python's `re` takes in their place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mastra_convex.errors import ValidationError
from mastra_convex.rows.filter_syntax import checked_filter
from mastra_convex.rows.values import plain_numbers

Case = dict[str, Any]


def filter_cases() -> list[Case]:
    """`value` against `filter`: `expected`, or `error`. A case without `value` is about a value that is missing.

    `long` stands for a value with a long text in `a`: what is repeated, how often, and what follows.
    """
    cases: list[Case] = json.loads((Path(__file__).parent / "cases" / "filters.json").read_text("utf-8"))
    for case in cases:
        if "long" in case:
            part, times, end = case["long"]
            case["value"] = {"a": part * times + end}
    return cases


def as_sent(filter: Any) -> Any:
    """The filter as a client sends it; one that a client refuses as it is, for the engine to refuse it as well."""
    try:
        return checked_filter(plain_numbers(filter))
    except ValidationError:
        return filter


PROGRAMS_THAT_ARE_NONE: list[Any] = [
    None,
    1,
    [],
    {},
    {"text": 1},
    {"text": "a", "sets": [], "steps": []},
    {"sets": []},
    {"sets": [], "steps": {}},
    {"sets": [], "steps": [], "more": 1},
    {"sets": [[97, 97]], "steps": [[0, 1]]},
    {"sets": [[98, 97]], "steps": [[0, 1]]},
    {"sets": [[-1, 97]], "steps": [[0, 1]]},
    {"sets": [[0.5]], "steps": [[0, 1]]},
    {"sets": [["a"]], "steps": [[0, 1]]},
    {"sets": [[True]], "steps": [[0, 1]]},
    {"sets": [[0x110001]], "steps": [[0, 1]]},
    {"sets": ["a"], "steps": [[0, 1]]},
    {"sets": [], "steps": [[0, 1]]},
    {"sets": [[97]], "steps": [[-1, 1]]},
    {"sets": [[97]], "steps": [[0, 2]]},
    {"sets": [[97]], "steps": [[0, -1]]},
    {"sets": [[97]], "steps": [[0, "1"]]},
    {"sets": [[97]], "steps": [[0, True]]},
    {"sets": [[97]], "steps": [[False, 1]]},
    {"sets": [[97]], "steps": [[0]]},
    {"sets": [[97]], "steps": [[]]},
    {"sets": [[97]], "steps": [0]},
    {"sets": [], "steps": [[None, 0, 1, 1]]},
    {"sets": [], "steps": [["middle", 1]]},
    {"sets": [], "steps": [["toString", 1]]},
    {"sets": [], "steps": [[None, n + 1] for n in range(2_501)]},
]

OPTIONS = st.sets(st.sampled_from("ims")).map(lambda letters: "".join(sorted(letters)))
TEXTS = st.text("abZ_1 .\n\u00e9\U0001f600", max_size=8)


def python_flags(options: str) -> re.RegexFlag:
    flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
    return re.RegexFlag(re.ASCII | sum(flags[letter] for letter in options))


def patterns(options: str) -> st.SearchStrategy[tuple[str, str]]:
    """A pattern, and the one of `re` that means the same with `python_flags`."""
    same = ["a", "b", "Z", "\u00e9", "\U0001f600", ".", "\\.", "[ab]", "[^a-y]", "[\\s_]", "\\d", "\\W", "^", "\\b"]
    atoms = st.sampled_from(
        [*((each, each) for each in same), (r"\B", r"(?!\b)"), ("$", "$" if "m" in options else r"\Z")]
    )
    quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{1,3}?"])

    def repeated(inner: tuple[str, str], quantifier: str) -> tuple[str, str]:
        return f"({inner[0]}){quantifier}", f"(?:{inner[1]}){quantifier}"

    def joined(between: str, parts: list[tuple[str, str]]) -> tuple[str, str]:
        return between.join(ours for ours, _ in parts), between.join(theirs for _, theirs in parts)

    def compound(inner: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[str, str]]:
        several = st.lists(inner, max_size=3)
        alternatives = st.builds(joined, st.just("|"), several).map(lambda pair: (f"(?:{pair[0]})", f"(?:{pair[1]})"))
        return st.builds(joined, st.just(""), several) | alternatives | st.builds(repeated, inner, quantifiers)

    return st.recursive(atoms, compound, max_leaves=6)


OPTIONS_AND_PATTERNS = OPTIONS.flatmap(lambda options: st.tuples(st.just(options), patterns(options)))
