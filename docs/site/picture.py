"""Draws docs/terminal.svg, the picture of the README, from what `mastra-convex demo` prints.

python docs/site/picture.py docs/terminal.svg
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

_PARTS: Final = ("1", "6", "10", "11")
"""The numbers of the parts of the demo that are shown."""
_WIDTH: Final = 80


def demo() -> str:
    """Returns what the demo prints on a terminal with colours."""
    variables = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(_WIDTH), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "mastra_convex", "demo"]
    return subprocess.check_output(command, env=variables, encoding="utf-8")  # noqa: S603  # our own program


def shown(output: str) -> Text:
    """Returns the parts of the demo that the picture has, below the command."""
    parts = re.split(r"\n(?=(?:\x1b\[[\d;]*m)*(\d+)\. )", output)
    texts = {number: text for number, text in zip(parts[1::2], parts[2::2], strict=True) if number in _PARTS}
    if set(texts) != set(_PARTS):
        raise SystemExit(f"the demo has no parts {', '.join(_PARTS)}")
    body = "\n".join(texts[number].rstrip() + "\n" for number in _PARTS)
    return Text.assemble(("$ ", "bold green"), "mastra-convex demo\n\n", Text.from_ansi(body))


def draw(output: str) -> str:
    """Returns the picture as SVG."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(shown(output))
    return console.export_svg(title="mastra-convex", unique_id="demo")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(demo()), encoding="utf-8")
