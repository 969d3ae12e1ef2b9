"""The plugin of pytest as somebody else uses it: a project in a folder of its own, with a domain and its tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mastra_convex.testing import BACKENDS
from tests.cli.commands import REPOSITORY, environment

pytestmark = pytest.mark.long

DOMAIN = """
from typing import ClassVar

from mastra_convex.domain import (
    DomainStore, Field, Get, Index, Owner, Put, Record, Table, decode_row, encode_row, parse
)

FEEDBACK = Table(
    name="acme_feedback",
    fields=(Field("id"), Field("threadId"), Field("stars", "number"), Field("comment", optional=True)),
    indexes=(Index("by_record_id", ("id",)), Index("by_thread", ("threadId",))),
    owner=Owner("mastra_threads", "by_thread"),
)


class Feedback(Record):
    id: str
    thread_id: str
    stars: int
    comment: str | None = None


class FeedbackStore(DomainStore):
    name: ClassVar[str] = "feedback"
    tables: ClassVar[tuple[Table, ...]] = (FEEDBACK,)

    async def save(self, feedback):
        checked = parse(Feedback, feedback, "feedback", operation="SAVE")
        row = encode_row(FEEDBACK, checked.model_dump(by_alias=True))
        await self._records.commit([Put(table=FEEDBACK.name, rows=[row])])

    async def get(self, id):
        [row] = (await self._records.read(Get(table=FEEDBACK.name, keys=[[id]]))).rows
        return None if row is None else Feedback.stored(decode_row(FEEDBACK, row), FEEDBACK)
"""

TESTS = """
import pytest
from acme_feedback import Feedback, FeedbackStore
from mastra_convex_domains import MemoryStore


@pytest.fixture(scope="session")
def mastra_domains():
    return [MemoryStore, FeedbackStore]


@pytest.fixture
def backend():  # a name that others may use
    return "mine"


async def test_feedback_goes_with_its_thread(mastra_store, backend):
    feedback = mastra_store.domain(FeedbackStore)
    await mastra_store.memory.save_thread({"id": "t1", "resource_id": "user-1"})
    await feedback.save({"id": "f1", "threadId": "t1", "stars": 5})
    assert await feedback.get("f1") == Feedback(id="f1", thread_id="t1", stars=5)
    await mastra_store.memory.delete_thread("t1")
    assert await feedback.get("f1") is None


async def test_each_test_begins_with_nothing(mastra_backend):
    first, second = mastra_backend.store(), mastra_backend.store()
    assert await first.domain(FeedbackStore).get("f1") is None
    await first.domain(FeedbackStore).save({"id": "f1", "threadId": "t1", "stars": 5})
    assert await second.domain(FeedbackStore).get("f1") is not None
"""


def project(folder: Path, settings: str = "asyncio_mode = auto") -> Path:
    (folder / "acme_feedback.py").write_text(DOMAIN)
    (folder / "test_feedback.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = .\n{settings}\n")
    info = folder / "installed" / "mastra_convex_plugin-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mastra-convex-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest11]\nmastra_convex_pytest = mastra_convex_pytest\n")
    return folder


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest as in an environment where the package is installed."""
    paths = [str(folder / "installed"), environment()["PYTHONPATH"]]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "-rs", *arguments],
        cwd=folder,
        env={**environment(**variables), "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_domain_of_others_is_tested_on_every_backend(tmp_path: Path) -> None:
    done = run(project(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in BACKENDS:
        assert f"test_feedback_goes_with_its_thread[{name}] PASSED" in done.stdout
        assert f"test_each_test_begins_with_nothing[{name}] PASSED" in done.stdout


def test_strict_mode_and_the_plugin_of_anyio_run_it_too(tmp_path: Path) -> None:
    folder = project(tmp_path, "asyncio_mode = strict")
    tests = (folder / "test_feedback.py").read_text()
    (folder / "test_feedback.py").write_text(tests.replace("async def", "@pytest.mark.asyncio\nasync def"))
    done = run(folder, "--mastra-backend", "memory,server")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" PASSED") == 4


def test_backends_are_chosen_by_name(tmp_path: Path) -> None:
    folder = project(tmp_path)
    done = run(folder, "--mastra-backend", "sqlite")
    assert (done.returncode, done.stdout.count(" PASSED")) == (0, 2)
    done = run(folder, "--mastra-backend", "sqlight")
    assert done.returncode != 0
    assert "no such backend: sqlight; memory, sqlite, server, convex-test are" in done.stdout + done.stderr


def test_without_node_its_backend_is_skipped_with_the_reason(tmp_path: Path) -> None:
    folder = project(tmp_path)
    done = run(folder, PATH=str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" PASSED") == 6
    assert "convex-test runs on `node`, which does not start; install Node 20 or later" in done.stdout
    done = run(folder, "--mastra-backend", "convex-test", PATH=str(folder))
    assert done.returncode == 1
    assert "NodeMissingError" in done.stdout


def test_an_older_node_is_named(tmp_path: Path) -> None:
    folder = project(tmp_path)
    node = folder / "node"
    node.write_text("#!/bin/sh\necho v18.20.4\n")
    node.chmod(0o755)
    done = run(folder, PATH=str(folder))
    assert "convex-test runs on `node`, which is v18.20.4; install Node 20 or later" in done.stdout


def test_projects_that_do_not_use_it_import_nothing_of_the_package(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "test_feedback.py").write_text(
        textwrap.dedent("""
            import sys

            def test_nothing_is_imported():
                ours = [name for name in sys.modules if name.startswith("mastra_convex")]
                assert ours == ["mastra_convex_pytest"]
                assert not {"aiohttp", "pydantic", "orjson"} & set(sys.modules)
        """)
    )
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_host_needs_the_versions_that_our_own_tests_have() -> None:
    functions = REPOSITORY / "convex_functions"
    ours = json.loads((functions / "package.json").read_text())
    host = json.loads((functions / "tests" / "host" / "package.json").read_text())
    assert host["dependencies"].items() <= ours["devDependencies"].items()
    assert host["engines"] == ours["engines"]
