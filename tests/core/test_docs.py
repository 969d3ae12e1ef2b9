"""The Python of the README and of the site runs as it stands, and their shell names what there is."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import anyio
import pytest

from mastra_convex_domains import HashingEmbedder
from tests.core.test_commands_page import CHATS

ROOT = Path(__file__).parent.parent.parent
RECIPES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/recipes/*.md") if path.stem != "index")
NO_FILE = ("docs/typescript.md", "docs/recipes/testing.md")
DOCUMENTS = [
    "README.md", "docs/guide.md", "docs/importing-chats.md", "docs/index.md", "docs/live.md", "docs/moving.md",
    "docs/typescript.md", *RECIPES,
]  # fmt: skip
ELSEWHERE = {
    "docs/adding-a-domain.md": "tests/domains/documents/test_notes.py",
    "docs/tracing.md": "tests/adapters/test_tracing_frameworks.py",
}
"""Pages whose Python other tests run; a page of docs/adapters is run by the tests of its adapter."""
PAGES = [
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if "```sh" in path.read_text(encoding="utf-8")
]
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
    (tmp_path / "conversations.json").write_text(json.dumps(CHATS))
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = _blocks(text, "python")
    namespace: dict[str, Any] = {}
    for number, block in enumerate(blocks, 1):
        await _run(block, f"{document}, block {number}", namespace)

    assert blocks
    assert (tmp_path / "agent.db").is_file() or document in NO_FILE


def test_no_page_has_python_that_no_test_runs() -> None:
    adapters = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/adapters/test_*.py"))
    for path in ROOT.glob("docs/**/*.md"):
        if not _blocks(path.read_text(encoding="utf-8"), "python"):
            continue
        name = path.relative_to(ROOT).as_posix()
        if name in ELSEWHERE:
            assert path.name in (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")
        else:
            assert name in DOCUMENTS or (path.parent.name == "adapters" and f'run_page("{path.name}")' in adapters)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_shell_names_extras_and_files_that_there_are(path: Path) -> None:
    """`mastra-convex` itself is parsed by tests/core/test_commands_page.py."""
    shell = "".join(_blocks(path.read_text(encoding="utf-8"), "(?:sh|bash)"))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for named in re.findall(r"(?:mastra-convex|\.)\[([\w,-]+)\]", shell):
        assert set(named.split(",")) <= extras.keys()
    for file in re.findall(r"--prefix (\S+)|pytest (tests/\S+)", shell):
        assert (ROOT / "".join(file)).exists()


def test_the_readme_has_one_program() -> None:
    [program] = _blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    assert "asyncio.run(main())" in program


@pytest.mark.parametrize("heading", COMMANDS)
def test_the_first_block_under_a_heading_is_its_one_command(heading: str) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1]

    assert _blocks(section, "sh")[0] == f"{COMMANDS[heading]}\n"
    assert section.index("```sh") == section.index("```")
