"""Agents of three frameworks on one store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.pages import run_page


async def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("together.md")
    assert (tmp_path / "agent.db").is_file()
