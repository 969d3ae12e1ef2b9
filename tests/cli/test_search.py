"""`mastra-convex search` as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import HashingEmbedder
from tests.cli.commands import run

TEXTS = {"tea": "Green tea from Japan", "bike": "A bicycle with gears", "milk": "Milk for the tea\x1b[2J"}
EMBEDDERS = """
from mastra_convex_domains import HashingEmbedder

fitting = HashingEmbedder(64)
other = HashingEmbedder(8)
number = 7

class Model:
    dimension = 64

    async def embed(self, texts):
        return await fitting.embed(texts)
"""


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    (tmp_path / "models.py").write_text(EMBEDDERS)
    path = tmp_path / "agent.db"
    embedder = HashingEmbedder(64)
    async with ConvexStore.local(path) as store:
        await store.vector.create_index("notes", dimension=64)
        metadata = [{"text": text, "hot": id != "bike"} for id, text in TEXTS.items()]
        vectors = await embedder.embed(list(TEXTS.values()))
        await store.vector.upsert("notes", vectors=vectors, ids=list(TEXTS), metadata=metadata)
    return path


def found(file: Path, text: str, *options: str) -> list[Any]:
    done = run("search", "notes", text, "--file", file, "--json", *options, cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    hits: list[Any] = json.loads(done.stdout)["hits"]
    return hits


def test_the_nearest_are_found(file: Path) -> None:
    hits = found(file, "green teas", "--top-k", "2")
    assert (len(hits), hits[0]["id"]) == (2, "tea")
    assert hits[0]["metadata"]["text"] == TEXTS["tea"]
    assert [hit["id"] for hit in found(file, "tea", "--filter", '{"hot": false}')] == ["bike"]
    shown = run("search", "notes", "milk", "--file", file).stdout
    assert shown.index("milk") < shown.index("bike")
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_an_embedder_of_the_user(file: Path) -> None:
    hashed = found(file, "gears")
    assert found(file, "gears", "--embedder", "models:fitting") == hashed
    assert found(file, "gears", "--embedder", "models:Model") == hashed


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("notes", "x", "--embedder", "models:other"), 1, "has vectors of 64 numbers, the embedder gives 8"),
        (("notes", "x", "--embedder", "models:number"), 1, "must have `dimension`"),
        (("notes", "x", "--embedder", "models:missing"), 1, "has no attribute 'missing'"),
        (("notes", "x", "--embedder", "no_such_module:x"), 1, "No module named 'no_such_module'"),
        (("notes", "x", "--embedder", "models"), 2, "looks like module:name"),
        (("notes", "x", "--filter", "{"), 2, "takes a JSON object"),
        (("none", "x"), 1, "index 'none' not found"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(file: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run("search", *arguments, "--file", file, cwd=file.parent)
    assert done.returncode == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert code == 2 or len(done.stderr.splitlines()) == 1
