"""A Node that is missing or too old is named as the cause, before any test fails of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastra_convex.testing.convex_host import NodeMissingError, node
from tests.backends import convex_host


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("echo v18.20.4", r"`node`, which is v18\.20\.4; install Node 20"),
        ("echo v9.0.0", r"which is v9\.0\.0"),
        ("exit 1", "does not start"),
        (None, "does not start; install Node 20"),
    ],
)
async def test_the_cause_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, cause: str
) -> None:
    if program is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeMissingError, match=cause):
        async with convex_host():
            pass


@pytest.mark.parametrize("version", ["v20.0.0", "v22.1.0-nightly", "v100.2.3"])
def test_a_node_that_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    (tmp_path / "node").write_text(f"#!/bin/sh\necho {version}\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node() == "node"
