"""Paths of a file that are none, or that cannot be used, are named for what they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConfigurationError, ConvexStore
from tests.cli.commands import run

NOT_PATHS: dict[str, tuple[Any, str]] = {
    "nothing": ("", "path must be that of a file"),
    "blanks": ("  ", "path must be that of a file"),
    "none": (None, "path must be that of a file"),
    "bytes": (b"agent.db", "path must be that of a file"),
    "number": (3, "path must be that of a file"),
    "NUL": ("a\0b.db", "NUL"),
    "surrogate": ("a\ud800.db", "no file name has"),
    "URL of SQLAlchemy": ("sqlite:///agent.db", "'agent.db'"),
    "absolute URL of SQLAlchemy": ("sqlite:////data/agent.db", "'/data/agent.db'"),
    "asynchronous URL": ("sqlite+aiosqlite:///agent.db", "'agent.db'"),
    "memory URL": ("sqlite://", "'agent.db'"),
    "URI": ("file:agent.db?mode=ro", "'agent.db'"),
    "absolute URI": ("file:///data/agent.db", "'/data/agent.db'"),
    "memory URI": ("file::memory:?cache=shared", "':memory:'"),
    "libsql": ("libsql://db.turso.io", "give the path of the file alone"),
    "JDBC": ("jdbc:sqlite:agent.db", "'agent.db'"),
    "URI as a Path": (Path("file:///data/agent.db"), "'/data/agent.db'"),
    "URL as a Path": (Path("https://happy-otter-123.convex.cloud"), "deployment_url="),
    "deployment": ("https://happy-otter-123.convex.cloud", "deployment_url="),
}


@pytest.mark.parametrize("kind", NOT_PATHS)
def test_what_is_no_path_is_refused(kind: str) -> None:
    path, words = NOT_PATHS[kind]
    with pytest.raises(ConfigurationError, match="path") as caught:
        ConvexStore.local(path)
    assert words in str(caught.value)


def test_the_command_refuses_it_too() -> None:
    done = run("dev", "--port", "0", "--file", "sqlite:///agent.db")
    assert done.returncode == 1
    assert "'agent.db'" in done.stderr


async def test_the_home_of_the_user_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("~/agent.db", Path("~/agent.db")):
        async with ConvexStore.local(path) as store:
            await store.memory.save_thread({"id": "t", "resource_id": "r"})
            assert str(tmp_path) in repr(store)
    assert (tmp_path / "agent.db").is_file()


def _directory(folder: Path) -> Path:
    return folder


def _missing(folder: Path) -> Path:
    return folder / "nowhere" / "agent.db"


def _below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "agent.db"


def _text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no database at all, but long enough to be looked at " * 20)
    return folder / "notes.txt"


def _long(folder: Path) -> Path:
    return folder / ("x" * 300)


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "agent.db"


UNUSABLE = {
    _directory: "is a directory; give the path of a file in it",
    _missing: "make it first",
    _below_a_file: "is no directory",
    _text: "is not a SQLite database",
    _long: "cannot be opened: File name too long",
    _loop: "cannot be opened",
}


@pytest.mark.parametrize("make", UNUSABLE)
async def test_what_cannot_be_opened_is_named(make: Any, tmp_path: Path) -> None:
    path = make(tmp_path)
    async with ConvexStore.local(path) as store:
        for call in (store.memory.get_thread_by_id("t"), store.memory.save_thread({"resource_id": "r"}), store.init()):
            with pytest.raises(ConfigurationError) as caught:
                await call
            assert str(path) in str(caught.value)
            assert UNUSABLE[make] in str(caught.value)


async def test_a_database_of_others_is_named_where_it_has_a_table_of_our_name(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mastra_threads (id TEXT)")
    connection.close()
    async with ConvexStore.local(tmp_path / "other.db") as store:
        with pytest.raises(ConfigurationError, match="that is not ours"):
            await store.init()
