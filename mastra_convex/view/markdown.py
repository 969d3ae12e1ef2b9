"""Renders the markdown that models write: headings, lists, code, emphasis. Everything else stays text.

Nothing of the text becomes HTML but what is made here. Links and pictures are shown as text, so that no page names
another host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Final

from markupsafe import Markup

_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM: Final = re.compile(r"(\s*)(?:[-*+]|\d{1,9}[.)])\s+(.*)")
_NUMBERED: Final = re.compile(r"\s*\d")
_RULE: Final = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_QUOTE: Final = re.compile(r" {0,3}>\s?")
_INLINE: Final = re.compile(
    r"(?P<code>`[^`\n]+`)|\*\*(?P<strong>[^\s*](?:[^*\n]*[^\s*])?)\*\*|(?<![\w*])\*(?P<em>[^\s*](?:[^*\n]*[^\s*])?)\*(?!\w)"
)
_DEEPEST_QUOTE: Final = 5


def rendered(text: str) -> Markup:
    """Returns markdown as HTML without anything active in it."""
    return Markup("".join(_blocks(text.splitlines(), 0)))  # noqa: S704  # each part of the text is escaped below


def _blocks(lines: list[str], depth: int) -> Iterator[str]:
    n = 0
    while n < len(lines):
        line = lines[n]
        if not line.strip():
            n += 1
        elif fence := _FENCE.match(line):
            end = _end(lines, n + 1, _closes(fence[1]))
            code = "\n".join(lines[n + 1 : end])
            yield f"<pre><code>{escape(code)}</code></pre>"
            n = end + 1
        elif heading := _HEADING.match(line):
            level = min(6, len(heading[1]) + 3)  # below the headings of the page
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            n += 1
        elif _RULE.match(line):
            yield "<hr>"
            n += 1
        elif _QUOTE.match(line) and depth < _DEEPEST_QUOTE:
            end = _end(lines, n, lambda line: not _QUOTE.match(line))
            inner = [_QUOTE.sub("", line, count=1) for line in lines[n:end]]
            yield f"<blockquote>{''.join(_blocks(inner, depth + 1))}</blockquote>"
            n = end
        elif _ITEM.match(line):
            end = _end(lines, n, lambda line: not _ITEM.match(line) and not line.startswith("  "))
            yield _list(lines[n:end])
            n = end
        else:
            end = _end(lines, n + 1, lambda line: not line.strip() or bool(_FENCE.match(line) or _ITEM.match(line)))
            yield f"<p>{_lines(lines[n:end])}</p>"
            n = end


def _closes(fence: str) -> Callable[[str], bool]:
    return lambda line: line.strip().startswith(fence)


def _end(lines: list[str], start: int, ends: Callable[[str], bool]) -> int:
    """Finds the line that ends a block."""
    return next((n for n in range(start, len(lines)) if ends(lines[n])), len(lines))


def _list(lines: list[str]) -> str:
    items: list[list[str]] = []
    for line in lines:
        if item := _ITEM.match(line):
            items.append([item[2]])
        else:
            items[-1].append(line.strip())
    tag = "ol" if _NUMBERED.match(lines[0]) else "ul"
    return f"<{tag}>{''.join(f'<li>{_lines(item)}</li>' for item in items)}</{tag}>"


def _lines(lines: list[str]) -> str:
    return "<br>".join(map(_inline, lines))


def _inline(text: str) -> str:
    made: list[str] = []
    end = 0
    for found in _INLINE.finditer(text):
        tag = found.lastgroup or ""
        inner = found["code"][1:-1] if tag == "code" else found[tag]
        made.append(f"{escape(text[end : found.start()])}<{tag}>{escape(inner)}</{tag}>")
        end = found.end()
    return "".join([*made, escape(text[end:])])
