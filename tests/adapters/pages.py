"""Runs the Python of the pages in docs/adapters."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "adapters"


async def run_page(name: str) -> dict[str, Any]:
    """Runs all blocks of a page as one program, in this event loop; returns its names."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    code = compile("\n".join(blocks), name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    names: dict[str, Any] = {}
    answer = eval(code, names)
    if inspect.isawaitable(answer):
        await answer
    return names
