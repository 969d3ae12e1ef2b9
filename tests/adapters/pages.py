"""Runs the Python of the pages in docs/adapters, and the examples of adapters."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

from mastra_convex import ConvexStore
from tests.core.test_docstrings import example_of

FOLDER = Path(__file__).parents[2] / "docs" / "adapters"


async def run_page(name: str) -> None:
    """Runs all blocks of a page as one program, in this event loop."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    await _run("\n".join(blocks), name, {})


async def run_example(owner: type[Any], **names: Any) -> None:
    """Runs the example of a class with an empty `store`; it may use these names too."""
    example = example_of(owner)
    assert "assert" in example
    async with ConvexStore.local(":memory:") as store:
        await _run(example, owner.__name__, {owner.__name__: owner, "store": store, **names})


async def _run(source: str, name: str, names: dict[str, Any]) -> None:
    code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    answer = eval(code, names)
    if inspect.isawaitable(answer):
        await answer
