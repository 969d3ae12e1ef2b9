"""The Python of the README and of the user guide runs as it stands."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import anyio
import pytest

from mastra_convex_domains import HashingEmbedder

ROOT = Path(__file__).parent.parent.parent
RECIPES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/recipes/*.md") if path.stem != "index")
NO_FILE = ("docs/typescript.md", "docs/recipes/testing.md")
DOCUMENTS = [
    "README.md", "docs/guide.md", "docs/importing-chats.md", "docs/index.md", "docs/live.md", "docs/moving.md",
    "docs/typescript.md", *RECIPES
]  # fmt: skip
COMMANDS = {
    "Try it": "python3 -m venv .venv && .venv/bin/pip install -q -e '.[cli]' && .venv/bin/mastra-convex demo",
    "Test": "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' "
    "&& npm ci --prefix convex_functions && .venv/bin/pytest -n 2",
}


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


async def _run(source: str, name: str, namespace: dict[str, Any]) -> None:
    """Runs a block in this event loop, or as a program of its own if it starts one."""
    if "asyncio.run(" in source:
        await anyio.run_process([sys.executable, "-c", source])
        return
    code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    answer = eval(code, namespace)
    if inspect.isawaitable(answer):
        await answer


@pytest.fixture
def _log_levels() -> Iterator[None]:
    """The documents show how to set them."""
    yield
    for name in logging.Logger.manager.loggerDict:
        if name.startswith("mastra_convex"):
            logging.getLogger(name).setLevel(logging.NOTSET)


class SentenceTransformer:
    """Stands for that of the package sentence-transformers, which takes gigabytes, in docs/recipes."""

    def __init__(self, name: str) -> None:
        self._embedder = HashingEmbedder(64)

    def get_sentence_embedding_dimension(self) -> int:
        return self._embedder.dimension

    def encode(self, texts: list[str]) -> list[list[float]]:
        return asyncio.run(self._embedder.embed(texts))


@pytest.mark.usefixtures("_log_levels")
@pytest.mark.parametrize("document", DOCUMENTS)
async def test_the_python_of_a_document_runs(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONVEX_URL", raising=False)
    monkeypatch.delenv("CONVEX_ADMIN_KEY", raising=False)
    models = ModuleType("sentence_transformers")
    models.__dict__["SentenceTransformer"] = SentenceTransformer
    monkeypatch.setitem(sys.modules, models.__name__, models)
    (tmp_path / "conversations.json").write_text('[{"role": "user", "content": "Hello"}]')
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = _blocks(text, "python")
    namespace: dict[str, Any] = {}
    for number, block in enumerate(blocks, 1):
        await _run(block, f"{document}, block {number}", namespace)

    assert blocks
    assert (tmp_path / "agent.db").is_file() or document in NO_FILE


def test_the_readme_has_one_program() -> None:
    [program] = _blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    assert "asyncio.run(main())" in program


@pytest.mark.parametrize("heading", COMMANDS)
def test_the_first_block_under_a_heading_is_its_one_command(heading: str) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1]

    assert _blocks(section, "sh")[0] == f"{COMMANDS[heading]}\n"
    assert section.index("```sh") == section.index("```")
