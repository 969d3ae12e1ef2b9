"""Commands in documents: all of them parse, and those of docs/commands.md run as they stand."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from mastra_convex.cli.app import app
from tests.cli.commands import REPOSITORY, run

DOCUMENTS = sorted([REPOSITORY / "README.md", REPOSITORY / "SECURITY.md", *REPOSITORY.glob("docs/**/*.md")])
ENDLESS = ("dev", "view", "--watch", "tail")
CHATS = [{"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}]}]


@cache
def program() -> Any:
    """The command with all that are below it; making it takes a while."""
    return typer.main.get_command(app)


def commands(document: Path) -> list[list[str]]:
    """The arguments of each `mastra-convex` in the shell blocks of a document."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|shell)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words[words.index("mastra-convex") + 1 :] for words in lines if "mastra-convex" in words]


def parse(arguments: list[str]) -> None:
    """Finds the command and checks its options as the program does, and does not run it."""
    command = program()
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(command.name, arguments)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_parses(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (found := commands(document)):
        for word in arguments:
            if re.fullmatch(r"[\w./-]+\.(db|zip|jsonl?)", word):  # a file that the command may want to see
                Path(word).parent.mkdir(parents=True, exist_ok=True)
                Path(word).touch()
        parse(arguments)
    assert found or document.name != "commands.md"


def test_every_command_is_on_the_page() -> None:
    shown = {arguments[0] for arguments in commands(REPOSITORY / "docs" / "commands.md")}
    assert shown == {name for name, command in program().commands.items() if not command.hidden}


@pytest.mark.long
def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "conversations.json").write_text(json.dumps(CHATS))
    ran = 0
    for arguments in commands(REPOSITORY / "docs" / "commands.md"):
        if any(word in arguments for word in (*ENDLESS, "--to-env", "--from-env")) or arguments == ["doctor"]:
            continue
        done = run(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        ran += 1
    assert ran > 30
