"""Shows the examples of docstrings as code, for the site (mkdocs.yml)."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^Example:\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)


class Examples(griffe.Extension):
    """Puts the block under `Example:` into a fence."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of each object that is read."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(match: re.Match[str]) -> str:
    code = textwrap.dedent(match[1]).strip()
    fenced = textwrap.indent("\n".join(["```python", code, "```"]), "    ")
    return f"Example:\n{fenced}\n"
