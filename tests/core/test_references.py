"""References between sources and documents: each leads to a document and a heading that are in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCANNED = (
    "mastra_convex/**/*.py",
    "domains/**/*.py",
    "convex_functions/mastra/**/*.ts",
    "tests/**/*.py",
    "docs/**/*.md",
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
)

DOCUMENT = re.compile(r"docs/([\w/-]+\.md)")
GAP = r"(?:\s|//|#)+"  # also from one line of a comment to the next
QUOTED = re.compile(rf'docs/([\w/-]+\.md),?{GAP}("[^"]+"(?:,?{GAP}(?:and{GAP})?"[^"]+")*)')
PLAIN = re.compile(rf"docs/([\w/-]+\.md),{GAP}(?=[A-Z`])")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NUMBERED = re.compile(
    r"(?:contract\s+|convex[-]protocol\s+)?sections?\s+\d[\d.]*|contract\s+\d[\d.]*|convex[-]protocol"
)
"""Parts of documents that are not in the repository."""


def test_every_reference_leads_somewhere() -> None:
    found = sorted(path for pattern in SCANNED for path in ROOT.glob(pattern))
    paths = [path for path in found if "node_modules" not in path.parts]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {reference}"
        for path in paths
        for line, reference in wrong_references(path, path.read_text(encoding="utf-8"))
    ]
    assert len(paths) > 100
    assert not wrong, "\n".join([f"{len(wrong)} references lead nowhere:", *wrong])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.py", "# See @/guide.md.", []),
        ("x.py", "# See @/nowhere.md.", ["@/nowhere.md"]),
        ("x.py", 'the rows (@/protocol.md, "Rows, keys, paths" and "Reducers")', []),
        ("x.py", '(@/protocol.md, "Conditions" and\n    "Nothing")', ['@/protocol.md, "Nothing"']),
        ("x.ts", "// (@/protocol.md, Large\n// values).", []),
        ("x.ts", "// (@/protocol.md, Larger values).", ["@/protocol.md, Larger values"]),
        ("x.py", "what @/protocol.md, in plain words, says", []),
        ("x.py", "(contract % 3) and % 4.1", ["contract % 3", "% 4.1"]),
        ("@/x.md", "[a](guide.md), [b](../README.md#licence), [c](protocol.md#search), [d](https://example.org/)", []),
        ("@/x.md", "[a](@/guide.md), [b](protocol.md#searching)", ["@/guide.md", "protocol.md#searching"]),
        ("@/x.md", "```python\nf[0](nothing)\n```", []),
    ],
)
def test_what_counts_as_wrong(name: str, text: str, expected: list[str]) -> None:
    found = wrong_references(ROOT / _spelled_out(name), _spelled_out(text))
    assert [reference for _, reference in found] == list(map(_spelled_out, expected))


def _spelled_out(text: str) -> str:
    """So that the examples above are no wrong references themselves."""
    return text.replace("@", "docs").replace("%", "section")


def wrong_references(path: Path, text: str) -> list[tuple[int, str]]:
    """The line and the text of each reference that leads nowhere."""
    wrong = [*_wrong_documents(text), *(_wrong_links(path, text) if path.suffix == ".md" else ())]
    wrong += [(found.start(), found[0]) for found in NUMBERED.finditer(text)]
    return [(text.count("\n", 0, start) + 1, reference) for start, reference in sorted(wrong)]


def _wrong_documents(text: str) -> Iterator[tuple[int, str]]:
    for found in DOCUMENT.finditer(text):
        if not (ROOT / found[0]).is_file():
            yield found.start(), found[0]
    for found in QUOTED.finditer(text):
        for quoted in re.findall(r'"([^"]+)"', found[2]):
            if " ".join(re.split(GAP, quoted)) not in _headings(ROOT / "docs" / found[1]):
                yield found.start(), f'docs/{found[1]}, "{quoted}"'
    for found in PLAIN.finditer(text):
        following = " ".join(re.split(GAP, text[found.end() : found.end() + 100]))
        if not any(re.match(rf"{re.escape(name)}(?!\w)", following) for name in _headings(ROOT / "docs" / found[1])):
            named = re.match(r"[\w` -]*", following)
            yield found.start(), f"docs/{found[1]}, {named[0] if named else ''}"


def _wrong_links(path: Path, text: str) -> Iterator[tuple[int, str]]:
    for found in LINK.finditer(_without_code(text)):
        name, _, anchor = found[1].partition("#")
        target = path.parent / name if name else path
        if not found[1].startswith("https://") and (
            not target.exists() or (anchor and anchor not in map(_slug, _headings(target)))
        ):
            yield found.start(), found[1]


@cache
def _headings(document: Path) -> tuple[str, ...]:
    """The headings of a document without their backquotes; none of one that does not exist."""
    if not document.is_file():
        return ()
    text = _without_code(document.read_text(encoding="utf-8"))
    return tuple(heading.replace("`", "") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def _without_code(text: str) -> str:
    """The text with blanks in place of its blocks of code."""
    return re.sub(r"^```.*?^```", lambda block: re.sub(r"\S", " ", block[0]), text, flags=re.MULTILINE | re.DOTALL)


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
