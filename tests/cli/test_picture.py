"""The picture of the README can be made from the real demo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.commands import REPOSITORY, environment


@pytest.mark.long
def test_the_picture_is_made_from_the_demo(tmp_path: Path) -> None:
    path = tmp_path / "terminal.svg"
    command = [sys.executable, str(REPOSITORY / "docs" / "site" / "picture.py"), str(path)]
    subprocess.run(command, env=environment(), check=True, cwd=tmp_path)
    texts = [words(each) for each in (path, REPOSITORY / "docs" / "terminal.svg")]
    for text in texts:
        assert "mastra-convex demo" in text
        assert "came too late" in text
    headings = [[line for line in text.splitlines() if line[:1].isdigit() and ". " in line[:4]] for text in texts]
    assert headings[0] == headings[1]  # the committed picture shows what the demo has now
    assert len(headings[0]) == 4


def words(path: Path) -> str:
    """The texts of a picture, a line each."""
    root = ElementTree.fromstring(path.read_text("utf-8"))  # our own
    lines = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    return "\n".join(lines).replace("\xa0", " ")
